"""The graphs of the canary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.widgets import WIDTH, Row, alarm_status, graph, percentiles
from infrastructure.constructs.canary import DELIVERED

if TYPE_CHECKING:
    from infrastructure.constructs.canary import Canary

# Low: what waits has to be on the first screen as well.
_HEIGHT = 4
_THIRD = WIDTH // 3


def arrivals(canary: Canary) -> Row:
    """Tell whether events get through, and how long they take."""
    return [
        alarm_status("Do events get through?", [canary.undelivered], width=_THIRD, height=_HEIGHT),
        graph(
            "Events of the canary that arrived",
            {"arrived": canary.delivered},
            unit="events",
            below=DELIVERED,
            width=_THIRD,
            height=_HEIGHT,
        ),
        graph(
            "How long they took, from publisher to subscriber",
            percentiles(canary.latency, 50, 99),
            unit="milliseconds",
            width=_THIRD,
            height=_HEIGHT,
        ),
    ]
