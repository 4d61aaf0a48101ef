"""Every minute: an event in through the front door, and out at a subscriber of its own.

It looks at the other regions as well, since a region that is lost tells nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit

from functions.canary.round_trip import RoundTrip
from functions.contract import Dimension, Metric
from functions.shared.clock import Clock
from functions.shared.entry import entry
from functions.shared.invocation import Context
from functions.shared.metrics import Metrics
from functions.shared.neighbours import Neighbours
from functions.shared.parts import Parts

# The queue is waited for within a call.
READ_SECONDS = 8.0


class Handler:
    """Makes one round trip, and reports it and which other regions answer."""

    def __init__(
        self,
        *,
        neighbours: Neighbours,
        round_trip: RoundTrip,
        logger: Logger,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self._neighbours = neighbours
        self._round_trip = round_trip
        self._logger = logger
        self._metrics = metrics
        self._clock = clock

    def __call__(self, event: Mapping[str, Any], context: Context) -> dict[str, Any]:
        """The result; an event that does not arrive is no error of this function."""
        began = self._clock.now()
        self._look_around(began)
        result = self._round_trip(self._clock.deadline(context))
        taken = [] if result.milliseconds is None else [result.milliseconds]
        self._metrics.write(
            gauges={Metric.CANARY_DELIVERED: (len(taken), MetricUnit.Count)},
            milliseconds={Metric.CANARY_LATENCY: taken} if taken else {},
            # The minute that it says something of.
            at=began,
        )
        report = {name: value for name, value in asdict(result).items() if value is not None}
        log = self._logger.info if taken else self._logger.error
        log("canary", **report)
        return report

    def _look_around(self, at: datetime) -> None:
        for region, answers in self._neighbours.answering().items():
            self._metrics.write(
                gauges={Metric.NEIGHBOUR_ANSWERED: (int(answers), MetricUnit.Count)},
                of={Dimension.REGION: region},
                at=at,
            )
            if not answers:
                self._logger.error("neighbour does not answer", neighbour=region)


def make_handler(parts: Parts) -> Handler:
    """The function, put together from these parts."""
    return Handler(
        neighbours=parts.neighbours,
        round_trip=RoundTrip(
            front_door=parts.front_door, queue=parts.canary_queue, clock=parts.clock
        ),
        logger=parts.logger,
        metrics=parts.metrics,
        clock=parts.clock,
    )


handle = entry(lambda: make_handler(Parts(threads=1, read_seconds=READ_SECONDS)))
