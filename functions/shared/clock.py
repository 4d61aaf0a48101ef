"""The time of a process: what a test replaces to let it pass without waiting."""

from __future__ import annotations

import time
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from random import uniform
from typing import TypeVar

from functions.shared.invocation import Context

T = TypeVar("T")


@dataclass(frozen=True)
class Deadline:
    """The end of an invocation, as a moment of the clock's `monotonic`.

    It is read once, when the invocation begins: whatever is slow after that takes its time from the
    steps that may be given up, not from those that keep events safe.
    """

    end: float

    def less(self, seconds: float) -> float:
        """The moment by which all must be done that is to leave so many seconds."""
        return self.end - seconds


class Clock:
    """The machine's own time."""

    def now(self) -> datetime:
        """The moment, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some moment: deadlines are moments of this clock."""
        return time.monotonic()

    def deadline(self, context: Context) -> Deadline:
        """The end of the invocation that has just begun."""
        return Deadline(self.monotonic() + context.get_remaining_time_in_millis() / 1000)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def pause(self, seconds: float) -> None:
        """Wait before something is tried again: half of the time at least, the rest is left to chance."""
        self.sleep(seconds * uniform(0.5, 1))

    def result_by(self, deadline: float, call: Future[T], otherwise: T) -> T:
        """The result of a call, or `otherwise` when it is not back at `deadline` (of `monotonic`).

        A call that is late goes on in its thread, and nobody waits for it; one that has not begun never
        does.
        """
        try:
            return call.result(timeout=max(0.0, deadline - self.monotonic()))
        except TimeoutError:
            call.cancel()
            return otherwise
