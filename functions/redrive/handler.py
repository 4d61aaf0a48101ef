"""The tasks of the state machine in `workflows/redrive.asl.json`, but triage."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from eventing.catalogue import Catalogue
from eventing.cause import cause_of
from eventing.dead_letter import STAGES, Stage
from eventing.forecast import Judge
from eventing.ledger import Row
from eventing.pace import Pace
from eventing.plan import Plan, read_plan
from eventing.redrive_request import Filter, InvalidInput, RedriveRequest, read_request
from functions.redrive.planner import PlanChanged, Planner
from functions.redrive.reporter import Reporter, Run
from functions.redrive.runner import Outcome, Runner
from functions.shared.archive import Archive
from functions.shared.clients import READ_SECONDS, Clients
from functions.shared.event_store import EventStore
from functions.shared.invocation import Context
from functions.shared.ledger import Change, Held, Lease, Ledger, Locks
from functions.shared.metrics import Metrics
from functions.shared.operations import OperationsBucket, OpsTopic
from functions.shared.topics import Topics

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_CATALOGUE = Path(__file__).parents[2] / "catalogue"
_WORKERS = 24
# A page ends after this long, so that a run that is stopped does not go on for longer.
_PAGE_SECONDS = 50.0
_LEASE_SECONDS = 180
# Letters taken up between two looks at the lock.
_CHUNK = 200


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
        dynamodb: DynamoDBClient,
        events_table: str,
        metrics: Metrics,
        pause: Callable[[float], None] = sleep,
    ) -> None:
        self._planner = planner
        self._runner = runner
        self._reporter = reporter
        self._ledger = ledger
        self._locks = locks
        self._bucket = bucket
        self._topics = topics
        self._dynamodb = dynamodb
        self._events_table = events_table
        self._metrics = metrics
        self._pause = pause

    def begin(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """The normalised request, with its stages; raises `InvalidInput` for a faulty one."""
        request = read_request(task.get("input"))
        return {**request.members(), "stages": list(request.stages)}

    def plan(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Make the plan and keep it: its hash, where it is, how many letters, what is expected."""
        run = _run(task)
        now = datetime.now(UTC)
        plan = self._planner.plan(run.request, started_at=run.started_at, now=now)
        key = f"redrive/{run.execution}/plan.json"
        self._bucket.put(key, plan.text())
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
                    f"lock#{stage}", execution, seconds=_LEASE_SECONDS, now=datetime.now(UTC)
                )
            except Held as held:
                for taken in leases:
                    self._locks.release(taken)
                raise Locked(f"{stage} is being worked on by the execution {held.owner}") from None
            leases.append(lease)
        for stage in task["stages"]:
            self._reopen(stage, lambda row: row.run != execution)
        return {"token": {lease.name: lease.token for lease in leases}}

    def verify(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Raise `PlanChanged` when the plan does not hold any more."""
        run = _run(task)
        # While an approval was waited for, the world went on; a run that needed none has just begun.
        before = datetime.now(UTC) if task.get("approved") else run.started_at
        self._planner.verify(self._read_plan(task), run.request, before=before)
        return {"verified": True}

    def probe(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Raise `DependencyDown` when the table or a topic that the letters need is not there."""
        summary: Mapping[str, Any] = task["plan"]["summary"]
        if summary["by_step"].get("store"):
            try:
                self._dynamodb.describe_table(TableName=self._events_table)
            except Exception as error:
                raise DependencyDown(f"the Events table: {cause_of(error).code}") from None
        for topic in summary["topics"]:
            cause = self._topics.check(topic)
            if cause:
                raise DependencyDown(f"the topic {topic}: {cause.code}")
        return {"probed": True}

    def page(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Take up letters for up to 50 s, from `position` on."""
        run = _run(task)
        plan = self._read_plan(task)
        position = dict(task.get("position") or {"next": 0, "pages": 0, "rate": 0.0})
        pace = Pace(
            limit=run.request.rate_per_second,
            abort_failure_percent=run.request.abort_failure_percent,
            rate=position["rate"],
            attempted=position.get("attempted", 0),
            failed=position.get("failed", 0),
        )
        total, stop, ends = Outcome(), None, monotonic() + _PAGE_SECONDS
        while position["next"] < len(plan.letters) and monotonic() < ends and not stop:
            if not self._renew(run.execution, task["token"]):
                stop = "lost lock"
                break
            began = monotonic()
            canary = run.request.action == "redrive" and position["next"] < run.request.canary
            size = run.request.canary if canary else min(_CHUNK, max(1, int(pace.rate)))
            chosen = plan.letters[position["next"] : position["next"] + size]
            outcome = self._runner.run(chosen, run.request, execution=run.execution)
            _merge(total, outcome)
            position["next"] += len(chosen)
            pace.record(outcome.attempted, outcome.failures)
            if run.request.action == "redrive" and pace.aborts(canary=canary):
                stop = "aborted"
            elif position["next"] < len(plan.letters):
                self._pause(max(0.0, len(chosen) / pace.rate - (monotonic() - began)))
        self._count(total)
        page = position["pages"]
        self._bucket.put(f"redrive/{run.execution}/results-{page}.json", _result(total))
        position |= {
            "pages": page + 1,
            "rate": pace.rate,
            "attempted": pace.attempted,
            "failed": pace.failed,
        }
        return {"position": position, "done": position["next"] >= len(plan.letters), "stop": stop}

    def report(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """The report of an execution that took no lock."""
        run = _run(task)
        plan = task.get("plan") or {}
        output = self._reporter.report(
            run,
            task["outcome"],
            now=datetime.now(UTC),
            cause=task.get("cause"),
            summary=plan.get("summary"),
            approver=task.get("approver"),
        )
        if task["outcome"] == "triaged":
            for stage in self._reporter.tell_of_incident(run, output):
                self._metrics.write({"IncidentReported": 1}, by=({"stage": stage},))
        elif run.request.action in ("redrive", "discard"):
            self._reporter.tell_of_run(run, output)
        return output

    def finish(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Reopen what is unfinished, give up the locks, and report."""
        run = _run(task)
        position = task.get("position") or {"next": 0, "pages": 0}
        plan = task.get("plan") or {}
        for stage in run.request.stages:
            self._reopen(stage, lambda row: row.run == run.execution)
        self._unlock(run.execution)
        results = [
            json.loads(self._bucket.get(f"redrive/{run.execution}/results-{page}.json"))
            for page in range(position["pages"])
        ]
        left = plan.get("count", 0) - position["next"]
        outcome = task["outcome"]
        output = self._reporter.report(
            run,
            "partial" if outcome == "done" and left else outcome,
            now=datetime.now(UTC),
            cause=task.get("cause"),
            summary=plan.get("summary"),
            results=results,
            left=left,
            approver=task.get("approver"),
        )
        self._reporter.tell_of_run(run, output)
        return output

    def release(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """After an execution that ended without `finish`: its locks given up, its letters reopened."""
        execution: str = task["execution"]
        reopened = sum(self._reopen(stage, lambda row: row.run == execution) for stage in STAGES)
        released = self._unlock(execution)
        if reopened or released:
            now = datetime.now(UTC)
            entry = {"execution": execution, "outcome": task.get("status"), "reopened": reopened}
            self._ledger.audit({**entry, "released": released}, now=now)
        return {"released": released, "reopened": reopened}

    def _reopen(self, stage: Stage, chosen: Callable[[Row], bool]) -> int:
        rows = [r for r in self._ledger.select([stage], ["redriving"], Filter()) if chosen(r)]
        made = self._ledger.change([Change(row, "open") for row in rows])
        return sum(result is True for result in made)

    def _unlock(self, execution: str) -> list[str]:
        released = []
        for stage in STAGES:
            for kind in ("lock", "triage"):
                lease = self._locks.holder(f"{kind}#{stage}", now=datetime.now(UTC))
                if lease and lease.owner == execution and self._locks.release(lease):
                    released.append(lease.name)
        return released

    def _renew(self, execution: str, token: Mapping[str, int]) -> bool:
        now = datetime.now(UTC)
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


def _merge(total: Outcome, outcome: Outcome) -> None:
    total.fates += outcome.fates
    total.stored += outcome.stored
    total.failed += outcome.failed
    total.unrecorded += outcome.unrecorded
    for fingerprint, fates in outcome.by_fingerprint.items():
        total.by_fingerprint[fingerprint] += fates


def _result(outcome: Outcome) -> str:
    return json.dumps(
        {
            "fates": outcome.fates,
            "by_fingerprint": outcome.by_fingerprint,
            "failed": outcome.failed,
            "unrecorded": outcome.unrecorded,
        }
    )


@cache
def _tasks() -> Tasks:
    environment = os.environ
    clients = Clients(connections=_WORKERS, read_seconds=READ_SECONDS + 2)
    workers = ThreadPoolExecutor(_WORKERS)
    dynamodb, s3, sns = clients.client("dynamodb"), clients.client("s3"), clients.client("sns")
    bucket = OperationsBucket(s3, bucket=environment["OPERATIONS_BUCKET"])
    ledger = Ledger(dynamodb, table=environment["LEDGER_TABLE"], workers=workers)
    topics = Topics(sns, arn_prefix=environment["TOPIC_ARN_PREFIX"])
    judge = Judge(Catalogue.read(_CATALOGUE))
    store = EventStore(
        dynamodb,
        table=environment["EVENTS_TABLE"],
        region=clients.region,
        retention_days=int(environment["EVENT_RETENTION_DAYS"]),
        workers=workers,
    )
    return Tasks(
        planner=Planner(ledger=ledger, store=store, judge=judge),
        runner=Runner(
            ledger=ledger,
            store=store,
            archive=Archive(s3, bucket=environment["ARCHIVE_BUCKET"]),
            topics=topics,
            judge=judge,
            workers=workers,
        ),
        reporter=Reporter(
            ledger=ledger,
            bucket=bucket,
            ops=OpsTopic(sns, arn=environment["OPS_TOPIC_ARN"]),
            deployment=environment["DEPLOYMENT"],
        ),
        ledger=ledger,
        locks=Locks(dynamodb, table=environment["LEDGER_TABLE"]),
        bucket=bucket,
        topics=topics,
        dynamodb=dynamodb,
        events_table=environment["EVENTS_TABLE"],
        metrics=Metrics(),
    )


_TASKS: Sequence[str] = (
    "begin",
    "plan",
    "ask",
    "lock",
    "verify",
    "probe",
    "page",
    "report",
    "finish",
    "release",
)


def handle(task: Mapping[str, Any], context: Context) -> Any:
    """The function's entry point: `task` names what is to be done."""
    name = task["task"]
    if name not in _TASKS:
        raise ValueError(f"there is no task {name!r}")
    logger = Logger()
    try:
        result = getattr(_tasks(), name)(task)
    except (InvalidInput, Locked, PlanChanged, DependencyDown) as refusal:
        # Operators' errors and refusals: no failure of ours.
        logger.info(name, execution=task.get("execution"), refused=type(refusal).__name__)
        raise
    logger.info(name, execution=task.get("execution"))
    return result
