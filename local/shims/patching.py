"""Helpers to replace parts of the emulator, which has no seams of its own."""

from __future__ import annotations

from types import FunctionType
from typing import Any

Json = dict[str, Any]


def rebound(function: FunctionType, **names: Any) -> FunctionType:
    """A copy of `function` that sees `names` in place of those globals of its module."""
    return FunctionType(
        function.__code__,
        {**function.__globals__, **names},
        function.__name__,
        function.__defaults__,
    )


def replace_once(script: str, old: str, new: str) -> str:
    if script.count(old) != 1:
        raise RuntimeError(f"the emulator's script has not exactly one {old!r}")
    return script.replace(old, new)
