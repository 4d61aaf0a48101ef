"""Delivery: what is published to a topic gets to somebody, or nobody is there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from eventing.timestamps import minute_of

# So long nothing at all must have happened to an event, and so far back events are looked at.
QUIET = timedelta(minutes=15)
LOOK_BACK = timedelta(hours=1)

ByMinute = Mapping[datetime, float]
"""What a metric counted, by the minute."""


def looked_at(now: datetime) -> tuple[datetime, datetime]:
    """The moments at which the minutes that matter begin and end, the present one included."""
    minute = minute_of(now)
    return minute - LOOK_BACK, minute + timedelta(minutes=1)


def last_published(published: ByMinute, now: datetime) -> datetime | None:
    """The last minute in which events were published that have had time to get somewhere since."""
    minutes = [minute for minute, count in published.items() if count and now - minute >= QUIET]
    return max(minutes, default=None)


def happened_since(minute: datetime, outcome: ByMinute) -> bool:
    """True when this was the outcome of any delivery in that minute or later."""
    return any(count and at >= minute for at, count in outcome.items())
