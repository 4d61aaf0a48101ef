"""Values of the CDK context, each read as one kind of thing or refused with its key and the reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import re

Context = Callable[[str], Any]
Value = TypeVar("Value")


class ConfigurationError(Exception):
    """A value of the CDK context that cannot be deployed; names the key and the reason."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"configuration: {key}: {reason}")


def text(context: Context, key: str) -> str:
    """A value that is text, and not empty."""
    given = context(key)
    if not isinstance(given, str) or not given:
        raise ConfigurationError(key, f"has to be text, not {given!r}")
    return given


def matching(context: Context, key: str, pattern: re.Pattern[str], otherwise: str) -> str:
    """Text of this pattern."""
    given = text(context, key)
    if not pattern.fullmatch(given):
        raise ConfigurationError(key, f"{given!r} {otherwise}")
    return given


def value(context: Context, key: str, kind: type[Value], expected: str) -> Value:
    """A value of this kind; text, as it comes from the command line, is read as JSON."""
    given = context(key)
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except ValueError:
            raise ConfigurationError(key, f"has to be {expected}, not {given!r}") from None
    # `True` is an `int` in Python, but no number.
    if not isinstance(given, kind) or (isinstance(given, bool) and kind is not bool):
        raise ConfigurationError(key, f"has to be {expected}, not {given!r}")
    return given


def texts(context: Context, key: str, expected: str) -> tuple[str, ...]:
    """A list of texts, each once."""
    values = value(context, key, list, expected)
    for one in values:
        if not isinstance(one, str):
            raise ConfigurationError(key, f"has to be {expected}, not {one!r}")
        if values.count(one) > 1:
            raise ConfigurationError(key, f"{one!r} is there more than once")
    return tuple(values)
