"""Walks through the Events table, several segments at a time, page by page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Any

from eventing.adoption.reading import THREADS
from eventing.timestamps import timestamp
from functions.shared.clock import Clock
from functions.shared.event_scan import EventScan, StoredEvent


@dataclass
class Position:
    """The segments that were begun and have not ended, and the first of those that were not begun.

    The counts: events `read` of the table; `found`, those that were asked for; `half_units`, what DynamoDB
    charges; and those of whoever looks at what was found.
    """

    segments: int
    next: int = 0
    open: dict[str, str] = field(default_factory=dict)
    """By number, the key after which a segment goes on."""
    pages: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Position:
        """The position in the JSON that `members` gave: JSONata hands whole numbers on as floats."""
        numbers = {name: int(content[name]) for name in ("segments", "next", "pages")}
        return cls(**numbers, open=dict(content["open"]), counts=Counter(content["counts"]))

    def members(self) -> dict[str, Any]:
        """As JSON."""
        return {**vars(self), "open": dict(self.open), "counts": dict(self.counts)}

    @property
    def done(self) -> bool:
        """True when every segment has been read."""
        return not self.open and self.next >= self.segments


class TableWalk:
    """Reads on in the table."""

    def __init__(self, scan: EventScan, *, workers: Executor, clock: Clock) -> None:
        self._scan = scan
        self._workers = workers
        self._clock = clock

    def page(
        self,
        position: Position,
        *,
        region: str,
        start: datetime,
        end: datetime,
        ends: float,
        see: Callable[[Sequence[StoredEvent]], Mapping[str, int]],
    ) -> Position:
        """Read on until `ends` (of the clock's `monotonic`); the position then.

        `see` is called, in several threads, with the events that `region` took from `start` on and before
        `end`, and tells what to count of them. It has returned before the position says that they were
        read: a page that dies is done again from where it began. Raises what the SDK and `see` raise.
        """
        shared = _Shared(position)

        def work() -> None:
            while self._clock.monotonic() < ends and (taken := shared.take()):
                segment, after = taken
                while True:
                    page = self._scan.page(
                        region=region,
                        start=timestamp(start),
                        end=timestamp(end),
                        segment=segment,
                        segments=position.segments,
                        after=after,
                    )
                    shared.add(
                        Counter(
                            read=page.read,
                            half_units=round(2 * page.units),
                            found=len(page.events),
                        )
                        + Counter(see(page.events))
                    )
                    if page.next is None:
                        break
                    after = page.next
                    if self._clock.monotonic() >= ends:
                        shared.leave(segment, after)
                        return

        jobs = [self._workers.submit(work) for _ in range(THREADS)]
        # Each is waited for: nothing goes on behind the back of a page that has failed.
        failures = [failure for job in jobs if (failure := job.exception())]
        if failures:
            raise failures[0]
        return shared.position()


class _Shared:
    """A position from which several threads go on: each takes a segment, and tells how far it has read."""

    def __init__(self, position: Position) -> None:
        self._lock = Lock()
        self._waiting = dict(position.open)
        self._left: dict[str, str] = {}
        self._next = position.next
        self._counts = Counter(position.counts)
        self._segments, self._pages = position.segments, position.pages

    def take(self) -> tuple[int, str | None] | None:
        """A segment, and the key after which it goes on; None when all are taken."""
        with self._lock:
            if self._waiting:
                number, after = self._waiting.popitem()
                return int(number), after
            if self._next >= self._segments:
                return None
            self._next += 1
            return self._next - 1, None

    def leave(self, segment: int, after: str) -> None:
        """Take note of where a segment goes on in the next page."""
        with self._lock:
            self._left[str(segment)] = after

    def add(self, counts: Mapping[str, int]) -> None:
        """Count these in."""
        with self._lock:
            self._counts.update(counts)

    def position(self) -> Position:
        """The position when no thread is at it any more."""
        open_segments = self._waiting | self._left
        return Position(self._segments, self._next, open_segments, self._pages + 1, self._counts)
