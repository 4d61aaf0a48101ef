"""The tasks of the state machine in `workflows/redrive.asl.json`, but triage."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from eventing.dead_letter import STAGES
from eventing.input import InvalidInput
from eventing.redrive.filter import Filter
from eventing.redrive.health import Health
from eventing.redrive.plan import Plan, read_plan
from eventing.redrive.request import read_request
from functions.contract import COUNTER
from functions.redrive.approvals import Approvals
from functions.redrive.custody import Custody
from functions.redrive.dependencies import Dependencies, not_there
from functions.redrive.notices import Notices
from functions.redrive.pages import FIRST_POSITION, Pages
from functions.redrive.planner import PlanChanged, Planner
from functions.redrive.reports import Reports
from functions.redrive.resubmission import Resubmission
from functions.redrive.run import Run, concluded_key, plan_key, run_of, why_it_ended
from functions.redrive.tally import DONE_WITH, left_out_of, traces
from functions.shared.clock import Clock, Deadline
from functions.shared.executions import Executions
from functions.shared.letters import Letters
from functions.shared.operations import OperationsBucket, run_key

_STRAGGLER_SECONDS = 10.0
_NONE: Mapping[str, None] = {"approver": None, "approval_reason": None}


class Tasks:
    """One method for each task; each takes the task's payload and returns its result."""

    def __init__(
        self,
        *,
        planner: Planner,
        custody: Custody,
        dependencies: Dependencies,
        pages: Pages,
        reports: Reports,
        approvals: Approvals,
        notices: Notices,
        resubmission: Resubmission,
        executions: Executions,
        letters: Letters,
        bucket: OperationsBucket,
        clock: Clock,
    ) -> None:
        self._planner = planner
        self._custody = custody
        self._dependencies = dependencies
        self._pages = pages
        self._reports = reports
        self._approvals = approvals
        self._notices = notices
        self._resubmission = resubmission
        self._executions = executions
        self._letters = letters
        self._bucket = bucket
        self._clock = clock

    def begin(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """The normalised request, with its stages; raises `InvalidInput` for a faulty one."""
        request = read_request(task.get("input"))
        self._approvals.check(request)
        return {**request.members(), "stages": list(request.stages)}

    def resubmit(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Put the letters in junk into their queues: counts. Raises `InvalidInput`, see `Resubmission`."""
        run = run_of(task)
        if run.request.junk_kind:
            return self._resubmission.by_kind(run, run.request.junk_kind)
        return self._resubmission.by_ids(run, run.request.junk_ids or ())

    def plan(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Make the plan and keep it: its hash, where it is, how many letters, what is expected.

        `because` says why it needs an approval, and is None when it needs none.

        Raises `InvalidInput` for a filter that selects nothing: it is likely to be mistyped.
        """
        run = run_of(task)
        for stage in run.request.stages:
            self._custody.reopen_abandoned(stage)
        plan = self._planner.plan(run.request, started_at=run.started_at, now=self._clock.now())
        empty = not plan.letters and not plan.summary["withheld"]
        if empty and run.request.filter != Filter():
            raise InvalidInput(
                f"filter: selects no letter of {' or '.join(run.request.stages)} that was open (by "
                "its id, also parked or discarded) and failed before this execution began"
            )
        key = plan_key(run.execution)
        if not self._bucket.put(key, plan.text()):
            # The plan of an attempt before this one, whose answer was lost, is the one that is kept.
            plan = read_plan(self._bucket.get(key))
        return {
            "hash": plan.hash,
            "object": key,
            "count": len(plan.letters),
            "summary": plan.summary,
            "because": self._approvals.why(run.request, plan.summary),
        }

    def ask(self, task: Mapping[str, Any]) -> None:
        """Ask for an approval; the execution goes on when somebody answers with the task's token."""
        self._approvals.ask(
            run_of(task),
            self._read_plan(task),
            token=task["token"],
            uri=self._bucket.uri(task["plan"]["object"]),
            because=task["because"],
        )

    def answer(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """The answer that was given, see `Approvals`."""
        plan_hash = task["plan"]["hash"]
        return self._approvals.answer(run_of(task), task["answer"], plan_hash=plan_hash)

    def lock(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Take the stages' locks, all or none, and reopen what a dead holder left behind.

        Raises `Locked` with the name of the execution that has one of them, and `ApprovalNeeded`, without
        the locks, when the run was not approved and what others took up meanwhile makes it need that.
        """
        run = run_of(task)
        tokens = self._custody.take(run.request.stages, run.execution)
        if not task["approved"]:
            try:
                self._approvals.take(run, task["plan"]["summary"])
            except Exception:
                self._custody.let_go(run.execution, ())
                raise
        for stage in run.request.stages:
            self._custody.reopen_abandoned(stage)
        return {"token": tokens}

    def verify(self, task: Mapping[str, Any]) -> None:
        """Raise `PlanChanged` when the plan does not hold any more."""
        run = run_of(task)
        # While an approval was waited for, the world went on; a run that needed none has just begun.
        before = self._clock.now() if task.get("approved") else run.started_at
        self._planner.verify(self._read_plan(task), run.request, before=before)

    def probe(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """The position to begin at: what is not there is down, and its letters are left out.

        Whether the rest takes anything is for the first letter of each to tell: a look asks for other
        permissions than a step does.
        """
        missing = not_there(self._dependencies, task["plan"]["summary"])
        return {"position": {**FIRST_POSITION, "health": Health(down=missing).members()}}

    def page(self, task: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        """Take up letters for up to 50 s, from `position` on; see `Pages.work_off`."""
        position = task.get("position") or FIRST_POSITION
        plan = self._read_plan(task)
        return self._pages.work_off(run_of(task), plan, position, task["token"], deadline)

    def report(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """The report of an execution that took no lock."""
        run = run_of(task)
        output = self._reports.write(
            run,
            task["outcome"],
            now=self._clock.now(),
            cause=task.get("cause"),
            summary=(task.get("plan") or {}).get("summary"),
            approval=_approval(task),
            junk=task.get("junk"),
        )
        self._tell(run, output)
        return output

    def finish(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Reopen what is unfinished, give up the locks, and report."""
        run = run_of(task)
        position = task.get("position") or FIRST_POSITION
        self._custody.let_go(run.execution, run.request.stages)
        results = self._results(position.get("results"))
        if task["outcome"] == "failed":
            # The page that failed has left no results, only its traces.
            results = [self._traces(self._read_plan(task), run.execution)]
        return self._conclude(
            run,
            task["outcome"],
            summary=(task.get("plan") or {}).get("summary"),
            results=results,
            cause=task.get("cause"),
            approval=_approval(task),
        )

    def tell(self, task: Mapping[str, Any]) -> None:
        """Tell operators of a run that fails, and that not even a report could be written about."""
        run = run_of(task)
        self._tell_of_run(
            run,
            {
                "outcome": "failed",
                "cause": task["cause"],
                "seconds": round((self._clock.now() - run.started_at).total_seconds(), 1),
                "report": "none could be written",
            },
        )

    def release(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Do for an execution that ended without `finish` what that would have done."""
        execution: str = task["execution"]
        released, reopened = self._custody.let_go(execution, STAGES)
        if released:
            # A page that had just looked at its lock takes a chunk more, and may die of it.
            self._clock.sleep(_STRAGGLER_SECONDS)
            reopened += self._custody.let_go(execution, STAGES)[1]
        # Not by what was let go of just now: an attempt before this one may have done that, and died.
        there = self._bucket.keys(run_key(execution, ""))
        if plan_key(execution) in there and concluded_key(execution) not in there:
            plan = read_plan(self._bucket.get(plan_key(execution)))
            run = Run(
                execution,
                task["execution_arn"],
                datetime.fromtimestamp(task["started_at"] / 1000, UTC),
                read_request(plan.request),
            )
            self._conclude(
                run,
                "partial",
                summary=plan.summary,
                results=[self._traces(plan, execution)],
                cause=why_it_ended(task, self._executions),
            )
        return {"released": released, "reopened": reopened}

    def _conclude(
        self,
        run: Run,
        outcome: str,
        *,
        summary: Mapping[str, Any] | None,
        results: Sequence[Mapping[str, Any]],
        cause: str | None,
        approval: Mapping[str, str | None] = _NONE,
    ) -> dict[str, Any]:
        """Report on a run that had a plan, and may have begun with it."""
        counts = Counter[str]()
        for page in results:
            counts.update(page["fates"])
        left_out = left_out_of(results)
        left = (summary or {}).get("letters", 0) - sum(counts[fate] for fate in DONE_WITH)
        if summary:
            # What may have been sent, and is not on record, was taken up.
            self._approvals.give_back(run.execution, summary, left - counts["unrecorded"])
        if left_out and outcome == "done" and not counts:
            outcome = "aborted"
        named = run.request.filter.letter_ids if left else None
        rows = self._letters.rows(named or ())
        output = self._reports.write(
            run,
            "partial" if outcome == "done" and left else outcome,
            now=self._clock.now(),
            cause="; ".join([*([cause] if cause else []), *map(str, left_out.values())]) or None,
            summary=summary,
            results=results,
            left=left,
            left_ids=[
                row.key
                for row in rows
                if row.state in ("open", "parked") and row.run != run.execution
            ],
            approval=approval,
        )
        self._tell(run, output)
        return output

    def _tell(self, run: Run, output: Mapping[str, Any]) -> None:
        """Tell of a report; last of all, put on record that nothing more is to be told of this run."""
        # In this order: where it fails, it is done again, and a run is told of once.
        if output["outcome"] != "skipped":
            self._notices.tell_of_incident(run, output)
        self._tell_of_run(run, output)
        self._bucket.put(concluded_key(run.execution), json.dumps({"report": output["report"]}))

    def _tell_of_run(self, run: Run, output: Mapping[str, Any]) -> None:
        # The counter asks for triage every minute, until it gets through: alarms tell of that.
        fails = output["outcome"] == "failed" and run.request.started_by != COUNTER
        if fails or run.request.rules.reports_to_operators:
            self._notices.tell_of_run(run, output)

    def _results(self, last: str | None) -> list[dict[str, Any]]:
        """The results of all pages, of which `last` is the key of the last one's."""
        results: list[dict[str, Any]] = []
        while last:
            results.append(json.loads(self._bucket.get(last)))
            last = results[-1]["before"]
        return results[::-1]

    def _traces(self, plan: Plan, execution: str) -> dict[str, Any]:
        """The results of an execution that left none, by the ledger's rows of its plan's letters."""
        rows = self._letters.rows([key for key, _ in plan.letters])
        return traces([row for row in rows if row.run == execution]).result()

    def _read_plan(self, task: Mapping[str, Any]) -> Plan:
        plan = read_plan(self._bucket.get(task["plan"]["object"]))
        if plan.hash != task["plan"]["hash"]:
            raise PlanChanged("the plan's object is not the one that was planned and approved")
        return plan


def _approval(task: Mapping[str, Any]) -> dict[str, str | None]:
    """Who approved the run, and why."""
    return {name: task.get(name) for name in _NONE}
