"""Conservation: what was stored is published or a dead letter, or it has gone nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from eventing.timestamps import minute_of

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Window:
    """The whole minutes that are looked at, by how long ago an event was accepted."""

    from_minutes: int
    until_minutes: int

    def __post_init__(self) -> None:
        if not 0 <= self.until_minutes < self.from_minutes:
            raise ValueError(f"no window: from {self.from_minutes} until {self.until_minutes}")

    def at(self, now: datetime) -> tuple[datetime, datetime]:
        """The moments at which the window begins and ends, both on a full minute; the end is outside."""
        minute = minute_of(now)
        return minute - self.from_minutes * MINUTE, minute - self.until_minutes * MINUTE


def unaccounted(stored: Mapping[datetime, float], settled: Mapping[datetime, float]) -> int:
    """Count the events that were stored in some minute and have not been settled.

    Both count events by the minute that they were accepted in. One that is settled twice makes up for
    no other one that is missing, unless it was accepted in the same minute.
    """
    return round(sum(max(0.0, count - settled.get(minute, 0)) for minute, count in stored.items()))
