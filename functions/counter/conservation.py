"""Compares what was stored with what was settled, by the metrics of this deployment."""

from __future__ import annotations

from datetime import datetime

from eventing.conservation import Window, unaccounted
from functions.contract import Metric
from functions.shared.metric_reader import MetricReader


def lost_events(reader: MetricReader, window: Window, now: datetime) -> int:
    """The number of events of the window that have gone nowhere; raises what the SDK raises."""
    stored, settled = Metric.EVENTS_STORED, Metric.EVENTS_SETTLED
    sums = reader.sums([stored, settled], *window.at(now))
    return unaccounted(sums[stored], sums[settled])
