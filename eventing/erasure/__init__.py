"""Erasing one event everywhere: the rules."""
