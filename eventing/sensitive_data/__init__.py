"""Sensitive data: from a finding of Macie to the publisher, the events and everybody who got them."""
