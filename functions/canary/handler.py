"""Every minute: an event in through the front door, and out at a subscriber of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit

from functions.canary.round_trip import RoundTrip
from functions.contract import Metric
from functions.shared.clock import Clock
from functions.shared.entry import entry
from functions.shared.invocation import Context
from functions.shared.metrics import Metrics
from functions.shared.parts import Parts

# The queue is waited for within a call.
READ_SECONDS = 8.0


class Handler:
    """Makes one round trip, and reports it."""

    def __init__(
        self, *, round_trip: RoundTrip, logger: Logger, metrics: Metrics, clock: Clock
    ) -> None:
        self._round_trip = round_trip
        self._logger = logger
        self._metrics = metrics
        self._clock = clock

    def __call__(self, event: Mapping[str, Any], context: Context) -> dict[str, Any]:
        """The result; an event that does not arrive is no error of this function."""
        began = self._clock.now()
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


def make_handler(parts: Parts) -> Handler:
    """The function, put together from these parts."""
    return Handler(
        round_trip=RoundTrip(
            front_door=parts.front_door, queue=parts.canary_queue, clock=parts.clock
        ),
        logger=parts.logger,
        metrics=parts.metrics,
        clock=parts.clock,
    )


handle = entry(lambda: make_handler(Parts(threads=1, read_seconds=READ_SECONDS)))
