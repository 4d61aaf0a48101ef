"""Triage and redrive without a deployment: the real state machine and functions, in memory or emulated.

What is Lambda's here is a `Process`: its SDK's calls can be made to fail, and it can be made to die
before or after any of them. What is Step Functions' is the interpreter of `tests/workflows`, with the
retries that the definition asks for. Time passes only when somebody waits, and between executions.
"""

from __future__ import annotations

import json
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

from aws_lambda_powertools import Logger

from eventing.catalogue import Catalogue
from eventing.dead_letter import STAGES, DeadLetter, Stage
from eventing.publishers.doorkeeper import Doorkeeper
from eventing.timestamps import read_moment, timestamp
from functions.contract import Variable
from functions.shared.clock import Clock
from functions.shared.registry import Registry
from functions.triage.handler import make_triage
from functions.triage.triage import Counts
from tests.engine.clouds import Cloud, InMemory, put_messages, tables
from tests.engine.letters import CATALOGUE, ROOT, created, dead_letter
from tests.engine.process import Faults, Process, TaskCall
from tests.faults.vocabulary import Killed, nothing
from tests.proofs import proven
from tests.workflows.asl import Execution, ExecutionFailed, Json, TaskFailed

MACHINE: Json = json.loads((ROOT / "workflows" / "redrive.asl.json").read_text())
APPROVAL: Json = json.loads((ROOT / "workflows" / "approval.asl.json").read_text())


REFUSALS = ("ApprovalNeeded", "InvalidInput", "Locked", "PlanChanged")


class Stopped(Exception):  # noqa: N818 - what was done to the execution
    """The execution was stopped by StopExecution."""


_START = datetime(2026, 11, 27, 12, tzinfo=UTC)


class WorldClock(Clock):
    """Stands for the time of all processes."""

    def __init__(self) -> None:
        self.passed = 0.0
        """Seconds since the world began."""
        self.pauses: list[float] = []
        self.meanwhile: Callable[[float], None] = lambda seconds: None
        """What happens while a process waits."""
        self._looks = 0

    def now(self) -> datetime:
        # No two moments are the same.
        self._looks += 1
        return _START + timedelta(seconds=self.passed, milliseconds=self._looks)

    def monotonic(self) -> float:
        return self.passed

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.meanwhile(seconds)
        self.passed += seconds
        self.pauses.append(seconds)


@dataclass
class Ended:
    """How an execution ended."""

    output: Json = None
    error: str | None = None
    cause: str | None = None
    visited: Sequence[str] = ()
    tasks: Sequence[str] = ()


@dataclass(frozen=True)
class Letter:
    """A row of the ledger, as it is in the table."""

    key: str
    id: str
    stage: str
    step: str
    state: str
    episode: int
    code: str
    version: int
    run: str | None
    item: Mapping[str, Any] = field(repr=False)


class World:
    """What the functions work on, each test its own."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.name = cloud.name
        self.catalogue = CATALOGUE
        self.clock = WorldClock()
        self.ceilings = {"redrive": 1000, "discard": 100}
        self.page_seconds = 50.0
        self.regions = [cloud.region]
        """Of the deployment; the first is the one that is looked at."""
        self.stopped_because = ""
        """What an operator says who stops an execution."""
        self.log = StringIO()
        self.logger = Logger(service=self.name, stream=self.log)
        self.processes: list[Process] = []
        self.releases: list[Json] = []
        """What each release has given, of executions that came to another end."""
        self._running: list[tuple[Execution, _Machine]] = []
        (
            self.ledger,
            self.events,
            self.operations,
            self.archive,
            self.registry,
            self.receipts,
        ) = tables(cloud).values()
        for topic in self.catalogue.topics:
            cloud.make_topic(topic.name)

    @property
    def environment(self) -> dict[str, str]:
        """What the functions read."""
        account = self.cloud.ops_topic.split(":")[4]
        return {
            **tables(self.cloud),
            Variable.APPROVAL_ABOVE: json.dumps(self.ceilings),
            Variable.SERVICE: self.name,
            Variable.NAMESPACE: "Eventing",
            Variable.DEPLOYMENT: self.name,
            Variable.REGIONS: json.dumps(self.regions),
            Variable.OPEN_LETTER_DAYS: "180",
            Variable.CLOSED_LETTER_DAYS: "30",
            Variable.RUNBOOK: "docs/runbook.md",
            Variable.COMMAND_OPTIONS: "",
            Variable.DASHBOARD: "",
            Variable.OPS_TOPIC_ARN: self.cloud.ops_topic,
            Variable.TOPIC_ARN_PREFIX: self.cloud.ops_topic.removesuffix("ops") + "topic-",
            Variable.EVENT_RETENTION_DAYS: "90",
            Variable.INGEST_DLQ_URL: self.cloud.queues["ingest"],
            Variable.PUBLISH_DLQ_URL: self.cloud.queues["publish"],
            Variable.STATE_MACHINE_ARN: f"arn:aws:states:{self.cloud.region}:{account}:stateMachine:redrive",
            Variable.BACKUP_DAYS: "35",
            Variable.PUBLISH_MAPPING: "6f1d4c3a-0000-4000-8000-000000000000",
            Variable.CONSERVATION_FROM_MINUTES: "180",
            Variable.CONSERVATION_UNTIL_MINUTES: "10",
        }

    # What is put in

    def letter(
        self, id: str, *, age: timedelta = timedelta(minutes=5), **members: Any
    ) -> DeadLetter:
        """A dead letter that came to be a while ago, or in a while."""
        return dead_letter(id, failed_at=self.clock.now() - age, **members)

    def send(self, stage: Stage, *texts: str) -> None:
        """Put messages into a stage's dead-letter queue."""
        put_messages(self.cloud, stage, texts)

    def dead_letters(self, *letters: DeadLetter) -> list[DeadLetter]:
        """Put dead letters into their queues."""
        for stage in STAGES:
            self.send(stage, *(letter.text() for letter in letters if letter.stage == stage))
        return list(letters)

    def put_record(self, key: str, content: bytes) -> None:
        """Put an invocation record into the operations bucket, of which the queue is told."""
        self.cloud.client("s3").put_object(
            Bucket=self.operations, Key=key, Body=content, IfNoneMatch="*"
        )
        self.refer(key)

    def refer(self, key: str) -> None:
        """Tell the publish queue of an object."""
        self.send("publish", created(self.operations, key))

    def record(self, *letters: DeadLetter) -> None:
        """Put dead letters into the ledger, as triage does, but without their queue."""
        triage = make_triage(self.process().parts(threads=8))
        assert all(self.cloud.workers(8).map(lambda one: triage.record(one, Counts()), letters))

    def suspend(self, *publishers: str) -> None:
        """Suspend these publishers and nobody else, as far as the doorkeeper says it."""
        registry = Registry(self.cloud.client("dynamodb"), table=self.registry)
        registry.change_doorkeeper(lambda _: Doorkeeper(frozenset(publishers)))

    # What is done

    def process(self, faults: Faults = nothing) -> Process:
        """A fresh execution environment."""
        process = Process(self, faults)
        self.processes.append(process)
        return process

    def deploy(self, catalogue: Catalogue) -> None:
        """Deploy the functions with another catalogue; running executions go on with them."""
        self.catalogue = catalogue
        for process in self.processes:
            process.retired = True

    def run(
        self,
        input: Json = None,
        *,
        faults: Faults = nothing,
        approve: Callable[[Json], Json] | None = None,
        name: str | None = None,
        started_at: datetime | None = None,
        before: Mapping[str, Callable[[], None]] | None = None,
    ) -> Ended:
        """An execution of the state machine, to its end; what leaves no `finish` is released.

        `approve` is what an approver answers, given what the task that asks was. `before` is what
        happens in the world just before a task.
        """
        self.clock.passed += 1
        started = timestamp(started_at or self.clock.now())
        name = name or f"run-{uuid.uuid4().hex[:8]}"
        machine = _Machine(self, faults, approve or _nobody, dict(before or {}))
        execution = Execution(MACHINE, machine, name=name, started_at=started)
        self._running.append((execution, machine))
        ended = Ended(visited=execution.visited, tasks=machine.tasks)
        try:
            ended.output = execution.run(said(input or {}))
        except ExecutionFailed as failed:
            ended.error, ended.cause = failed.error, failed.cause
            self.release("FAILED")
        except Stopped:
            ended.error = "Stopped"
        finally:
            self._running.pop()
        return ended

    def task(self, name: str, **members: Json) -> Json:
        """What the state machine gives a task of an execution that has just begun."""
        started_at = timestamp(self.clock.now())
        execution = {"execution": "run-1", "execution_arn": "arn:run-1", "started_at": started_at}
        return {"task": name, **execution, **members}

    def stop(self) -> None:
        """Stop the execution while one of its tasks makes a call: that task goes on by itself."""
        _, machine = self._running[-1]
        machine.stopped = True
        self.release(faults=machine.faults)

    def release(self, status: str = "ABORTED", *, faults: Faults = nothing) -> None:
        """What EventBridge has done about an execution that came to another end.

        Lambda does it again, in another process, when it fails: twice, then EventBridge begins anew.
        """
        execution, _ = self._running[-1]
        if status == "ABORTED":
            self.cloud.execution_ended(execution.arn, status=status, cause=self.stopped_because)
        started = datetime.fromisoformat(execution.started_at)
        task = {
            "task": "release",
            "execution": execution.name,
            "execution_arn": execution.arn,
            "started_at": int(started.timestamp() * 1000),
            "status": status,
        }
        for _ in range(2):
            with suppress(Exception, Killed):
                self.releases.append(self.process(faults).invoke(task))
                return
        self.releases.append(self.process(faults).invoke(task))

    def count(self, *, faults: Faults = nothing) -> Json:
        """What the counter finds, every minute, and the inputs of the triages that it has `started`."""
        assert isinstance(self.cloud, InMemory), "only there is seen what it starts"
        process = self.process(faults)
        return {**process.counter({}, process.context(50)), "started": self.cloud.started()}

    def widget(self, event: Json = None, *, faults: Faults = nothing) -> Json:
        """What the dashboards' widget answers."""
        process = self.process(faults)
        return process.widget(event or {"widgetContext": {}}, process.context(10))

    # What came out

    @property
    def letters(self) -> list[Letter]:
        """What the ledger has of letters."""
        items = [item for item in self.rows() if "stage" in item]
        return [
            Letter(
                key=item["pk"]["S"],
                id=str(json.loads(item["event"]["S"]).get("id")),
                stage=item["stage"]["S"],
                step=item["step"]["S"],
                state=item["state"]["S"],
                episode=int(item["episode"]["N"]),
                code=item["code"]["S"],
                version=int(item["version"]["N"]),
                run=item.get("run", {}).get("S"),
                item=item,
            )
            for item in items
        ]

    def row(self, id: str) -> Letter:
        """The one letter with the event of this id."""
        (found,) = (letter for letter in self.letters if letter.id == id)
        return found

    def states(self) -> Counter[str]:
        """How many letters are in each state."""
        return Counter(letter.state for letter in self.letters)

    def rows(self, prefix: str = "") -> list[dict[str, Any]]:
        """The ledger's rows whose keys begin like this."""
        return [i for i in self.cloud.items(self.ledger) if i["pk"]["S"].startswith(prefix)]

    def audit(self) -> list[dict[str, Any]]:
        """The audit, oldest first."""
        rows = sorted(self.rows("audit#"), key=lambda row: str(row["pk"]["S"]))
        return [json.loads(row["entry"]["S"]) for row in rows]

    def locked(self) -> dict[str, str]:
        """The locks that somebody holds."""
        rows = [row for kind in ("lock#", "triage#", "tell#") for row in self.rows(kind)]
        return {row["pk"]["S"]: row["owner"]["S"] for row in rows if "owner" in row}

    def stored(self) -> dict[str, dict[str, Any]]:
        """The Events table, by the events' ids."""
        return {json.loads(i["event"]["S"])["id"]: i for i in self.cloud.items(self.events)}

    def archived(self) -> Counter[str]:
        """How often each event is in the archive."""
        return Counter(
            json.loads(line)["event"]["id"]
            for content in self.cloud.objects(self.archive).values()
            for line in content.splitlines()
        )

    def proven(self) -> dict[str, str]:
        """By the ids of letters' events: the topics that receipts say they were published to."""
        items = self.cloud.items(self.receipts)
        topics = {
            letter.id: proven(
                items,
                letter.item["event_key"]["S"],
                accepted_at=read_moment(letter.item["accepted_at"]["S"]),
                region=self.cloud.region,
            )
            for letter in self.letters
        }
        return {id: topic for id, topic in topics.items() if topic}

    def objects(self, prefix: str) -> list[str]:
        """The keys of the operations bucket's objects."""
        return [key for key in self.cloud.objects(self.operations) if key.startswith(prefix)]

    def read(self, key: str) -> Json:
        """An object of the operations bucket."""
        return json.loads(self.cloud.objects(self.operations)[key])

    def calls(self, task: str | None = None, operation: str | None = None) -> list[TaskCall]:
        """What processes have asked of AWS, at this task and by this operation if they are given."""
        return [
            call
            for process in self.processes
            for call in process.calls
            if task in (None, call.task) and operation in (None, call.operation)
        ]

    def report(self, ended: Ended) -> Json:
        """The report that an execution's output tells of."""
        return self.read(ended.output["report"].removeprefix(f"s3://{self.operations}/"))

    def give_back(self) -> None:
        """Let messages that were received and not deleted be received again."""
        assert isinstance(self.cloud, InMemory), "elsewhere it takes minutes"
        self.cloud.give_back()

    def waiting(self) -> int:
        """How many messages the dead-letter queues hold, received ones included."""
        return self.cloud.waiting()

    def delivered(self) -> dict[str, list[str]]:
        """The topics by which each event has come to the subscriber since this was last asked."""
        found: dict[str, list[str]] = defaultdict(list)
        for delivery in self.cloud.deliveries():
            found[json.loads(delivery.text)["id"]].append(delivery.topic)
        return dict(found)

    def told(self) -> list[tuple[str, str]]:
        """Subject and text of what operators were sent since this was last asked."""
        return self.cloud.told()


def said(input: Json) -> Json:
    """An input whose decision has a reason and a name, unless it says otherwise."""
    decides = isinstance(input, dict) and input.get("action") in ("redrive", "discard")
    return {"reason": "a test", "started_by": "ada", **input} if decides else input


def _nobody(task: Json) -> Json:
    raise TaskFailed("States.Timeout")


class _Machine:
    """Calls tasks as Step Functions does: in a process that lives on, until it dies, with retries."""

    def __init__(
        self,
        world: World,
        faults: Faults,
        approve: Callable[[Json], Json],
        before: dict[str, Callable[[], None]],
    ) -> None:
        self.tasks: list[str] = []
        self.faults = faults
        self.stopped = False
        self._world = world
        self._approve = approve
        self._before = before
        self._process: Process | None = None

    def __call__(self, arguments: Json) -> Json:
        if "StateMachineArn" in arguments:
            asked = Execution(APPROVAL, self, name=arguments["Name"])
            return {"Output": asked.run(arguments["Input"])}
        task = arguments["Payload"]
        name = task["task"]
        # The happening is over when the task is done again.
        self._before.pop(name, lambda: None)()
        left = _retries(name)
        while True:
            self.tasks.append(name)
            try:
                result = self._invoke(task)
            except TaskFailed as failed:
                if failed.error in REFUSALS or not left:
                    raise
                left -= 1
                continue
            if name == "ask":
                return self._approve(task)
            return {"StatusCode": 200, "Payload": result}

    def _invoke(self, task: Json) -> Json:
        if self._process is None or self._process.dead or self._process.retired:
            self._process = self._world.process(self.faults)
        process = self._process
        try:
            # What a function is given and gives is JSON.
            return json.loads(json.dumps(process.invoke(json.loads(json.dumps(task)))))
        except Killed:
            raise TaskFailed("Runtime.ExitError") from None
        except Exception as error:
            name = type(error).__name__
            cause = {"errorType": name, "errorMessage": str(error)}
            raise TaskFailed(name, json.dumps(cause)) from error
        finally:
            if self.stopped:
                raise Stopped


def _retries(task: str) -> int:
    """How often the definition has a task done again when its function fails."""
    state = next(
        state
        for machine in (MACHINE, APPROVAL)
        for state in machine["States"].values()
        if state.get("Arguments", {}).get("Payload", {}).get("task") == task
    )
    return sum(
        retry["MaxAttempts"]
        for retry in state["Retry"]
        if "States.TaskFailed" in retry["ErrorEquals"]
    )
