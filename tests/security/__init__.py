"""Attacks on the running system, each with its siblings."""
