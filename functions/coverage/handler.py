"""The coverage function: sees every hour whether Macie looks, and whether findings were taken up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from itertools import islice
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit

from eventing.sensitive_data.coverage import Coverage, coverage
from functions.contract import Metric
from functions.coverage.macie import Macie
from functions.shared.clock import Clock
from functions.shared.invocation import Context
from functions.shared.metrics import Metrics

# A finding that is younger may be on its way: Macie's events come within minutes as a rule.
_ON_ITS_WAY = timedelta(hours=1)
_LOOKS_BACK = timedelta(days=3)
_MOST_FINDINGS = 1000


class Handler:
    """Asks Macie what it has done, and writes it as metrics; what was not taken up is taken up.

    `unseen` are those of some findings' ids that no execution of the sensitive-data workflow has taken up;
    `take_up` starts one for a finding's id.
    """

    def __init__(
        self,
        *,
        macie: Macie,
        unseen: Callable[[Sequence[str]], Sequence[str]],
        take_up: Callable[[str], None],
        metrics: Metrics,
        logger: Logger,
        clock: Clock,
    ) -> None:
        self._macie = macie
        self._unseen = unseen
        self._take_up = take_up
        self._metrics = metrics
        self._logger = logger
        self._clock = clock

    def __call__(self, event: Mapping[str, Any], context: Context) -> dict[str, Any]:
        """The numbers that were written; raises what the SDK raises, which its error metric tells of."""
        now = self._clock.now()
        is_on = self._macie.is_on()
        found = coverage(is_on=is_on, job=self._macie.job() if is_on else None, now=now)
        self._write(found)
        unseen: Sequence[str] = ()
        if is_on:
            ids = self._macie.findings(since=now - _LOOKS_BACK, until=now - _ON_ITS_WAY)
            unseen = self._unseen(list(islice(ids, _MOST_FINDINGS)))
            self._gauge(Metric.FINDINGS_UNSEEN, len(unseen))
            for finding in unseen:
                self._take_up(finding)
        told = {
            "off": found.off,
            "stopped": found.stopped,
            "had_errors": found.had_errors,
            "unexamined_hours": found.unexamined and round(found.unexamined / timedelta(hours=1)),
            "unseen": len(unseen),
        }
        self._logger.info("coverage", **told)
        return told

    def _write(self, found: Coverage) -> None:
        self._gauge(Metric.MACIE_OFF, found.off)
        # Nobody can say these of a Macie that is off: their alarms stay as they are.
        if found.stopped is not None:
            self._gauge(Metric.MACIE_JOB_STOPPED, found.stopped)
        if found.had_errors is not None:
            self._gauge(Metric.MACIE_RUN_ERRORS, found.had_errors)
        if found.unexamined is not None:
            seconds = found.unexamined.total_seconds()
            self._metrics.write(gauges={Metric.ARCHIVE_UNEXAMINED: (seconds, MetricUnit.Seconds)})

    def _gauge(self, metric: str, value: int) -> None:
        self._metrics.write(gauges={metric: (int(value), MetricUnit.Count)})
