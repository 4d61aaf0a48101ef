"""The coverage function: sees every hour whether Macie looks, and whether findings were taken up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit

from eventing.sensitive_data.coverage import Coverage, coverage
from eventing.sensitive_data.request import MACIE
from functions.contract import Metric, Objects, Variable
from functions.shared.clock import Clock
from functions.shared.entry import entry
from functions.shared.executions import Executions
from functions.shared.invocation import Context
from functions.shared.macie import Macie
from functions.shared.metrics import Metrics
from functions.shared.operations import OperationsBucket
from functions.shared.parts import Parts

# A finding that is younger may be on its way: Macie's events come within minutes as a rule.
_ON_ITS_WAY = timedelta(hours=1)
_LOOKS_BACK = timedelta(days=3)
_MOST_FINDINGS = 1000
_READ_SECONDS = 5


class Handler:
    """Asks Macie what it has done, and writes it as metrics; a finding that nobody took up is taken up."""

    def __init__(
        self,
        *,
        macie: Macie,
        job_id: str,
        archive: str,
        bucket: OperationsBucket,
        executions: Executions,
        metrics: Metrics,
        logger: Logger,
        clock: Clock,
    ) -> None:
        self._macie = macie
        self._job_id = job_id
        self._archive = archive
        self._bucket = bucket
        self._executions = executions
        self._metrics = metrics
        self._logger = logger
        self._clock = clock

    def __call__(self, event: Mapping[str, Any], context: Context) -> dict[str, Any]:
        """The numbers that were written; raises what the SDK raises, and then no alarm ends."""
        now = self._clock.now()
        is_on = self._macie.is_on()
        job = self._macie.job(self._job_id) if is_on else None
        found = coverage(is_on=is_on, job=job, now=now)
        self._write(found)
        unseen = self._take_up(now) if is_on else 0
        hours = None if found.unexamined is None else round(found.unexamined / timedelta(hours=1))
        told: dict[str, Any] = {
            "off": found.off,
            "stopped": found.stopped,
            "had_errors": found.had_errors,
            "unexamined_hours": hours,
            "unseen": unseen,
        }
        self._logger.info("coverage", **told)
        return told

    def _take_up(self, now: datetime) -> int:
        """Start an execution for each finding that is in no case, as its event would have."""
        ids = self._macie.findings(
            bucket=self._archive, since=now - _LOOKS_BACK, until=now - _ON_ITS_WAY
        )
        unseen = [
            id
            for id in islice(ids, _MOST_FINDINGS)
            if not self._bucket.keys(f"{Objects.FINDINGS}{id}.json")
        ]
        self._gauge(Metric.FINDINGS_UNSEEN, len(unseen))
        for id in unseen:
            self._executions.start({"finding_id": id, "started_by": MACIE})
        return len(unseen)

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


def make_handler(parts: Parts) -> Handler:
    """The function, put together from these parts."""
    return Handler(
        macie=parts.macie,
        job_id=parts.environment[Variable.MACIE_JOB_ID],
        archive=parts.environment[Variable.ARCHIVE_BUCKET],
        bucket=parts.bucket,
        executions=parts.executions,
        metrics=parts.metrics,
        logger=parts.logger,
        clock=parts.clock,
    )


handle = entry(lambda: make_handler(Parts(threads=1, read_seconds=_READ_SECONDS)))
