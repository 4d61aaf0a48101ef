"""Keeps the summary of what waits up to date. It fails nothing else: it is for people who look."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit

from eventing.cause import cause_of
from eventing.dead_letter import Stage
from eventing.redrive.groups import Waiting, in_order
from eventing.redrive.summary import (
    MAX_GROUPS,
    PlanSummary,
    RunSummary,
    read_summary,
    summed_up,
)
from functions.contract import Metric
from functions.shared.letters import Letters
from functions.shared.metrics import Metrics
from functions.shared.summary_row import SummaryRow


class SummaryKeeper:
    """Writes the parts of the summary. Its methods raise what the SDK raises: call them `keeping`."""

    def __init__(
        self, row: SummaryRow, *, metrics: Metrics, logger: Logger, sees_letters: bool
    ) -> None:
        self._row = row
        self._metrics = metrics
        self._logger = logger
        self._sees_letters = sees_letters

    def letters(
        self, stage: Stage, open: Waiting, parked: Waiting, *, at: datetime, queued: int = 0
    ) -> None:
        """Write the letters of a stage, counted from this moment on; what is given is used up."""
        resources = self._resources(stage, (open, parked))
        found = summed_up(open, parked, at=at, queued=queued, resources=resources)
        self._row.write("letters", stage, found.text(), at=at)
        self._count(0)

    def count(self, stages: Iterable[Stage], letters: Letters, *, at: datetime) -> None:
        """Count the letters of these stages anew, and write them."""
        for stage in stages:
            self.letters(stage, letters.open(stage), letters.parked(stage), at=at)

    def plan(self, stages: Iterable[Stage], plan: PlanSummary, *, at: datetime) -> None:
        """Write the plan that was made."""
        for stage in stages:
            self._row.write("plan", stage, plan.text(), at=at)

    def run(self, stages: Iterable[Stage], run: RunSummary, *, at: datetime) -> None:
        """Write how far a run is."""
        for stage in stages:
            self._row.write("run", stage, run.text(), at=at)

    def end_runs(self, *, at: datetime, ended: str = "", running: Collection[str] = ()) -> None:
        """Remove this run; where none is given, those that were not among the `running` at that moment."""
        for stage, found in read_summary(self._row.read()).items():
            name = found.run.execution if found.run else None
            if name and (name == ended if ended else name not in running):
                self._row.remove("run", stage, at=at)

    @contextmanager
    def keeping(self, part: str) -> Iterator[None]:
        """Log and count an error of what is done in the context, which ends there."""
        try:
            yield
        except Exception as error:
            cause = cause_of(error)
            self._logger.warning("summary", part=part, code=cause.code, error=cause.error_class)
            self._count(1)

    def _resources(self, stage: Stage, waiting: Iterable[Waiting]) -> Mapping[str, str]:
        """By fingerprint: letters with the same one have called the same."""
        letters = read_summary(self._row.read())[stage].letters
        known = {
            g.fingerprint: g.resource for g in (letters.groups if letters else ()) if g.resource
        }
        if not self._sees_letters:
            return known
        examples = {
            group.first.key: group.first.fingerprint
            for one in waiting
            for group in in_order(one.groups.values())[:MAX_GROUPS]
            if group.first.fingerprint not in known
        }
        found = self._row.resources(list(examples))
        return {**known, **{examples[key]: resource for key, resource in found.items()}}

    def _count(self, failures: int) -> None:
        self._metrics.write(gauges={Metric.SUMMARY_UNWRITTEN: (failures, MetricUnit.Count)})
