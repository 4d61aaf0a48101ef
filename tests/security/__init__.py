"""Attacks on the running system, each with its siblings; SECURITY.md says which rule each one holds."""
