"""Adoption: what a lost region has taken and not published is published by one that is there."""
