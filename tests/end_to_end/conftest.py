"""One deployment for all end-to-end tests, with IAM enforced, and what they do to it from outside.

Tests share it, so each looks for its own events only, and repairs what it broke.
"""

from __future__ import annotations

import io
import json
import time
import uuid
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from eventing.catalogue_check import load_catalogue
from eventing.redrive.ledger import shard
from local.cloud import ROOT, LocalCloud
from local.deployment import Deployment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

T = TypeVar("T")

PUBLISHER = "acme-web"
# What a test waits for happens within a second or two; on a machine that is busy, later.
DEADLINE = 60.0

# All tests of a session count together towards the ceilings.
CONTEXT = {
    "laptop": "true",
    "approval_above": json.dumps({"redrive": 100_000, "discard": 100_000}),
}

# They wait for minutes to pass, tell long stories, or have a deployment of their own.
FIRST = (
    *("test_page.py", "test_runbook.py", "test_console.py", "test_publication.py"),
    *("test_incident.py", "test_regions.py"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files so that all workers end at about the same time: long ones first, small tests last."""

    def rank(item: pytest.Item) -> int:
        if item.path.name in FIRST:
            return FIRST.index(item.path.name)
        return len(FIRST) + (item.path.parent.name == "engine")

    items.sort(key=rank)


@pytest.fixture(scope="session")
def deployment() -> Iterator[Deployment]:
    """The app, deployed by the CDK CLI into a cloud of its own."""
    with LocalCloud() as cloud:
        deployment = Deployment(cloud, cloud.deploy(CONTEXT))
        rest_canary(deployment)
        yield deployment


def rest_canary(deployment: Deployment) -> None:
    """Let the canary send nothing by itself, and its silence be no alarm.

    An event a minute would be among those that tests break, lose and count.
    """
    deployment.client("events").disable_rule(Name=f"{deployment.name}-canary")
    change_alarm(deployment, "canary-undelivered", TreatMissingData="notBreaching")
    # What it has sent by then has gone its way, and what the alarm has caused is over.
    eventually(lambda: alarm_state(deployment, "any-alarm"), lambda state: state == "OK")


def change_alarm(deployment: Deployment, name: str, **changes: Any) -> None:
    """Change some settings of a metric alarm, and nothing else about it."""
    client = deployment.client("cloudwatch")
    (alarm,) = client.describe_alarms(AlarmNames=[f"{deployment.name}-{name}"])["MetricAlarms"]
    kept = (
        "AlarmName", "AlarmDescription", "AlarmActions", "InsufficientDataActions", "MetricName", "Namespace",
        "Statistic", "Dimensions", "Period", "EvaluationPeriods", "DatapointsToAlarm", "Threshold",
        "ComparisonOperator", "TreatMissingData",
    )  # fmt: skip
    client.put_metric_alarm(**{name: alarm[name] for name in kept if name in alarm} | changes)


def alarm_state(deployment: Deployment, name: str) -> str:
    """The state of an alarm of either kind."""
    found = deployment.client("cloudwatch").describe_alarms(
        AlarmNames=[f"{deployment.name}-{name}"], AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    (state,) = (
        alarm["StateValue"] for kind in ("MetricAlarms", "CompositeAlarms") for alarm in found[kind]
    )
    return str(state)


@pytest.fixture
def mailbox(deployment: Deployment) -> Iterator[str]:
    """The URL of a queue that is subscribed to the ops topic, as an operator's mailbox is."""
    arn = deployment.outputs["OpsTopicArn"]
    url = deployment.subscribe(f"mailbox-{uuid.uuid4()}", [arn], raw=True)
    yield url
    deployment.client("sqs").delete_queue(QueueUrl=url)


@dataclass(frozen=True)
class Delivery:
    """A message at a subscriber."""

    topic: str
    body: str
    attributes: dict[str, str]


class Subscriber:
    """Subscribes to every topic, and remembers what came by which."""

    def __init__(self, deployment: Deployment) -> None:
        topics = load_catalogue(ROOT / "catalogue").topics
        arns = [deployment.topic_arn(topic.name) for topic in topics]
        self._deployment = deployment
        self.queue = deployment.subscribe(f"test-{uuid.uuid4()}", arns, raw=False)
        self._seen: dict[str, list[Delivery]] = {}

    def wait_for(self, id: str, source: str | None = None) -> list[Delivery]:
        """All deliveries so far of this event, once there is one; fails after the deadline."""
        deadline = time.monotonic() + DEADLINE
        while not (found := self._found(id, source)):
            assert time.monotonic() < deadline, f"{id} did not arrive within {DEADLINE} s"
            self._remember(self._deployment.receive(self.queue, seconds=5))
        return found

    def _found(self, id: str, source: str | None) -> list[Delivery]:
        deliveries = self._seen.get(id, [])
        if source is None:
            return deliveries
        return [d for d in deliveries if json.loads(d.body)["source"] == source]

    def seen(self, id: str) -> list[Delivery]:
        """All deliveries so far of this event."""
        while self._deployment.depth(self.queue):
            self._remember(self._deployment.receive(self.queue))
        return self._seen.get(id, [])

    def _remember(self, messages: list[dict[str, Any]]) -> None:
        for message in messages:
            notification = json.loads(message["Body"])
            delivery = Delivery(
                notification["TopicArn"].removeprefix(self._deployment.topic_arn("")),
                notification["Message"],
                {k: v["Value"] for k, v in notification.get("MessageAttributes", {}).items()},
            )
            self._seen.setdefault(json.loads(delivery.body)["id"], []).append(delivery)


@pytest.fixture
def subscriber(deployment: Deployment) -> Iterator[Subscriber]:
    """A subscriber of all topics."""
    subscriber = Subscriber(deployment)
    yield subscriber
    deployment.client("sqs").delete_queue(QueueUrl=subscriber.queue)


@pytest.fixture(scope="session")
def corpus_subscriber(deployment: Deployment) -> Iterator[Subscriber]:
    """A subscriber of all topics for tests that need no queue of their own."""
    subscriber = Subscriber(deployment)
    yield subscriber
    deployment.client("sqs").delete_queue(QueueUrl=subscriber.queue)


def new_event(type: str = "com.example.shop.order.placed.v1", **data: Any) -> dict[str, Any]:
    """An event nobody has sent before; an order of little worth unless `data` says otherwise."""
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": "urn:example:end-to-end",
        "type": type,
        "subject": "é",
        "data": data or {"order_id": "order-1", "total": 12.5, "currency": "EUR"},
    }


def payment() -> dict[str, Any]:
    """An event of another topic."""
    return new_event(
        "com.example.shop.payment.captured.v1", payment_id="pay-1", amount=3, currency="EUR"
    )


def accept(deployment: Deployment, *events: dict[str, Any]) -> None:
    """Send events as a publisher and see each accepted."""
    for event in events:
        answer = deployment.post(json.dumps(event), key=deployment.api_key(PUBLISHER))
        assert answer.status == 202, answer.data
        assert json.loads(answer.data)["status"] == "accepted"


def eventually(
    get: Callable[[], T], accepts: Callable[[T], bool], *, seconds: float = DEADLINE
) -> T:
    """Ask until the answer is accepted; fails with the last answer after the deadline."""
    deadline = time.monotonic() + seconds
    while not accepts(answer := get()):
        assert time.monotonic() < deadline, f"after {seconds} s it is still {answer!r}"
        time.sleep(0.1)
    return answer


def items(deployment: Deployment, table: str = "EventsTable") -> list[dict[str, Any]]:
    """All that is in a table, which is named by its output."""
    pages = deployment.client("dynamodb").get_paginator("scan")
    name = deployment.outputs[table]
    return [item for page in pages.paginate(TableName=name) for item in page["Items"]]


def archived(deployment: Deployment, prefix: str = "") -> list[Any]:
    """The events in the archive's objects below a prefix."""
    s3, bucket = deployment.client("s3"), deployment.outputs["ArchiveBucket"]
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    bodies = [
        s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read()
        for page in pages
        for found in page.get("Contents", [])
    ]
    return [json.loads(line) for body in bodies for line in body.splitlines()]


def put_messages(sqs: Any, queue: str, texts: Sequence[str]) -> None:
    """Put messages into a queue."""
    for start in range(0, len(texts), 10):
        entries = [
            {"Id": str(number), "MessageBody": text}
            for number, text in enumerate(texts[start : start + 10])
        ]
        answer = sqs.send_message_batch(QueueUrl=queue, Entries=entries)
        assert not answer.get("Failed")


def new_layer(deployment: Deployment, name: str, code: str) -> str:
    """A layer with one module, as the ARN to attach it by."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as layer:
        layer.writestr(f"python/{name}.py", code)
    version: str = deployment.client("lambda").publish_layer_version(
        LayerName=name, Content={"ZipFile": content.getvalue()}
    )["LayerVersionArn"]
    return version


def park_letter(deployment: Deployment, key: str) -> None:
    """Park an open letter of publish, as if its event had failed in too many redrives."""
    deployment.client("dynamodb").update_item(
        TableName=deployment.outputs["LedgerTable"],
        Key={"pk": {"S": key}},
        UpdateExpression="SET #state = :parked, #shard = :shard ADD #version :one",
        ExpressionAttributeNames={"#state": "state", "#shard": "shard", "#version": "version"},
        ExpressionAttributeValues={
            ":parked": {"S": "parked"},
            ":shard": {"S": shard("publish", "parked", key)},
            ":one": {"N": "1"},
        },
    )


@contextmanager
def denied(
    deployment: Deployment, function: str, action: str, resource: str | Sequence[str]
) -> Iterator[None]:
    """Meanwhile the function's role is refused `action` on `resource`."""
    iam, name = deployment.client("iam"), f"test-{uuid.uuid4()}"
    role = deployment.client("lambda").get_function_configuration(FunctionName=function)["Role"]
    role = role.rpartition("/")[2]
    statement = {"Effect": "Deny", "Action": action, "Resource": resource}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=document)
    try:
        yield
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName=name)


def execute(deployment: Deployment, **request: Any) -> dict[str, Any]:
    """Run the redrive state machine to its end and return what `DescribeExecution` says.

    A decision has a reason and a name unless the request says otherwise.
    """
    if request.get("action") in ("redrive", "discard"):
        request = {"reason": "a test", "started_by": "ada", **request}
    client = deployment.client("stepfunctions")
    execution = client.start_execution(
        stateMachineArn=deployment.outputs["RedriveStateMachineArn"], input=json.dumps(request)
    )["executionArn"]
    description: dict[str, Any] = eventually(
        lambda: client.describe_execution(executionArn=execution),
        lambda description: description["status"] != "RUNNING",
    )
    return description


def ledger(deployment: Deployment, *events: dict[str, Any]) -> list[dict[str, str]]:
    """What the ledger holds of these events, in their order."""
    letters = (
        {name: next(iter(value.values())) for name, value in item.items()}
        for item in items(deployment, "LedgerTable")
        if "event" in item
    )
    by_id = {json.loads(letter["event"]).get("id"): letter for letter in letters}
    return [by_id[event["id"]] for event in events if event["id"] in by_id]


def in_the_ledger(deployment: Deployment, *events: dict[str, Any]) -> list[dict[str, str]]:
    """What the ledger holds of these events once triage has moved it there, in their order."""
    # Where the alarm is on already, for another test's letters, the counter starts triage, once a minute.
    return eventually(
        lambda: ledger(deployment, *events),
        lambda letters: len(letters) == len(events),
        seconds=120,
    )
