"""How far the table has been read, as it is handed from page to page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any


@dataclass
class Position:
    """The segments that were begun and have not ended, and the first of those that were not begun.

    The counts: events `read` of the table; `found` in the window, of these `published` with a receipt and
    `erased`; `adopted` as letters that are new, and `on_record` as letters that were there; `unreadable`,
    which hold no event, and `expired` meanwhile. `doubtful` are those without a receipt that were accepted
    after the last one that has come here: the region may have published them. `half_units` is what DynamoDB
    charges.
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


class Shared:
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

    def add(self, counts: Mapping[str, Any]) -> None:
        """Count these in."""
        with self._lock:
            self._counts.update(counts)

    def position(self) -> Position:
        """The position when no thread is at it any more."""
        open_segments = self._waiting | self._left
        return Position(self._segments, self._next, open_segments, self._pages + 1, self._counts)
