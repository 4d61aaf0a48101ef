"""Attacks on a system like that of `make run`, by requests and from a browser."""
