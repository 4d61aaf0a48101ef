"""Approvals of runs: whether one is needed, the question, the answer, and what was taken up without."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

from eventing.dead_letter import Stage
from eventing.redrive.allowance import (
    Allowance,
    Ceilings,
    check_ceiling,
    letters_by_stage,
    why_approval,
)
from eventing.redrive.approval import ANSWERED_WITHIN, read_approval
from eventing.redrive.plan import Plan
from eventing.redrive.request import RedriveRequest
from eventing.timestamps import timestamp
from functions.contract import Objects
from functions.redrive.notices import Notices
from functions.redrive.root_causes import RootCauses
from functions.redrive.run import Run
from functions.shared.allowances import Allowances
from functions.shared.clock import Clock
from functions.shared.operations import OperationsBucket


class ApprovalNeeded(Exception):  # noqa: N818 - the name that the state machine catches
    """A run has no approval, and needs one by now; the message says why."""


class Approvals:
    """The approvals of one deployment, with its ceilings. The methods raise what the SDK raises."""

    def __init__(
        self,
        *,
        ceilings: Ceilings,
        allowances: Allowances,
        root_causes: RootCauses,
        notices: Notices,
        bucket: OperationsBucket,
        clock: Clock,
    ) -> None:
        self._ceilings = ceilings
        self._allowances = allowances
        self._root_causes = root_causes
        self._notices = notices
        self._bucket = bucket
        self._clock = clock

    def check(self, request: RedriveRequest) -> None:
        """Raise `InvalidInput` for an input that would lift the ceiling."""
        check_ceiling(request, self._ceilings)

    def why(self, request: RedriveRequest, summary: Mapping[str, Any]) -> str | None:
        """The reason why a plan needs an approval as things are now; None when it needs none."""
        if request.action not in self._ceilings:
            return None
        letters, now = letters_by_stage(summary), self._clock.now()
        used = {stage: self._allowances.of(stage).used(now) for stage in letters}
        return why_approval(request, letters, used, self._ceilings)

    def take(self, run: Run, summary: Mapping[str, Any]) -> None:
        """Count a run's letters, whose stages it has locked, as taken up without an approval.

        Raises `ApprovalNeeded`, and counts nothing, when it needs one: others may have taken up letters
        since the plan was made. Done again for the same run, it counts nothing more.
        """
        letters = letters_by_stage(summary)
        try:
            for stage in letters:
                self._allowances.change(stage, partial(self._taken, run, stage, letters))
        except ApprovalNeeded:
            for stage, count in letters.items():
                self._give_back(run.execution, stage, count)
            raise

    def give_back(self, execution: str, summary: Mapping[str, Any], left: int) -> None:
        """Count no more what a run that is over has not come to; `left` letters are open as before.

        Of a run over both stages only when it has come to nothing: what is left of which is not counted.
        """
        letters = letters_by_stage(summary)
        if left and (len(letters) == 1 or left == summary["letters"]):
            for stage, count in letters.items():
                self._give_back(execution, stage, min(count, left))

    def ask(self, run: Run, plan: Plan, *, token: str, uri: str, because: str) -> None:
        """Ask for an approval: the token goes where approvers alone may read, and the message goes to all.

        Done again, with another token, it asks again; the latest one counts.
        """
        now = self._clock.now()
        groups = self._root_causes.with_messages(plan.groups)
        content = {
            "token": token,
            "execution": run.execution,
            "execution_arn": run.arn,
            "hash": plan.hash,
            "because": because,
            "asked_at": timestamp(now),
            "ends_at": timestamp(now + ANSWERED_WITHIN),
            "request": run.request.members(),
            "summary": plan.summary,
            "groups": groups,
        }
        key = f"{Objects.APPROVALS}{run.execution}/{timestamp(now)}.json"
        self._bucket.put(key, json.dumps(content))
        self._notices.ask(run, plan=plan, groups=groups, uri=uri, because=because)

    def answer(self, run: Run, answer: Any, *, plan_hash: str) -> dict[str, Any]:
        """The answer that was given: the members of an `Approval`."""
        started_by = run.request.started_by
        return asdict(read_approval(answer, plan_hash=plan_hash, started_by=started_by))

    def _taken(
        self, run: Run, stage: Stage, letters: Mapping[Stage, int], found: Allowance
    ) -> Allowance:
        if found.run == run.execution:
            return found
        now = self._clock.now()
        # Of the others, each counts for itself; all together are judged as they are.
        used = {other: found.used(now) if other == stage else 0 for other in letters}
        if because := why_approval(run.request, letters, used, self._ceilings):
            raise ApprovalNeeded(because)
        return found.take(run.execution, letters[stage], now)

    def _give_back(self, execution: str, stage: Stage, letters: int) -> None:
        self._allowances.change(stage, lambda found: found.give_back(execution, letters))
