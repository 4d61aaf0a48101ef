"""Turns of a page of triage: no publisher's letters keep another's from the ledger."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from threading import Lock
from typing import TypeVar

from functions.shared.clock import Clock
from functions.shared.message_queue import Received

T = TypeVar("T")

# Seconds of judging that a publisher has in the first round, and how many times as much in the next.
_SHARE, _GROWTH = 0.25, 4
# Of a letter that is made to be expensive, with room: so small ones come before those that may be.
_SECONDS_PER_BYTE = 4e-6
# `DeadLetter.text` begins with it. A wrong one only changes whose turn it is.
_PUBLISHER = re.compile(r'"publisher":"([^"\\]{1,128})"')
_HEAD = 1000


class PageOver(Exception):  # noqa: N818 - what was found
    """The page has no time to begin with another letter."""


class Turns:
    """The time of a page, and how much of it each publisher has had.

    Letters of a publisher that has had its share wait until all others have been looked at. One is
    judged at a time: side by side none would be ready sooner, and all would be late when the page ends.
    """

    def __init__(self, *, ends: float, clock: Clock) -> None:
        self._ends = ends
        self._clock = clock
        self._share = _SHARE
        self._spent: dict[str, float] = defaultdict(float)
        self._waiting: list[Received] = []
        self._judging = Lock()
        self._turning = Lock()

    @property
    def over(self) -> bool:
        """True when nothing more may be begun."""
        return self._clock.monotonic() > self._ends

    def has_turn(self, message: Received) -> bool:
        """True unless the letter may cost more than is left of its publisher's share of the round."""
        may_cost = len(message.body) * _SECONDS_PER_BYTE
        return self._spent[publisher_of(message)] + may_cost < self._share

    def judge(self, message: Received, work: Callable[[], T]) -> T:
        """Do what takes the processor, at the expense of the letter's publisher; or `PageOver`."""
        with self._judging:
            if self.over:
                raise PageOver
            began = self._clock.monotonic()
            try:
                return work()
            finally:
                self._spent[publisher_of(message)] += self._clock.monotonic() - began

    def put_off(self, message: Received) -> None:
        """Let it wait for the next round."""
        with self._turning:
            # Without its body: there may be thousands.
            self._waiting.append(Received(message.id, "", message.receipt))

    def next_round(self) -> list[Received]:
        """Those that wait, which are to be received again; each publisher has a larger share then."""
        with self._turning:
            waiting, self._waiting = self._waiting, []
            self._share *= _GROWTH if waiting else 1
            return waiting


def publisher_of(message: Received) -> str:
    """The publisher that a letter names at its beginning; empty for what is none."""
    found = _PUBLISHER.search(message.body, 0, _HEAD)
    return found[1] if found else ""
