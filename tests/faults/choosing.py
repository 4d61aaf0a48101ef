"""Faults that happen once, and happenings between two calls."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from tests.faults.vocabulary import Call, Fault

C = TypeVar("C", bound=Call)


def once(fault: Fault, chosen: Callable[[C], bool]) -> Callable[[C], Fault | None]:
    """This fault for the first call of this kind, whoever makes it."""
    is_first = _first(chosen)
    return lambda call: fault if is_first(call) else None


def meanwhile(
    chosen: Callable[[C], bool], happens: Callable[[], object]
) -> Callable[[C], Fault | None]:
    """Something else happens just before the first call of this kind, which then goes through."""
    is_first = _first(chosen)

    def faults(call: C) -> None:
        if is_first(call):
            happens()

    return faults


def _first(chosen: Callable[[C], bool]) -> Callable[[C], bool]:
    lock, done = threading.Lock(), False

    def is_first(call: C) -> bool:
        nonlocal done
        with lock:
            first = not done and chosen(call)
            done = done or first
        return first

    return is_first
