"""Metrics, as lines of the Embedded Metric Format that CloudWatch reads from the log."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import (
    AmazonCloudWatchEMFProvider,
)

from eventing.dead_letter import DeadLetter

# Of the Embedded Metric Format.
VALUES_PER_LINE = 100


class Metrics:
    """Writes metrics of this deployment: namespace and dimension `service` from the environment."""

    def write(
        self,
        counts: Mapping[str, int] | None = None,
        *,
        gauges: Mapping[str, tuple[float, MetricUnit]] | None = None,
        milliseconds: Mapping[str, Sequence[float]] | None = None,
        at: datetime | None = None,
        by: Sequence[Mapping[str, str]] = ({},),
    ) -> None:
        """One line of counts and of up to `VALUES_PER_LINE` durations each, under each dimension set in `by`.

        `service` is part of every set, and alone the default. `at` stamps the values with another
        time than now. Counts of 0 are left out, gauges are not.
        """
        emf = AmazonCloudWatchEMFProvider()
        if at:
            emf.set_timestamp(at)
        first, *others = by
        for dimension, text in {"service": emf.service, **first}.items():
            emf.add_dimension(dimension, text)
        for dimensions in others:
            emf.add_dimensions(service=emf.service, **dimensions)
        for name, (value, unit) in (gauges or {}).items():
            emf.add_metric(name, unit, value)
        for name, count in (counts or {}).items():
            if count:
                emf.add_metric(name, MetricUnit.Count, count)
        for name, (value, *more) in (milliseconds or {}).items():
            emf.add_metric(name, MetricUnit.Milliseconds, value)
            # One by one, each would be written into a debug message together with all before it.
            emf.metric_set[name]["Value"] += more
        if emf.metric_set:
            print(json.dumps(emf.serialize_metric_set(), separators=(",", ":")))

    def dead_lettered(self, letters: Iterable[DeadLetter]) -> None:
        """`DeadLettered` by stage, and by stage and cause."""
        counts = Counter((letter.stage, letter.cause.code) for letter in letters)
        for (stage, cause), count in counts.items():
            by = ({"stage": stage}, {"stage": stage, "cause": cause})
            self.write({"DeadLettered": count}, by=by)
