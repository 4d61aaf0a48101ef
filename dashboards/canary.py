"""The graphs of the canary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.widgets import WIDTH, Row, alarm_status, graph, percentiles
from infrastructure.constructs.canary import DELIVERED
from infrastructure.constructs.neighbours import ANSWERED

if TYPE_CHECKING:
    from infrastructure.constructs.canary import Canary

# Low: what waits has to be on the first screen as well.
_HEIGHT = 4


def arrivals(canary: Canary) -> Row:
    """Tell whether events get through, how long they take, and whether the other regions answer."""
    width = WIDTH // (4 if canary.neighbours else 3)
    row: Row = [
        alarm_status("Do events get through?", [canary.undelivered], width=width, height=_HEIGHT),
        graph(
            "Events of the canary that arrived",
            {"arrived": canary.delivered},
            unit="events",
            below=DELIVERED,
            width=width,
            height=_HEIGHT,
        ),
        graph(
            "How long they took, from publisher to subscriber",
            percentiles(canary.latency, 50, 99),
            unit="milliseconds",
            width=width,
            height=_HEIGHT,
        ),
    ]
    if canary.neighbours:
        others = graph(
            "Other regions whose gateway answers",
            canary.neighbours.answered,
            unit="answers",
            below=ANSWERED,
            width=width,
            height=_HEIGHT,
        )
        row = [*row, others]
    return row
