"""Triage and redrive without a deployment: the real state machine and functions against the emulator.

What is Lambda's here is a `Process`: its SDK's calls can be made to fail, and it can be made to die
before or after any of them. What is Step Functions' is the interpreter of `tests/workflows`, with the
retries that the definition asks for.
"""

from __future__ import annotations

import json
import re
import shutil
import threading
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from types import SimpleNamespace
from typing import Any

from aws_lambda_powertools import Logger
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.httpsession import URLLib3Session
from botocore.loaders import Loader
from botocore.session import get_session

from eventing.catalogue import Catalogue
from eventing.catalogue_check import load_catalogue
from eventing.cause import Cause, Code
from eventing.dead_letter import STAGES, DeadLetter, Stage
from eventing.timestamps import timestamp
from functions.contract import LEDGER_INDEX, LEDGER_INDEX_MEMBERS, Variable
from functions.counter.handler import make_handler as make_counter
from functions.redrive.handler import make_handler as make_redrive
from functions.shared.clients import READ_SECONDS, Clients
from functions.shared.clock import Clock
from functions.shared.entry import Handler
from functions.shared.executions import Execution as Run
from functions.shared.executions import Executions, Status
from functions.shared.parts import Parts
from functions.triage.handler import make_handler as make_triage_handler
from functions.triage.handler import make_triage
from functions.triage.triage import Counts
from local.cloud import ROOT, LocalCloud
from tests.end_to_end.conftest import put_messages
from tests.faults import http
from tests.faults.sdk import fail
from tests.faults.vocabulary import Call, Fault, Killed, nothing
from tests.workflows.asl import Execution, ExecutionFailed, Json, TaskFailed

MACHINE: Json = json.loads((ROOT / "workflows" / "redrive.asl.json").read_text())
CATALOGUE = load_catalogue(ROOT / "catalogue")
ORDER, PAYMENT = "com.example.shop.order.placed.v1", "com.example.shop.payment.captured.v1"
METRICS = {Variable.SERVICE: "shop", Variable.NAMESPACE: "Eventing"}
# Of the SDK; it takes most of the time in which a process comes to life.
_LOADER = Loader()


class Stopped(Exception):  # noqa: N818 - what was done to the execution
    """The execution was stopped by StopExecution."""


@dataclass(frozen=True)
class TaskCall(Call):
    """A call that a process makes; `number` counts its operation in this process at this task."""

    task: str = ""

    @property
    def to(self) -> str | None:
        """The state that this call changes letters to."""
        match = re.search(r'"(redriving|resolved|parked|open|discarded)"', self.body)
        return match[1] if self.operation == "BatchExecuteStatement" and match else None


Faults = Callable[[TaskCall], Fault | None]


class WorldClock(Clock):
    """The world's time: nobody waits, unless a test says otherwise."""

    def __init__(self, world: World) -> None:
        self._world = world

    def monotonic(self) -> float:
        return self._world.monotonic()

    def sleep(self, seconds: float) -> None:
        self._world.pause(seconds)


class NoExecutions(Executions):
    """Starts none, and notes what it was to start."""

    def __init__(self) -> None:
        self.started: list[Json] = []

    def start(self, request: Mapping[str, Any]) -> None:
        self.started.append(dict(request))

    def listed(self, status: Status) -> list[Run]:
        return []


class Process:
    """An execution environment of Lambda, with the functions in it."""

    def __init__(self, world: World, faults: Faults) -> None:
        self.dead = False
        self.retired = False
        self.calls: list[TaskCall] = []
        self.executions = NoExecutions()
        self._world = world
        self._faults = faults
        self._lock = threading.Lock()
        self._task = ""
        self._counts: Counter[str] = Counter()
        self._http = URLLib3Session()
        self._catalogue = world.catalogue

    @cached_property
    def clients(self) -> Clients:
        """Its AWS clients, whose calls a test sees and can make fail."""
        session = get_session()
        session.register_component("data_loader", _LOADER)
        session.register("before-send", self._before_send)  # type: ignore[arg-type]
        for measured in self._world.measured:
            measured.watch(session)
        return Clients(connections=24, read_seconds=READ_SECONDS + 2, session=session)

    def parts(self, *, threads: int) -> Parts:
        """What one of its functions is put together from."""
        return Parts(
            self._world.environment,
            threads=threads,
            clients=self.clients,
            clock=WorldClock(self._world),
            logger=self._world.logger,
            catalogue=self._catalogue,
            code_digest="code",
            executions=self.executions,
            # Few, which takes less time.
            shards=2,
            page_seconds=self._world.page_seconds,
            poll_seconds=0,
        )

    @cached_property
    def redrive(self) -> Handler:
        """The redrive function."""
        return make_redrive(self.parts(threads=24))

    @cached_property
    def triage(self) -> Handler:
        """The triage function, with few receivers, which takes less time."""
        return make_triage_handler(self.parts(threads=2))

    @cached_property
    def counter(self) -> Handler:
        """The counter."""
        return make_counter(self.parts(threads=16))

    def invoke(self, task: Json) -> Json:
        """Do a task, as its function does."""
        self._task = task["task"]
        self._counts.clear()
        handler = self.triage if task["task"] == "triage" else self.redrive
        return handler(task, self.context)

    @property
    def context(self) -> Any:
        """What Lambda tells a function of an invocation."""
        return SimpleNamespace(
            aws_request_id=str(uuid.uuid4()), get_remaining_time_in_millis=lambda: 90_000
        )

    def count(self, *operations: str) -> int:
        """How many calls of these operations it has made."""
        return sum(call.operation in operations for call in self.calls)

    def _before_send(
        self, request: AWSPreparedRequest, event_name: str, **_: Any
    ) -> AWSResponse | None:
        if self.dead:
            raise Killed
        service, operation = event_name.split(".")[1:]
        sent = http.body(request).decode()
        with self._lock:
            self._counts[operation] += 1
            call = TaskCall(service, operation, "", self._counts[operation], sent, self._task)
            self.calls.append(call)
        fault = self._faults(call)
        if fault is None:
            return None
        try:
            return fail(
                fault,
                request,
                service=service,
                act=lambda: self._http.send(request),
                released=threading.Event(),
            )
        except Killed:
            self.dead = True
            raise


@dataclass
class Measured:
    """What was read of tables: read units by DynamoDB's rules, and of what."""

    client: Any
    units: float = 0
    of: Counter[str] = field(default_factory=Counter)

    def watch(self, session: Any) -> None:
        """Look at what the SDK's calls are about to read; the emulator says 0.5 units of any."""
        session.register("before-parameter-build.dynamodb.*", self._look)

    def _look(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        if model.name not in ("Query", "GetItem", "BatchGetItem", "Scan"):
            return
        index, key = params.get("IndexName"), params.get("Key", {}).get("pk", {}).get("S")
        self.of[str(index or key)] += 1
        asked = {k: v for k, v in params.items() if k not in ("Select", "ProjectionExpression")}
        if model.name == "Query":
            # Those of the projection would be too many.
            asked["ExpressionAttributeNames"] = {
                alias: name
                for alias, name in params["ExpressionAttributeNames"].items()
                if alias in params["KeyConditionExpression"]
            }
            items = self.client.query(**asked)["Items"]
        else:
            assert model.name == "GetItem", "a call that reads many items of a table"
            asked.pop("ExpressionAttributeNames", None)
            items = [self.client.get_item(**asked).get("Item", {})]
        # "Item sizes and formats": names and values; 4 KiB a unit, half of one when eventually.
        size = sum(
            len(name) + len(next(iter(value.values())))
            for item in items
            for name, value in item.items()
        )
        self.units += max(1, -(-size // 4096)) * (1 if params.get("ConsistentRead") else 0.5)


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

    def __init__(self, cloud: LocalCloud, *, hidden_seconds: int = 300) -> None:
        self.cloud = cloud
        self.hidden_seconds = hidden_seconds
        self.name = f"t{uuid.uuid4().hex[:8]}"
        self.catalogue = CATALOGUE
        self.pause: Callable[[float], None] = lambda seconds: None
        self.monotonic: Callable[[], float] = monotonic
        self.page_seconds = 50.0
        self.log = StringIO()
        self.logger = Logger(service=self.name, stream=self.log)
        self.processes: list[Process] = []
        self.measured: list[Measured] = []
        self._running: list[tuple[Execution, _Machine]] = []
        self._make()

    def client(self, service: str) -> Any:
        return self.cloud.client(service)

    def _make(self) -> None:
        sqs, sns, dynamodb, s3 = map(self.client, ("sqs", "sns", "dynamodb", "s3"))
        self.ledger, self.events = f"{self.name}-ledger", f"{self.name}-events"
        self.operations, self.archive = f"{self.name}-operations", f"{self.name}-archive"
        text, key = {"AttributeType": "S"}, {"AttributeName": "pk", "KeyType": "HASH"}
        plain: dict[str, Any] = {
            "KeySchema": [key],
            "AttributeDefinitions": [{"AttributeName": "pk", **text}],
            "BillingMode": "PAY_PER_REQUEST",
        }
        dynamodb.create_table(TableName=self.events, **plain)
        names = [{"AttributeName": name, **text} for name in ("pk", "shard", "failed_at")]
        index = {
            "IndexName": LEDGER_INDEX,
            "KeySchema": [
                {"AttributeName": "shard", "KeyType": "HASH"},
                {"AttributeName": "failed_at", "KeyType": "RANGE"},
            ],
            "Projection": {
                "ProjectionType": "INCLUDE",
                "NonKeyAttributes": list(LEDGER_INDEX_MEMBERS),
            },
        }
        dynamodb.create_table(
            TableName=self.ledger,
            **{**plain, "AttributeDefinitions": names},
            GlobalSecondaryIndexes=[index],
        )
        for bucket in (self.operations, self.archive):
            s3.create_bucket(Bucket=bucket)
        self.queues: dict[Stage, str] = {
            stage: sqs.create_queue(
                QueueName=f"{self.name}-{stage}-dlq",
                Attributes={"VisibilityTimeout": str(self.hidden_seconds)},
            )["QueueUrl"]
            for stage in STAGES
        }
        self.topics: dict[str, str] = {}
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": "*",
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.subscriber, self.mailbox = (
            sqs.create_queue(QueueName=f"{self.name}-{name}", Attributes={"Policy": policy})[
                "QueueUrl"
            ]
            for name in ("subscriber", "mailbox")
        )
        for topic in self.catalogue.topics:
            self.make_topic(topic.name)
        self.ops = sns.create_topic(Name=f"{self.name}-ops")["TopicArn"]
        self._subscribe(self.ops, self.mailbox)

    def make_topic(self, name: str) -> None:
        """Create a topic, with a subscriber that gets all of it."""
        arn = self.client("sns").create_topic(Name=f"{self.name}-topic-{name}")["TopicArn"]
        self.topics[name] = arn
        self._subscribe(arn, self.subscriber)

    def remove_topic(self, name: str) -> None:
        """Delete a topic, as somebody does by mistake."""
        self.client("sns").delete_topic(TopicArn=self.topics[name])

    def _subscribe(self, topic: str, queue: str) -> None:
        arn = self.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        self.client("sns").subscribe(
            TopicArn=topic, Protocol="sqs", Endpoint=arn["Attributes"]["QueueArn"]
        )

    @property
    def environment(self) -> dict[str, str]:
        """What the functions read."""
        return {
            **self.cloud.environment,
            **METRICS,
            Variable.DEPLOYMENT: self.name,
            Variable.RUNBOOK: "docs/runbook.md",
            Variable.LEDGER_TABLE: self.ledger,
            Variable.OPEN_LETTER_DAYS: "180",
            Variable.CLOSED_LETTER_DAYS: "30",
            Variable.EVENTS_TABLE: self.events,
            Variable.ARCHIVE_BUCKET: self.archive,
            Variable.OPERATIONS_BUCKET: self.operations,
            Variable.OPS_TOPIC_ARN: self.ops,
            Variable.TOPIC_ARN_PREFIX: self.ops.removesuffix("ops") + "topic-",
            Variable.EVENT_RETENTION_DAYS: "90",
            Variable.INGEST_DLQ_URL: self.queues["ingest"],
            Variable.PUBLISH_DLQ_URL: self.queues["publish"],
            Variable.STATE_MACHINE_ARN: f"arn:aws:states:us-east-1:000000000000:stateMachine:{self.name}",
            Variable.CONSERVATION_FROM_MINUTES: "180",
            Variable.CONSERVATION_UNTIL_MINUTES: "10",
        }

    # What is put in

    def send(self, stage: Stage, *texts: str) -> None:
        """Put messages into a stage's dead-letter queue."""
        put_messages(self.client("sqs"), self.queues[stage], texts)

    def dead_letters(self, *letters: DeadLetter) -> list[DeadLetter]:
        """Put dead letters into their queues."""
        for stage in STAGES:
            self.send(stage, *(letter.text() for letter in letters if letter.stage == stage))
        return list(letters)

    def record(self, *letters: DeadLetter) -> None:
        """Put dead letters into the ledger, as triage does, but without their queue."""
        triage = make_triage(self.process().parts(threads=8))
        with ThreadPoolExecutor(8) as workers:
            assert all(workers.map(lambda one: triage.record(one, Counts()), letters))

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

    @contextmanager
    def measuring(self) -> Iterator[Measured]:
        """What the processes that come to life meanwhile read of tables."""
        self.measured.append(Measured(self.client("dynamodb")))
        yield self.measured[-1]
        self.measured.pop()

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

        `approve` is what operators answer to the plan's message. `before` is what happens in the
        world just before a task.
        """
        started = timestamp(started_at or datetime.now(UTC))
        name = name or f"run-{uuid.uuid4().hex[:8]}"
        machine = _Machine(self, faults, approve or _nobody, dict(before or {}))
        execution = Execution(MACHINE, machine, name=name, started_at=started)
        self._running.append((execution, machine))
        ended = Ended(visited=execution.visited, tasks=machine.tasks)
        try:
            ended.output = execution.run(input or {})
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
        started_at = timestamp(datetime.now(UTC))
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
                self.process(faults).invoke(task)
                return
        self.process(faults).invoke(task)

    def count(self) -> Json:
        """What the counter does, every minute; it notes which triages it would start."""
        process = self.process()
        return {**process.counter({}, process.context), "started": process.executions.started}

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

    def letter(self, id: str) -> Letter:
        """The one letter with the event of this id."""
        (found,) = (letter for letter in self.letters if letter.id == id)
        return found

    def states(self) -> Counter[str]:
        """How many letters are in each state."""
        return Counter(letter.state for letter in self.letters)

    def rows(self, prefix: str = "") -> list[dict[str, Any]]:
        """The ledger's rows whose keys begin like this."""
        return [i for i in self._scan(self.ledger) if i["pk"]["S"].startswith(prefix)]

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
        return {json.loads(i["event"]["S"])["id"]: i for i in self._scan(self.events)}

    def _scan(self, table: str) -> list[dict[str, Any]]:
        pages = self.client("dynamodb").get_paginator("scan").paginate(TableName=table)
        return [item for page in pages for item in page["Items"]]

    def archived(self) -> Counter[str]:
        """How often each event is in the archive."""
        return Counter(
            json.loads(line)["id"]
            for key in self.objects("", self.archive)
            for line in self.read(key, self.archive).splitlines()
        )

    def objects(self, prefix: str, bucket: str | None = None) -> list[str]:
        """The keys of a bucket's objects, of the operations bucket unless it is said."""
        pages = (
            self.client("s3")
            .get_paginator("list_objects_v2")
            .paginate(Bucket=bucket or self.operations, Prefix=prefix)
        )
        return [entry["Key"] for page in pages for entry in page.get("Contents", ())]

    def read(self, key: str, bucket: str | None = None) -> bytes:
        """An object."""
        got = self.client("s3").get_object(Bucket=bucket or self.operations, Key=key)
        content: bytes = got["Body"].read()
        return content

    def report(self, ended: Ended) -> Json:
        """The report that an execution's output tells of."""
        return json.loads(
            self.read(ended.output["report"].removeprefix(f"s3://{self.operations}/"))
        )

    def waiting(self) -> int:
        """How many messages the dead-letter queues hold, received ones included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        return sum(
            int(value)
            for url in self.queues.values()
            for value in self.client("sqs")
            .get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
            .values()
        )

    def delivered(self) -> dict[str, list[str]]:
        """The topics by which each event has come to the subscriber since this was last asked."""
        found: dict[str, list[str]] = defaultdict(list)
        for notification in self.drain(self.subscriber):
            topic = notification["TopicArn"].rpartition("-topic-")[2]
            found[json.loads(notification["Message"])["id"]].append(topic)
        return dict(found)

    def told(self) -> list[tuple[str, str]]:
        """Subject and text of what operators were sent since this was last asked."""
        return [(note["Subject"], note["Message"]) for note in self.drain(self.mailbox)]

    def drain(self, url: str) -> Iterator[Json]:
        """The messages of a queue, which then are not in it any more."""
        sqs = self.client("sqs")
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            entries = [
                {"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]}
                for n, message in enumerate(messages)
            ]
            sqs.delete_message_batch(QueueUrl=url, Entries=entries)
            yield from (json.loads(message["Body"]) for message in messages)


def _nobody(task: Json) -> Json:
    raise TaskFailed("States.Timeout")


def refer(world: World, key: str) -> None:
    """EventBridge tells the queue of an object, as it does of an invocation record."""
    created = {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "time": "2026-11-24T09:31:00Z",
        "detail": {"bucket": {"name": world.operations}, "object": {"key": key}},
    }
    world.send("publish", json.dumps(created))


def put_record(world: World, key: str, content: bytes) -> None:
    world.client("s3").put_object(Bucket=world.operations, Key=key, Body=content)
    refer(world, key)


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
                if failed.error in ("InvalidInput", "Locked", "PlanChanged") or not left:
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
        for state in MACHINE["States"].values()
        if state["Type"] == "Task" and state["Arguments"]["Payload"]["task"] == task
    )
    return sum(
        retry["MaxAttempts"]
        for retry in state["Retry"]
        if "States.TaskFailed" in retry["ErrorEquals"]
    )


class PageClock:
    """Stands for the time of a page: it passes only while the page waits."""

    def __init__(self) -> None:
        self.time = 0.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.time

    def pause(self, seconds: float) -> None:
        """Let it pass."""
        assert seconds >= 0
        self.time += seconds
        self.pauses.append(seconds)


def other_catalogue() -> Catalogue:
    """The catalogue with one event type more, `org.unknown`, which the topic `customers` takes."""
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "catalogue"
        shutil.copytree(ROOT / "catalogue", copy)
        types = json.loads((copy / "event-types.json").read_text())
        types["event_types"].append({"type": "org.unknown", "description": "Known by now"})
        (copy / "event-types.json").write_text(json.dumps(types))
        topics = json.loads((copy / "topics.json").read_text())
        topics["topics"][-1]["events"].append({"type": "org.unknown"})
        (copy / "topics.json").write_text(json.dumps(topics))
        return load_catalogue(copy)


# Letters

_ago = timedelta(minutes=5)


def event(id: str, type: str = ORDER, **members: Any) -> str:
    """The text of an event that the catalogue takes."""
    data: dict[str, Any] = {"order_id": id, "total": 12.5, "currency": "EUR"}
    if type == PAYMENT:
        data = {"payment_id": id, "amount": 3, "currency": "EUR"}
    content = {"specversion": "1.0", "id": id, "source": "/shop", "type": type, "data": data}
    return json.dumps(content | members, separators=(",", ":"))


def letter(
    id: str,
    *,
    stage: Stage = "publish",
    step: Any = None,
    topic: str | None = "orders",
    text: str | None = None,
    code: Code = Code.NOT_FOUND,
    message: str = "Topic does not exist",
    publisher: str = "acme-web",
    age: timedelta = _ago,
    **members: Any,
) -> DeadLetter:
    """A dead letter that came to be a few minutes ago."""
    failed_at = datetime.now(UTC) - age
    return DeadLetter(
        stage=stage,
        step=step or ("publish" if stage == "publish" else "store"),
        publisher=publisher,
        event=text or event(id),
        accepted_at=timestamp(failed_at - timedelta(seconds=1)),
        cause=Cause(code, code.title(), message),
        failed_at=timestamp(failed_at),
        topic=topic if stage == "publish" and step != "route" else None,
        **members,
    )
