"""Compares what was stored with what was settled, by the metrics of this deployment."""

from __future__ import annotations

from datetime import datetime

from eventing.conservation import Window, unaccounted
from functions.shared.metric_reader import MetricReader

_STORED, _SETTLED = "EventsStored", "EventsSettled"


def lost_events(reader: MetricReader, window: Window, now: datetime) -> int:
    """How many events of the window have gone nowhere; raises what the SDK raises."""
    sums = reader.sums([_STORED, _SETTLED], *window.at(now))
    return unaccounted(sums[_STORED], sums[_SETTLED])
