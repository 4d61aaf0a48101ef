"""Sensitive data: what Macie looks for, and what follows when it finds some."""
