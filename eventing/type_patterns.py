"""Patterns of event types: a type, or a prefix of whole segments followed by `.*`, or `*`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Generic, TypeVar

V = TypeVar("V")

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
        found = [*self._filed.get(type, ()), *self._filed.get("*", ())]
        dot = type.find(".")
        while dot != -1:
            found += self._filed.get(f"{type[:dot]}.*", ())
            dot = type.find(".", dot + 1)
        if len(found) > 1:
            found.sort(key=lambda entry: entry[0])
        return [value for _, value in found]


def covers(pattern: str, other: str) -> bool:
    """Tell whether every type that `other` matches is matched by `pattern`."""
    if pattern == "*" or pattern == other:
        return True
    return pattern.endswith(".*") and other.startswith(pattern[:-1])
