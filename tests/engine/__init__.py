"""Triage and redrive against the emulator, without a deployment; `world.py` says how."""
