"""Proof that each event was published by one region, for a window of time."""
