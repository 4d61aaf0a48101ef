"""The action that erases an event, by which its requests, reports and executions are known."""

from __future__ import annotations

ACTION = "erase"


def is_erasure(execution: str) -> bool:
    """True for the name of an execution that erases, as the command line gives it."""
    return execution.startswith(f"{ACTION}-")
