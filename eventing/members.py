"""Reads the members of a JSON object that is not to be trusted, each by a check of its kind."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from math import inf
from typing import Any, TypeVar, overload

from eventing.timestamps import read_timestamp

T = TypeVar("T")
D = TypeVar("D")

_REQUIRED: Any = object()


class Unfit(ValueError):  # noqa: N818 - what a check says of a value
    """A value of another kind than was wanted; the message says what is wrong with it."""


class Members:
    """The members of one object. `complain` makes the error for a member's name and what is wrong."""

    def __init__(
        self, content: Mapping[str, Any], complain: Callable[[str, str], Exception]
    ) -> None:
        self._content = content
        self._complain = complain

    @overload
    def read(self, name: str, check: Callable[[Any], T]) -> T: ...
    @overload
    def read(self, name: str, check: Callable[[Any], T], default: D) -> T | D: ...
    def read(self, name: str, check: Callable[[Any], Any], default: Any = _REQUIRED) -> Any:
        """The member as `check` returns it, or the default for one that is missing.

        Without a default, a member that is missing is checked as None.
        """
        if name not in self._content and default is not _REQUIRED:
            return default
        try:
            return check(self._content.get(name))
        except Unfit as unfit:
            raise self._complain(name, str(unfit)) from None


def nullable(check: Callable[[Any], T]) -> Callable[[Any], T | None]:
    """None, or whatever `check` takes."""
    return lambda value: None if value is None else check(value)


def text(value: Any) -> str:
    """A text that is not empty."""
    if not isinstance(value, str) or not value:
        raise Unfit("must be a text that is not empty")
    return value


def any_text(value: Any) -> str:
    """A text, or an empty one."""
    if not isinstance(value, str):
        raise Unfit("must be a text")
    return value


def moment(value: Any) -> str:
    """A time with its offset, as `timestamp` writes it."""
    try:
        return read_timestamp(text(value))
    except Unfit:
        raise
    except ValueError:
        raise Unfit("must be a time with its offset, such as 2026-11-24T09:30:00Z") from None


def one_of(choices: Collection[str]) -> Callable[[Any], str]:
    """One of some texts."""

    def check(value: Any) -> str:
        if not isinstance(value, str) or value not in choices:
            raise Unfit(f"must be one of {', '.join(choices)}")
        return value

    return check


def whole(least: int, most: int | None = None) -> Callable[[Any], int]:
    """A whole number between two bounds, which both belong to it."""

    def check(value: Any) -> int:
        if type(value) is not int or value < least or (most is not None and value > most):
            bounds = f"of at least {least}" if most is None else f"from {least} to {most}"
            raise Unfit(f"must be a whole number {bounds}")
        return value

    return check


def positive(value: Any) -> float:
    """A finite number above 0."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < inf:
        raise Unfit("must be a number above 0")
    return value


def object_of(*known: str) -> Callable[[Any], dict[str, Any]]:
    """An object that has no other members than these, or any where none are named."""

    def check(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Unfit("must be an object")
        if known and (unknown := sorted(set(value) - set(known))):
            raise Unfit(f"has an unknown member {unknown[0]!r}; known are {', '.join(known)}")
        return value

    return check


def filled_list(value: Any) -> list[Any]:
    """A list that is not empty."""
    if not isinstance(value, list) or not value:
        raise Unfit("must be a list that is not empty")
    return value
