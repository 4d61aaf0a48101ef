"""One deployment for all end-to-end tests, with IAM enforced, and what they do to it from outside.

Tests share it, so each looks for its own events only, and repairs what it broke.
"""

from __future__ import annotations

import functools
import io
import json
import time
import uuid
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from xdist.scheduler import LoadFileScheduling

from eventing.catalogue_check import load_catalogue
from eventing.redrive.ledger import shard
from functions.contract import Objects
from local.cloud import ROOT, LocalCloud
from local.deployment import Deployment
from tests.once import first, shared_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from xdist.remote import Producer

T = TypeVar("T")

PUBLISHER = "acme-web"
PUBLISHERS = (PUBLISHER, "acme-pay", "nordic-crm")
# What a test waits for happens within a second or two; on a machine that is busy, later.
DEADLINE = 60.0

# An alarm of dead letters starts triage, which has them in the ledger within this time.
TRIAGED_SECONDS = 5.0

# All tests of a session count together towards the ceilings.
CONTEXT = {
    "laptop": "true",
    "approval_above": json.dumps({"redrive": 100_000, "discard": 100_000}),
}

# What takes long comes first, and small tests come last, so that all processes end at about the same time.
FIRST = (
    *("test_page.py", "test_console.py", "test_publication.py", "test_incident.py"),
    *(
        "test_deploying.py",
        "test_tutorial.py",
        "test_laptop.py",
        "test_regions.py",
        "test_runbook.py",
    ),
)
# The tests of a file run in one process, but for those that share no more than all files do.
APART = (
    *("test_runbook.py", "test_laptop.py", "test_contract.py", "test_shims.py"),
    # Of the engine, each in a world of its own; and those of the deployed system.
    *("test_redrive.py", "test_deaths.py"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files."""

    def rank(item: pytest.Item) -> int:
        if item.path.name in FIRST:
            return FIRST.index(item.path.name)
        return len(FIRST) + (item.path.parent.name == "engine")

    items.sort(key=rank)


class ByFileOrTest(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives processes a file at a time, or a test of those that can be apart."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return nodeid if PurePath(file).name in APART else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFileOrTest:
    """Say how tests get to the processes that run side by side."""
    return ByFileOrTest(config, log)


@contextmanager
def deployed(folders: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The app, deployed by the CDK CLI into a cloud of its own.

    It is synthesised once. Who does that also deploys it before all others: that makes the packages'
    archives.
    """
    assembly = shared_folder(folders, "assembly")
    with LocalCloud() as cloud:
        with first(assembly) as is_first:
            stacks = cloud.deploy(CONTEXT, assembly=assembly) if is_first else None
        deployment = Deployment(cloud, stacks or cloud.deploy(CONTEXT, assembly=assembly))
        deployment.register(*PUBLISHERS)
        rest_canary(deployment)
        yield deployment


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The app in a cloud that all tests of a process share."""
    with deployed(tmp_path_factory) as deployment:
        yield deployment


def rest_canary(deployment: Deployment) -> None:
    """Let the canary send nothing by itself, and its silence be no alarm.

    An event a minute would be among those that tests break, lose and count.
    """
    deployment.client("events").disable_rule(Name=f"{deployment.name}-canary")
    # Its alarm is on until it has sent something. The end of that is a mail, which is no test's.
    mailbox = deployment.subscribe("rest-canary", [deployment.outputs["OpsTopicArn"]], raw=True)
    own, any_alarm = (
        functools.partial(alarm_state, deployment, name)
        for name in ("canary-undelivered", "any-alarm")
    )
    begun = eventually(own, lambda state: state != "INSUFFICIENT_DATA")
    was_on = eventually(any_alarm, lambda state: state == begun) == "ALARM"
    change_alarm(deployment, "canary-undelivered", TreatMissingData="notBreaching")
    eventually(any_alarm, lambda state: state == "OK")
    mails = deployment.take(mailbox, 1, seconds=DEADLINE) if was_on else []
    assert all("All is well again" in mail["Body"] for mail in mails)
    deployment.client("sqs").delete_queue(QueueUrl=mailbox)


def change_alarm(deployment: Deployment, name: str, **changes: Any) -> None:
    """Change some settings of a metric alarm, and nothing else about it."""
    (alarm,) = _settings(deployment, [name])
    deployment.client("cloudwatch").put_metric_alarm(**alarm | changes)


def _settings(deployment: Deployment, names: Sequence[str]) -> list[dict[str, Any]]:
    """What each of these metric alarms was made with."""
    kept = (
        "AlarmName", "AlarmDescription", "AlarmActions", "OKActions", "InsufficientDataActions",
        "MetricName", "Namespace", "Statistic", "Dimensions", "Period", "EvaluationPeriods",
        "DatapointsToAlarm", "Threshold", "ComparisonOperator", "TreatMissingData",
    )  # fmt: skip
    found = deployment.client("cloudwatch").describe_alarms(
        AlarmNames=[f"{deployment.name}-{name}" for name in names]
    )["MetricAlarms"]
    assert len(found) == len(names)
    return [{name: alarm[name] for name in kept if name in alarm} for alarm in found]


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
    """Ask until the answer is accepted; fails with the last answer after the deadline.

    The pause is as long as an answer takes, so that asking is never all that goes on.
    """
    began = time.monotonic()
    deadline = began + seconds
    while not accepts(answer := get()):
        assert time.monotonic() < deadline, f"after {seconds} s it is still {answer!r}"
        time.sleep(max(0.1, time.monotonic() - began))
        began = time.monotonic()
    return answer


def items(deployment: Deployment, table: str = "EventsTable") -> list[dict[str, Any]]:
    """All that is in a table, which is named by its output."""
    pages = deployment.client("dynamodb").get_paginator("scan")
    name = deployment.outputs[table]
    return [item for page in pages.paginate(TableName=name) for item in page["Items"]]


def archived(deployment: Deployment, prefix: str = Objects.EVENTS) -> list[Any]:
    """The events in the archive's objects below a prefix."""
    s3, bucket = deployment.client("s3"), deployment.outputs["ArchiveBucket"]
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    bodies = [
        s3.get_object(Bucket=bucket, Key=found["Key"])["Body"].read()
        for page in pages
        for found in page.get("Contents", [])
    ]
    return [json.loads(line)["event"] for body in bodies for line in body.splitlines()]


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


def counted(deployment: Deployment) -> Any:
    """What the counter finds, which comes once a minute, and here at once."""
    answer = deployment.client("lambda").invoke(FunctionName=f"{deployment.name}-counter")
    return json.loads(answer["Payload"].read())


def in_the_ledger(deployment: Deployment, *events: dict[str, Any]) -> list[dict[str, str]]:
    """What the ledger holds of these events once triage has moved it there, in their order."""
    alarmed = time.monotonic() + TRIAGED_SECONDS

    def look() -> list[dict[str, str]]:
        # Where the alarm is on already, for another test's letters, the counter starts triage.
        if time.monotonic() > alarmed:
            counted(deployment)
        return ledger(deployment, *events)

    return eventually(look, lambda letters: len(letters) == len(events), seconds=120)


@contextmanager
def short_periods(deployment: Deployment, *alarms: str, seconds: int = 3) -> Iterator[None]:
    """Meanwhile the periods of these alarms are seconds, so that they end soon after what they are about.

    Nothing else about them is another. Afterwards what happened in the last minute counts again.
    """
    client = deployment.client("cloudwatch")
    before = _settings(deployment, alarms)
    for alarm in before:
        client.put_metric_alarm(**alarm | {"Period": seconds})
    try:
        yield
    finally:
        for alarm in before:
            client.put_metric_alarm(**alarm)
