"""The summary after each task: the letters that wait, the last plan, and the run under way."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from eventing.dead_letter import STAGES
from eventing.redrive.summary import RunSummary, plan_summed_up
from eventing.timestamps import timestamp
from functions.redrive.run import Run, run_of
from functions.shared.clock import Clock
from functions.shared.letters import Letters
from functions.shared.summary_keeper import SummaryKeeper


class SummingUp:
    """Keeps the summary up to date with what tasks have done. It fails none of them."""

    def __init__(self, *, keeper: SummaryKeeper, letters: Letters, clock: Clock) -> None:
        self._keeper = keeper
        self._letters = letters
        self._clock = clock

    def after(self, name: str, task: Mapping[str, Any], result: Any) -> None:
        """Sum up what the task of this name has done, and has given."""
        now = self._clock.now()
        with self._keeper.keeping(name):
            match name:
                case "plan":
                    self._planned(run_of(task), result, now)
                case "ask":
                    letters = task["plan"]["count"]
                    self._tell(run_of(task), now, letters, waits_for_approval=True)
                case "page":
                    position, letters = result["position"], task["plan"]["count"]
                    of = {member: position[member] for member in ("failed", "rate")}
                    self._tell(run_of(task), now, letters, done=position["next"], **of)
                case "report" | "finish":
                    self._keeper.end_runs(at=now, ended=task["execution"])
                    self._keeper.count(run_of(task).request.stages, self._letters, at=now)
                case "release":
                    self._keeper.end_runs(at=now, ended=task["execution"])
                    self._keeper.count(STAGES, self._letters, at=now)

    def _planned(self, run: Run, result: Mapping[str, Any], now: datetime) -> None:
        request = run.request
        if request.rules.makes_steps:
            of = request.filter.fingerprint
            plan = plan_summed_up(result["summary"], at=now, fingerprint=of)
            self._keeper.plan(request.stages, plan, at=now)
        if request.rules.reports_to_operators:
            self._tell(run, now, result["count"])

    def _tell(self, run: Run, now: datetime, letters: int, **more: Any) -> None:
        told = RunSummary(
            at=timestamp(now),
            execution=run.execution,
            action=run.request.action,
            letters=letters,
            **more,
        )
        self._keeper.run(run.request.stages, told, at=now)
