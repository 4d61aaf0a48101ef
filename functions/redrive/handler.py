"""The tasks of the state machine in `workflows/redrive.asl.json`, but triage."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from aws_lambda_powertools import Logger

from eventing.dead_letter import STAGES, Stage
from eventing.redrive.ledger import Row
from eventing.redrive.pace import first_pace
from eventing.redrive.plan import Plan, read_plan
from eventing.redrive.request import Filter, InvalidInput, RedriveRequest, read_request
from functions.contract import Dimension, Metric, Objects, Rows
from functions.redrive.planner import PlanChanged, Planner
from functions.redrive.reporter import Reporter, Run
from functions.redrive.runner import Outcome, Runner, traces
from functions.shared.clients import READ_SECONDS
from functions.shared.clock import Clock
from functions.shared.entry import entry
from functions.shared.event_store import EventStore
from functions.shared.invocation import Context
from functions.shared.ledger import Change, Ledger
from functions.shared.locks import Held, Lease, Locks
from functions.shared.metrics import Metrics
from functions.shared.operations import OperationsBucket
from functions.shared.parts import Parts
from functions.shared.topics import Topics

THREADS = 24
# What a page hands on to the next one of its run's pace.
_PACE = ("rate", "attempted", "failed")
_LEASE_SECONDS = 180
_STRAGGLER_SECONDS = 10.0


class Locked(Exception):  # noqa: N818 - the name that an execution fails with
    """Another execution works on a stage; the message names it."""


class DependencyDown(Exception):  # noqa: N818 - the name that a task fails with
    """What the letters failed at is not there yet; the message names it."""


class Tasks:
    """One method for each task; each takes the task's payload and returns its result."""

    def __init__(
        self,
        *,
        planner: Planner,
        runner: Runner,
        reporter: Reporter,
        ledger: Ledger,
        locks: Locks,
        bucket: OperationsBucket,
        topics: Topics,
        store: EventStore,
        metrics: Metrics,
        page_seconds: float,
        clock: Clock,
    ) -> None:
        self._planner = planner
        self._runner = runner
        self._reporter = reporter
        self._ledger = ledger
        self._locks = locks
        self._bucket = bucket
        self._topics = topics
        self._store = store
        self._metrics = metrics
        self._page_seconds = page_seconds
        self._clock = clock

    def begin(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """The normalised request, with its stages; raises `InvalidInput` for a faulty one."""
        request = read_request(task.get("input"))
        return {**request.members(), "stages": list(request.stages)}

    def plan(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Make the plan and keep it: its hash, where it is, how many letters, what is expected.

        Raises `InvalidInput` for a filter that selects nothing: it is likely to be mistyped.
        """
        run = _run(task)
        now = self._clock.now()
        for stage in run.request.stages:
            self._reopen_abandoned(stage)
        plan = self._planner.plan(run.request, started_at=run.started_at, now=now)
        if not plan.letters and run.request.filter != Filter():
            raise InvalidInput(
                f"filter: selects no letter of {' or '.join(run.request.stages)} that was open (by "
                "its id, also parked) and failed before this execution began"
            )
        key = _plan_key(run.execution)
        if not self._bucket.put(key, plan.text()):
            # The plan of an attempt before this one, whose answer was lost, is the one that is kept.
            plan = read_plan(self._bucket.get(key))
        return {
            "hash": plan.hash,
            "object": key,
            "count": len(plan.letters),
            "summary": plan.summary,
        }

    def ask(self, task: Mapping[str, Any]) -> None:
        """Ask operators; the execution goes on when they answer with the task's token."""
        plan = task["plan"]
        self._reporter.ask(
            _run(task),
            token=task["token"],
            plan_hash=plan["hash"],
            summary=plan["summary"],
            uri=self._bucket.uri(plan["object"]),
        )

    def lock(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Take the stages' locks, all or none, and reopen what a dead holder left behind.

        Raises `Locked` with the name of the execution that has one of them.
        """
        execution: str = task["execution"]
        leases: list[Lease] = []
        for stage in task["stages"]:
            try:
                lease = self._locks.acquire(
                    f"{Rows.LOCK}{stage}", execution, seconds=_LEASE_SECONDS, now=self._clock.now()
                )
            except Held as held:
                for taken in leases:
                    self._locks.release(taken)
                raise Locked(f"{stage} is being worked on by the execution {held.owner}") from None
            leases.append(lease)
        for stage in task["stages"]:
            self._reopen_abandoned(stage)
        return {"token": {lease.name: lease.token for lease in leases}}

    def verify(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Raise `PlanChanged` when the plan does not hold any more."""
        run = _run(task)
        # While an approval was waited for, the world went on; a run that needed none has just begun.
        before = self._clock.now() if task.get("approved") else run.started_at
        self._planner.verify(self._read_plan(task), run.request, before=before)
        return {"verified": True}

    def probe(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Raise `DependencyDown` when the table or a topic that the letters need is not there."""
        summary: Mapping[str, Any] = task["plan"]["summary"]
        if summary["by_step"].get("store"):
            cause = self._store.check()
            if cause:
                raise DependencyDown(f"the Events table: {cause.code}")
        for topic in summary["topics"]:
            cause = self._topics.check(topic)
            if cause:
                raise DependencyDown(f"the topic {topic}: {cause.code}")
        return {"probed": True}

    def page(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Take up letters for up to 50 s, from `position` on.

        A pause that the rate asks for and that does not fit in is handed on with the position.
        """
        run = _run(task)
        plan = self._read_plan(task)
        position = dict(task.get("position") or {"next": 0, "pages": 0})
        so_far = {name: position[name] for name in _PACE if name in position}
        pace = replace(first_pace(run.request), **so_far)
        total, stop, ends = Outcome(), None, self._clock.monotonic() + self._page_seconds
        owed: float = position.get("pause", 0.0)
        while position["next"] < len(plan.letters) and self._clock.monotonic() < ends and not stop:
            waits = max(0.0, min(owed, ends - self._clock.monotonic()))
            self._clock.sleep(waits)
            owed -= waits
            # After the pause, so that a run that was stopped in it takes up nothing more. A page that
            # only waits looks as well, or the lease would end.
            if not self._renew(run.execution, task["token"]):
                stop = "lost lock"
                break
            if owed:
                break
            began = self._clock.monotonic()
            chosen = plan.letters[position["next"] : position["next"] + pace.chunk()]
            outcome = self._runner.run(chosen, run.request, execution=run.execution)
            total.merge(outcome)
            position["next"] += len(chosen)
            seconds = pace.record(len(chosen), outcome.attempted, outcome.refused)
            owed = max(0.0, seconds - (self._clock.monotonic() - began))
            if pace.aborts():
                stop = "aborted"
        self._count(total)
        page = position["pages"]
        # A page that is tried again adds its own; the position names the results that led to it.
        position["results"] = self._bucket.add(
            f"{Objects.RUNS}{run.execution}/results-{page}.json",
            json.dumps({**_result(total), "before": position.get("results")}),
        )
        position |= {"pages": page + 1, **{name: getattr(pace, name) for name in _PACE}}
        position["pause"] = owed
        return {"position": position, "done": position["next"] >= len(plan.letters), "stop": stop}

    def report(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """The report of an execution that took no lock."""
        run = _run(task)
        plan = task.get("plan") or {}
        output = self._reporter.report(
            run,
            task["outcome"],
            now=self._clock.now(),
            cause=task.get("cause"),
            summary=plan.get("summary"),
            approver=task.get("approver"),
        )
        self._tell(run, output)
        return output

    def finish(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Reopen what is unfinished, give up the locks, and report."""
        run = _run(task)
        position = task.get("position") or {"next": 0, "pages": 0}
        self._let_go(run.execution, run.request.stages)
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
            approver=task.get("approver"),
        )

    def release(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """After an execution that ended without `finish`: what that would have done."""
        execution: str = task["execution"]
        released, reopened = self._let_go(execution, STAGES)
        if released:
            # A page that had just looked at its lock takes a chunk more, and may die of it.
            self._clock.sleep(_STRAGGLER_SECONDS)
            reopened += self._let_go(execution, STAGES)[1]
        # Not by what was let go of just now: an attempt before this one may have done that, and died.
        there = self._bucket.keys(f"{Objects.RUNS}{execution}/")
        if _plan_key(execution) in there and _concluded_key(execution) not in there:
            plan = read_plan(self._bucket.get(_plan_key(execution)))
            run = Run(
                execution,
                task["execution_arn"],
                datetime.fromtimestamp(task["started_at"] / 1000, UTC),
                read_request(plan.request),
            )
            status = str(task["status"]).lower().replace("_", " ")
            self._conclude(
                run,
                "partial",
                summary=plan.summary,
                results=[self._traces(plan, execution)],
                cause=f"the execution was {status}",
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
        approver: str | None = None,
    ) -> dict[str, Any]:
        """Report on a run that had a plan, and may have begun with it."""
        done_with = ("resolved", "failed", "parked", "discarded", "changed")
        counts = Counter[str]()
        for page in results:
            counts.update(page["fates"])
        left = (summary or {}).get("letters", 0) - sum(counts[fate] for fate in done_with)
        output = self._reporter.report(
            run,
            "partial" if outcome == "done" and left else outcome,
            now=self._clock.now(),
            cause=cause,
            summary=summary,
            results=results,
            left=left,
            approver=approver,
        )
        self._tell(run, output)
        return output

    def _tell(self, run: Run, output: Mapping[str, Any]) -> None:
        """Tell of a report; last of all, put on record that nothing more is to be told of this run."""
        if run.request.action in ("redrive", "discard"):
            self._reporter.tell_of_run(run, output)
        if output["outcome"] != "skipped":
            self._tell_of_incident(run, output)
        self._bucket.put(_concluded_key(run.execution), json.dumps({"report": output["report"]}))

    def _tell_of_incident(self, run: Run, output: Mapping[str, Any]) -> None:
        for stage in self._reporter.tell_of_incident(run, output):
            self._metrics.write({Metric.INCIDENT_REPORTED: 1}, of={Dimension.STAGE: stage})

    def _results(self, last: str | None) -> list[dict[str, Any]]:
        """The results of all pages, of which `last` is the key of the last one's."""
        results: list[dict[str, Any]] = []
        while last:
            results.append(json.loads(self._bucket.get(last)))
            last = results[-1]["before"]
        return results[::-1]

    def _traces(self, plan: Plan, execution: str) -> dict[str, Any]:
        """What an execution has made of its plan's letters, by the ledger."""
        rows = self._ledger.rows([key for key, _ in plan.letters])
        return _result(traces([row for row in rows if row.run == execution]))

    def _let_go(self, execution: str, stages: Iterable[Stage]) -> tuple[list[str], int]:
        """Give up an execution's locks and reopen its letters; the locks, and how many letters."""
        # In this order: what a page that goes on claims later finds no lock any more.
        released = self._unlock(execution)
        reopened = 0
        for stage in stages:
            rows = self._ledger.select([stage], ["redriving"], Filter())
            reopened += self._reopen([row for row in rows if row.run == execution])
        return released, reopened

    def _reopen_abandoned(self, stage: Stage) -> None:
        """Reopen letters that a run had when it died, or lost its lock."""
        # In this order: who has the lock now has claimed none of them yet, or has them by right.
        rows = self._ledger.select([stage], ["redriving"], Filter())
        holder = self._locks.holder(f"{Rows.LOCK}{stage}", now=self._clock.now())
        self._reopen([row for row in rows if not holder or row.run != holder.owner])

    def _reopen(self, rows: Sequence[Row]) -> int:
        # Without a run: the page that had it, if it goes on, takes it for somebody else's.
        made = self._ledger.change([Change(row, "open", {"run": ""}) for row in rows])
        return sum(result is True for result in made)

    def _unlock(self, execution: str) -> list[str]:
        released = []
        for stage in STAGES:
            for kind in (Rows.LOCK, Rows.TRIAGE_LOCK):
                lease = self._locks.holder(f"{kind}{stage}", now=self._clock.now())
                if lease and lease.owner == execution and self._locks.release(lease):
                    released.append(lease.name)
        return released

    def _renew(self, execution: str, token: Mapping[str, int]) -> bool:
        now = self._clock.now()
        return all(
            self._locks.renew(Lease(name, execution, int(number)), seconds=_LEASE_SECONDS, now=now)
            for name, number in token.items()
        )

    def _read_plan(self, task: Mapping[str, Any]) -> Plan:
        plan = read_plan(self._bucket.get(task["plan"]["object"]))
        if plan.hash != task["plan"]["hash"]:
            raise PlanChanged("the plan's object is not the one that was planned and approved")
        return plan

    def _count(self, outcome: Outcome) -> None:
        counts = {"RedriveSucceeded": outcome.fates["resolved"], "RedriveFailed": outcome.failures}
        self._metrics.write(counts)
        for minute, count in outcome.stored.items():
            self._metrics.write({"EventsStored": count}, at=minute)


def _run(task: Mapping[str, Any]) -> Run:
    content = {k: v for k, v in task["request"].items() if k != "stages"}
    request: RedriveRequest = read_request(content)
    return Run(
        task["execution"],
        task["execution_arn"],
        datetime.fromisoformat(task["started_at"]),
        request,
    )


def _plan_key(execution: str) -> str:
    return f"{Objects.RUNS}{execution}/plan.json"


def _concluded_key(execution: str) -> str:
    return f"{Objects.RUNS}{execution}/concluded.json"


def _result(outcome: Outcome) -> dict[str, Any]:
    return {
        "fates": outcome.fates,
        "by_fingerprint": outcome.by_fingerprint,
        "failed": outcome.failed,
    }


class Handler:
    """Does the task that its payload names."""

    def __init__(self, *, tasks: Tasks, logger: Logger) -> None:
        self._logger = logger
        self._tasks: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
            "begin": tasks.begin,
            "plan": tasks.plan,
            "ask": tasks.ask,
            "lock": tasks.lock,
            "verify": tasks.verify,
            "probe": tasks.probe,
            "page": tasks.page,
            "report": tasks.report,
            "finish": tasks.finish,
            "release": tasks.release,
        }

    def __call__(self, task: Mapping[str, Any], context: Context) -> Any:
        """The task's result; raises ValueError where there is no such task."""
        name, execution = task["task"], task.get("execution")
        if name not in self._tasks:
            raise ValueError(f"there is no task {name!r}")
        try:
            result = self._tasks[name](task)
        except (InvalidInput, Locked, PlanChanged, DependencyDown) as refusal:
            # Operators' errors and refusals: no failure of ours.
            self._logger.info(name, execution=execution, refused=type(refusal).__name__)
            raise
        self._logger.info(name, execution=execution, **_told(result))
        return result


def _told(result: Any) -> dict[str, Any]:
    """What the log tells of a result: of a report, who did what, and how it ended."""
    if not isinstance(result, dict) or "request" not in result:
        return {}
    request = result["request"]
    return {
        **{key: request[key] for key in ("action", "stage", "started_by")},
        "outcome": result["outcome"],
        "counts": result.get("counts", {}),
    }


def make_handler(parts: Parts) -> Handler:
    """The function, put together from these parts."""
    tasks = Tasks(
        planner=Planner(ledger=parts.ledger, store=parts.event_store, judge=parts.judge),
        runner=Runner(
            ledger=parts.ledger,
            store=parts.event_store,
            archive=parts.archive,
            topics=parts.topics,
            judge=parts.judge,
            workers=parts.workers,
            clock=parts.clock,
        ),
        reporter=Reporter(
            ledger=parts.ledger,
            locks=parts.locks,
            bucket=parts.bucket,
            ops=parts.ops,
            deployment=parts.deployment,
            runbook=parts.runbook,
            clock=parts.clock,
        ),
        ledger=parts.ledger,
        locks=parts.locks,
        bucket=parts.bucket,
        topics=parts.topics,
        store=parts.event_store,
        metrics=parts.metrics,
        page_seconds=parts.page_seconds,
        clock=parts.clock,
    )
    return Handler(tasks=tasks, logger=parts.logger)


handle = entry(lambda: make_handler(Parts(threads=THREADS, read_seconds=READ_SECONDS + 2)))
