"""The reading of a whole table: how it is divided, how long it takes, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any

from eventing.prices import PRICES, units

THREADS = 8
"""Segments that are read at a time."""
GIB = 1024**3
EXPORT_BYTES = 500 * GIB
"""A larger table is better exported to S3 and searched there: DynamoDB charges that by size."""
# Of a Lambda function with one processor, in a second: what DynamoDB answers, and how many of the events that
# were asked for are looked up in the receipts: the first is assumed, the second measured on a laptop.
_BYTES_PER_SECOND, _EVENTS_PER_SECOND = 40 * 1024**2, 38_000
_SEGMENT_BYTES, _MOST_SEGMENTS = GIB, 4096
_READ_BYTES = 4096
_LEAST_SECONDS = 1


@dataclass(frozen=True)
class Reading:
    """A table of a size, and what reading all of it takes; DynamoDB tells the size of some hours ago."""

    bytes: int
    events: int

    @property
    def gigabytes(self) -> float:
        """Of 1024 MiB."""
        return self.bytes / GIB

    @property
    def segments(self) -> int:
        """Into how many parts it is divided: of a GiB, but as many as are read at a time."""
        return min(max(THREADS, ceil(self.bytes / _SEGMENT_BYTES)), _MOST_SEGMENTS)

    @property
    def dollars(self) -> float:
        """The price of reading it, eventually consistent: half a unit for each 4 KiB."""
        return units(self.bytes, _READ_BYTES) / 2 * PRICES["read"]

    @property
    def seconds(self) -> float:
        """How long that takes, if the events of the window are all that there are."""
        by_size, by_number = self.bytes / _BYTES_PER_SECOND, self.events / _EVENTS_PER_SECOND
        return max(by_size, by_number, _LEAST_SECONDS)

    def members(self) -> dict[str, Any]:
        """As people are told of it."""
        return {
            "gigabytes": round(self.gigabytes, 3),
            "events": self.events,
            "segments": self.segments,
            "dollars": round(self.dollars, 4),
            "minutes": round(self.seconds / 60, 1),
            "better_exported": self.better_exported,
        }

    @property
    def better_exported(self) -> bool:
        """True for a table that is too large to be read like this."""
        return self.bytes > EXPORT_BYTES
