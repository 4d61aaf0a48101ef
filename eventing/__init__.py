"""The rules of the domain in plain Python: no AWS, no clock, no environment."""
