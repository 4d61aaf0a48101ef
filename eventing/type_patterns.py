"""Patterns of event types: a type, or a prefix of whole segments followed by `.*`, or `*`.

A wildcard stands for one character or more of `WILD`, in a type of at most `MAX_WILD_TYPE` characters:
a publisher makes such a type up, and people read it. A type without a wildcard is what it says.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Generic, TypeVar

V = TypeVar("V")

WILD = "[A-Za-z0-9._-]"
MAX_WILD_TYPE = 255

_WILD = re.compile(f"{WILD}+")
_PATTERN = re.compile(r"\*|[^*]*[^*.]\.\*|[^*]+")


def is_pattern(text: str) -> bool:
    """Tell whether `text` is a pattern of event types."""
    return _PATTERN.fullmatch(text) is not None


class TypePatterns(Generic[V]):
    """Finds what was filed under the patterns that an event type matches, in the order of filing.

    A look-up costs one dictionary access for each segment of the type, however many patterns there are.
    """

    def __init__(self, entries: Sequence[tuple[str, V]]) -> None:
        self._filed: dict[str, list[tuple[int, V]]] = {}
        for order, (pattern, value) in enumerate(entries):
            self._filed.setdefault(pattern, []).append((order, value))
        # The same few types come again and again, but a publisher can make up any number of them.
        self._match = lru_cache(maxsize=1024)(self._look_up)

    def matches(self, type: str) -> Sequence[V]:
        """All values whose pattern matches `type`, first filed first."""
        return self._match(type)

    def _look_up(self, type: str) -> list[V]:
        found = [*self._filed.get(type, ())]
        if _stands_for(type, 0):
            found += self._filed.get("*", ())
        dot = type.find(".")
        while dot != -1:
            if (filed := self._filed.get(f"{type[:dot]}.*")) and _stands_for(type, dot + 1):
                found += filed
            dot = type.find(".", dot + 1)
        if len(found) > 1:
            found.sort(key=lambda entry: entry[0])
        return [value for _, value in found]


def covers(pattern: str, other: str) -> bool:
    """Tell whether every type that `other` matches is matched by `pattern`."""
    if pattern == other:
        return True
    prefix = pattern.removesuffix("*")
    # A wildcard of the other's is one that this one stands for, too.
    return (
        prefix != pattern
        and other.startswith(prefix)
        and _stands_for(f"{other[:-1]}x" if other.endswith("*") else other, len(prefix))
    )


def _stands_for(type: str, start: int) -> bool:
    """Tell whether a wildcard that begins at `start` stands for the rest of `type`."""
    return len(type) <= MAX_WILD_TYPE and _WILD.fullmatch(type, start) is not None
