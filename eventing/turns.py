"""Turns: one publisher's burst keeps nobody else waiting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def in_turns(items: Sequence[T], whose: Callable[[T], str]) -> list[T]:
    """The items in the order of turns: the first of each publisher, then the second of each, and so on.

    Those of one publisher stay in their order.
    """
    had: Counter[str] = Counter()

    def turn(item: T) -> int:
        publisher = whose(item)
        had[publisher] += 1
        return had[publisher]

    return sorted(items, key=turn)
