"""Metrics, as lines of the Embedded Metric Format that CloudWatch reads from the log.

Written here and not by Powertools' provider, which takes five times as long, and longer than all that
an event is judged by (CloudWatch, "Specification: Embedded metric format").
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from time import time

from aws_lambda_powertools.metrics import MetricUnit

from eventing.cause import Fault, fault_of
from eventing.dead_letter import DeadLetter, Stage
from functions.contract import DIMENSIONS, Dimension, Metric

# Of the Embedded Metric Format.
VALUES_PER_LINE = 100
_COUNT, _MILLISECONDS = MetricUnit.Count.value, MetricUnit.Milliseconds.value
_encode = json.JSONEncoder(separators=(",", ":")).encode


class Metrics:
    """Writes metrics of this deployment, which is the dimension `service` of each."""

    def __init__(self, *, namespace: str, service: str) -> None:
        self._namespace = namespace
        self._service = service

    def write(
        self,
        counts: Mapping[str, int] | None = None,
        *,
        gauges: Mapping[str, tuple[float, MetricUnit]] | None = None,
        milliseconds: Mapping[str, Sequence[float]] | None = None,
        at: datetime | None = None,
        of: Mapping[str, str] | None = None,
    ) -> None:
        """One line of counts and of up to `VALUES_PER_LINE` durations each.

        It is written under the sets of dimensions that the contract lists for all of these metrics; `of`
        has the values of those beside `service`. `at` stamps the values with another time than now.
        Counts of 0 are left out, gauges are not.
        """
        measured: dict[str, tuple[str, Sequence[float]]] = {
            name: (unit.value, [value]) for name, (value, unit) in (gauges or {}).items()
        }
        for name, count in (counts or {}).items():
            if count:
                measured[name] = (_COUNT, [count])
        for name, values in (milliseconds or {}).items():
            measured[name] = (_MILLISECONDS, values)
        if not measured:
            return
        (by,) = {DIMENSIONS[name] for name in measured}
        directive = {
            "Namespace": self._namespace,
            "Dimensions": [[Dimension.SERVICE, *dimensions] for dimensions in by],
            "Metrics": [{"Name": name, "Unit": unit} for name, (unit, _) in measured.items()],
        }
        moment = at.timestamp() if at else time()
        line = {
            "_aws": {"Timestamp": int(moment * 1000), "CloudWatchMetrics": [directive]},
            Dimension.SERVICE: self._service,
            **(of or {}),
        }
        print(_encode(line | {name: values for name, (_, values) in measured.items()}))

    def open_letters(self, stage: Stage, by_fault: Mapping[Fault, int]) -> None:
        """`OpenDeadLetters` by stage, and by stage and whose fault they are."""
        of, unit = {Dimension.STAGE: stage}, MetricUnit.Count
        self.write(gauges={Metric.OPEN_DEAD_LETTERS: (sum(by_fault.values()), unit)}, of=of)
        for fault, letters in by_fault.items():
            self.write(
                gauges={Metric.OPEN_BY_FAULT: (letters, unit)}, of={**of, Dimension.FAULT: fault}
            )

    def dead_lettered(self, letters: Iterable[DeadLetter]) -> None:
        """`DeadLettered` by stage, by stage and cause, and by stage and whose fault that is."""
        counts = Counter((letter.stage, letter.cause.code) for letter in letters)
        for (stage, cause), count in counts.items():
            of = {
                Dimension.STAGE: stage,
                Dimension.CAUSE: cause,
                Dimension.FAULT: fault_of(cause),
            }
            self.write({Metric.DEAD_LETTERED: count}, of=of)
