"""Where the engine is tested: AWS in memory, and the emulator."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.httpsession import URLLib3Session

from eventing.dead_letter import STAGES, Stage
from functions.contract import LEDGER_INDEX, LEDGER_INDEX_MEMBERS, Variable
from functions.shared.clients import READ_SECONDS, Clients
from tests.faults.aws import FakeAws, new_session, session_in_memory
from tests.faults.memory import QUEUE_URL, REGION, TOPIC_PREFIX, Index

if TYPE_CHECKING:
    from botocore.session import Session

    from local.cloud import LocalCloud

P = ParamSpec("P")
T = TypeVar("T")


class Wire:
    """The AWS clients of a process, whose calls `send` answers in place of the network."""

    def __init__(self, new_session: Callable[[Callable[..., AWSResponse]], Session]) -> None:
        session = new_session(self._answer)
        self.clients = Clients(connections=24, read_seconds=READ_SECONDS + 2, session=session)
        self.send: Callable[..., AWSResponse]

    def _answer(self, request: AWSPreparedRequest, event_name: str, **_: Any) -> AWSResponse:
        return self.send(request, event_name=event_name)


# They take longer to make than a test takes: those in memory are used again.
_IDLE: list[Wire] = []


@dataclass(frozen=True)
class Delivery:
    """A message at a subscriber of all topics."""

    topic: str
    text: str
    attributes: Mapping[str, str]


class Inline(Executor):
    """Does each call at once, in the thread that asks for it: in memory nothing is worth waiting for."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future


class Cloud(Protocol):
    """An AWS with the resources that the engine works on, and what is done with it from outside."""

    name: str
    """Of the deployment."""
    region: str
    queues: Mapping[Stage, str]
    """The URLs of the dead-letter queues."""
    ops_topic: str
    """The ARN of the topic that operators are subscribed to."""

    def wire(self) -> Wire:
        """What connects a process to the cloud."""

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        """Do what the SDK asks for."""

    def client(self, service: str) -> Any:
        """A client of the test's own."""

    def workers(self, threads: int) -> Executor:
        """What makes a process's calls side by side."""

    def make_topic(self, name: str, *, subscribed: bool = True) -> None:
        """Create a topic, or subscribe to one that is there."""

    def remove_topic(self, name: str) -> None:
        """Delete a topic."""

    def items(self, table: str) -> list[dict[str, Any]]:
        """All items of a table."""

    def objects(self, bucket: str) -> dict[str, bytes]:
        """All objects of a bucket, by key."""

    def deliveries(self) -> list[Delivery]:
        """What came to the subscriber since this was last asked."""

    def told(self) -> list[tuple[str, str]]:
        """Subjects and texts that operators were sent since this was last asked."""

    def overwrite(self, bucket: str, key: str, text: str) -> None:
        """Replace an object, which no function may."""

    def execution_ended(self, arn: str, *, status: str, cause: str) -> None:
        """Let Step Functions tell of an execution that came to another end."""

    def waiting(self) -> int:
        """How many messages the dead-letter queues hold, received ones included."""


def tables(cloud: Cloud) -> dict[str, str]:
    """The names of tables and buckets, by the environment variables that the functions read."""
    return {
        Variable.LEDGER_TABLE: f"{cloud.name}-ledger",
        Variable.EVENTS_TABLE: f"{cloud.name}-events",
        Variable.OPERATIONS_BUCKET: f"{cloud.name}-operations",
        Variable.ARCHIVE_BUCKET: f"{cloud.name}-archive",
        Variable.REGISTRY_TABLE: f"{cloud.name}-registry",
        Variable.RECEIPTS_TABLE: f"{cloud.name}-receipts",
    }


class InMemory:
    """AWS in memory, each its own."""

    name = "shop"
    region = REGION
    ops_topic = TOPIC_PREFIX.removesuffix("topic-") + "ops"

    def __init__(self) -> None:
        self.aws = FakeAws(
            leaves_keys=False,
            indexes={LEDGER_INDEX: Index("shard", "failed_at", frozenset(LEDGER_INDEX_MEMBERS))},
        )
        self.queues: Mapping[Stage, str] = {s: f"{QUEUE_URL}{self.name}-{s}-dlq" for s in STAGES}
        self._wires: list[Wire] = []

    def wire(self) -> Wire:
        wire = _IDLE.pop() if _IDLE else Wire(session_in_memory)
        self._wires.append(wire)
        return wire

    def close(self) -> None:
        """Nobody uses it any more."""
        _IDLE.extend(self._wires)
        self._wires.clear()

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        return self.aws.answer(request)

    @cached_property
    def _own(self) -> Wire:
        wire = self.wire()
        wire.send = lambda request, **_: self.send(request)
        return wire

    def client(self, service: Any) -> Any:
        return self._own.clients.client(service)

    def workers(self, threads: int) -> Executor:
        return Inline()

    def make_topic(self, name: str, *, subscribed: bool = True) -> None:
        self.aws.deleted_topics.discard(name)
        self.aws.subscriptions[name] = int(subscribed)

    def remove_topic(self, name: str) -> None:
        self.aws.deleted_topics.add(name)

    def items(self, table: str) -> list[dict[str, Any]]:
        return [dict(item) for item in self.aws.items(table).values()]

    def objects(self, bucket: str) -> dict[str, bytes]:
        return dict(self.aws.buckets.get(bucket, {}))

    def deliveries(self) -> list[Delivery]:
        found = [
            Delivery(topic, entry["Message"], entry["Attributes"])
            for topic, entries in self.aws.topics.items()
            for entry in entries
        ]
        self.aws.topics.clear()
        return found

    def told(self) -> list[tuple[str, str]]:
        told, self.aws.told = self.aws.told, []
        return told

    def waiting(self) -> int:
        return sum(len(messages) for messages in self.aws.queues.values())

    def give_back(self) -> None:
        """Let messages that were received and not deleted be received again."""
        self.aws.hidden.clear()

    def started(self) -> list[Any]:
        """The inputs of executions that were started since this was last asked."""
        found, self.aws.executions = self.aws.executions, []
        return [json.loads(execution["input"]) for execution in found if "input" in execution]

    def overwrite(self, bucket: str, key: str, text: str) -> None:
        self.aws.buckets[bucket][key] = text.encode()

    def execution_ended(self, arn: str, *, status: str, cause: str) -> None:
        self.aws.executions.append({"executionArn": arn, "status": status, "cause": cause})


class Emulated:
    """Resources of its own in the emulator."""

    def __init__(self, local: LocalCloud) -> None:
        self.name = f"t{uuid.uuid4().hex[:8]}"
        self.region = local.region
        self._local = local
        self._http = URLLib3Session()
        self._topics: dict[str, str] = {}
        self._make_tables()
        s3, sqs, sns = map(self.client, ("s3", "sqs", "sns"))
        for name in (Variable.OPERATIONS_BUCKET, Variable.ARCHIVE_BUCKET):
            s3.create_bucket(Bucket=tables(self)[name])
        self.queues: Mapping[Stage, str] = {
            stage: sqs.create_queue(
                QueueName=f"{self.name}-{stage}-dlq", Attributes={"VisibilityTimeout": "300"}
            )["QueueUrl"]
            for stage in STAGES
        }
        self._subscriber, self._mailbox = (self._queue(n) for n in ("subscriber", "mailbox"))
        self.ops_topic = sns.create_topic(Name=f"{self.name}-ops")["TopicArn"]
        self._subscribe(self.ops_topic, self._mailbox)

    def _make_tables(self) -> None:
        text, key = {"AttributeType": "S"}, {"AttributeName": "pk", "KeyType": "HASH"}
        plain: dict[str, Any] = {
            "KeySchema": [key],
            "AttributeDefinitions": [{"AttributeName": "pk", **text}],
            "BillingMode": "PAY_PER_REQUEST",
        }
        dynamodb = self.client("dynamodb")
        for name in (Variable.EVENTS_TABLE, Variable.REGISTRY_TABLE):
            dynamodb.create_table(TableName=tables(self)[name], **plain)
        dynamodb.create_table(
            TableName=tables(self)[Variable.RECEIPTS_TABLE],
            KeySchema=[key, {"AttributeName": "sk", "KeyType": "RANGE"}],
            AttributeDefinitions=[{"AttributeName": name, **text} for name in ("pk", "sk")],
            BillingMode="PAY_PER_REQUEST",
        )
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
            TableName=tables(self)[Variable.LEDGER_TABLE],
            **{**plain, "AttributeDefinitions": names},
            GlobalSecondaryIndexes=[index],
        )

    def _queue(self, name: str) -> str:
        """A queue that topics may send to."""
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": "*",
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        url: str = self.client("sqs").create_queue(
            QueueName=f"{self.name}-{name}", Attributes={"Policy": policy}
        )["QueueUrl"]
        return url

    def _subscribe(self, topic: str, queue: str) -> None:
        arn = self.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        self.client("sns").subscribe(
            TopicArn=topic, Protocol="sqs", Endpoint=arn["Attributes"]["QueueArn"]
        )

    def wire(self) -> Wire:
        return Wire(new_session)

    def send(self, request: AWSPreparedRequest) -> AWSResponse:
        return self._http.send(request)

    def client(self, service: str) -> Any:
        return self._local.client(service)

    def workers(self, threads: int) -> Executor:
        return ThreadPoolExecutor(threads)

    def make_topic(self, name: str, *, subscribed: bool = True) -> None:
        arn = self.client("sns").create_topic(Name=f"{self.name}-topic-{name}")["TopicArn"]
        self._topics[name] = arn
        if subscribed:
            self._subscribe(arn, self._subscriber)

    def remove_topic(self, name: str) -> None:
        self.client("sns").delete_topic(TopicArn=self._topics[name])

    def items(self, table: str) -> list[dict[str, Any]]:
        pages = self.client("dynamodb").get_paginator("scan").paginate(TableName=table)
        return [item for page in pages for item in page["Items"]]

    def objects(self, bucket: str) -> dict[str, bytes]:
        s3 = self.client("s3")
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
        return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}

    def deliveries(self) -> list[Delivery]:
        return [
            Delivery(
                note["TopicArn"].rpartition("-topic-")[2],
                note["Message"],
                {k: v["Value"] for k, v in note["MessageAttributes"].items()},
            )
            for note in self._drain(self._subscriber)
        ]

    def overwrite(self, bucket: str, key: str, text: str) -> None:
        self.client("s3").put_object(Bucket=bucket, Key=key, Body=text.encode())

    def execution_ended(self, arn: str, *, status: str, cause: str) -> None:
        """The emulator runs no execution of these tests, so it knows of none."""

    def told(self) -> list[tuple[str, str]]:
        return [(note["Subject"], note["Message"]) for note in self._drain(self._mailbox)]

    def _drain(self, url: str) -> Iterator[Any]:
        sqs = self.client("sqs")
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            entries = [
                {"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]}
                for n, message in enumerate(messages)
            ]
            sqs.delete_message_batch(QueueUrl=url, Entries=entries)
            yield from (json.loads(message["Body"]) for message in messages)

    def waiting(self) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        return sum(
            int(value)
            for url in self.queues.values()
            for value in self.client("sqs")
            .get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
            .values()
        )


def put_messages(cloud: Cloud, stage: Stage, texts: Iterable[str]) -> None:
    """Put messages into a dead-letter queue."""
    sqs, left = cloud.client("sqs"), list(texts)
    while left:
        entries = [{"Id": str(n), "MessageBody": text} for n, text in enumerate(left[:10])]
        assert not sqs.send_message_batch(QueueUrl=cloud.queues[stage], Entries=entries)["Failed"]
        del left[:10]
