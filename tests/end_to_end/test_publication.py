"""Publication: every event at its topic's subscribers or in the dead-letter queue, whatever fails.

docs/publication.md has the fates in a table. The deployment is one of its own, with six topics; between
its publish function and SNS and SQS stands a proxy, and before its handler a layer.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections import Counter, defaultdict
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local.cloud import ROOT, LocalCloud
from local.deployment import Deployment
from tests.end_to_end.conftest import DEADLINE, PUBLISHER, denied, eventually, new_layer
from tests.faults.proxy import Proxy
from tests.faults.vocabulary import EntryFaults, EntryRefusal, Faults, no_entry, nothing
from tests.shown import commands, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

FOLDER = Path(__file__).parent / "publication"
BATCH = "application/cloudevents-batch+json"
CONFIDENTIAL = "Lovelace"
REFUSED = "refuse this one"
# What is longer is too large for the topic, when that is the fault.
LIMIT = 4000
# Of each topic: the type of an event that goes there, and its data.
EVENTS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "orders-large": ("com.example.order.placed", {"total": 700}),
    "orders": ("com.example.order.placed", {"total": 20}),
    "payments-risky": ("com.example.payment.captured", {"risk": "high"}),
    "payments": ("com.example.payment.captured", {"risk": "low"}),
    "customers": ("com.example.customer.moved", {}),
    "rest": ("com.example.stock.low", {}),
}
SICK = "payments"
# Time for calls and letters, and for some more rounds when an outage calls for them.
FUNCTION_SECONDS = 30

OUTAGE_SECONDS = 6.0


def event(topic: str, **data: Any) -> dict[str, Any]:
    """An event that goes to this topic."""
    type, members = EVENTS[topic]
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": "/end-to-end",
        "type": type,
        "data": {"name": CONFIDENTIAL, **members, **data},
    }


@dataclass
class System:
    """The deployment, what stands in its way, and what has come out at its ends."""

    deployment: Deployment
    proxy: Proxy
    mishaps: Path
    arrived: dict[str, list[tuple[str, float]]] = field(default_factory=lambda: defaultdict(list))
    """By id: at which topics' subscribers, and when."""
    letters: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    first_letter: float = 0.0
    """When the first letter since `one_batch` was called came."""
    references: list[dict[str, Any]] = field(default_factory=list)
    sent: dict[str, str] = field(default_factory=dict)
    """By id: the topic that it is for."""

    @property
    def function(self) -> str:
        return self.deployment.outputs["PublishFunction"]

    def post(self, topics: Iterable[str], **data: Any) -> list[str]:
        """Send an event for each of `topics`, a hundred in a request; their ids."""
        events = [(topic, event(topic, **data)) for topic in topics]
        return self.send(events)

    def send(self, events: Sequence[tuple[str, dict[str, Any]]]) -> list[str]:
        self.sent |= {event["id"]: topic for topic, event in events}
        key = self.deployment.api_key(PUBLISHER)
        for start in range(0, len(events), 100):
            body = json.dumps([event for _, event in events[start : start + 100]])
            answer = self.deployment.post(body, key=key, content_type=BATCH)
            assert answer.status == 202, answer.data
        return [event["id"] for _, event in events]

    def see_settled(self, ids: Iterable[str], *, failing: Iterable[str] = ()) -> None:
        """Wait until all have arrived, but for those `failing`, which become dead letters; no others do."""
        all, lost = set(ids), set(failing)
        eventually(
            lambda: (lost - self.letters.keys()) | (all - lost - self.arrived.keys()),
            lambda missing: not missing,
        )
        assert not (all - lost) & self.letters.keys()

    def check_arrivals(self, ids: Iterable[str], *, most: int = 1) -> None:
        """Each has arrived at its own topic's subscriber and nowhere else, at most so many times."""
        for id in ids:
            topics = [topic for topic, _ in self.arrived[id]]
            assert topics
            assert set(topics) == {self.sent[id]}
            assert len(topics) <= most

    def read(self, queue: str, take: Callable[[str], None], stop: threading.Event) -> None:
        """Take messages out of a queue until told to stop."""
        sqs = self.deployment.client("sqs")
        while not stop.is_set():
            messages = sqs.receive_message(
                QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1
            ).get("Messages", [])
            for message in messages:
                take(message["Body"])
            if messages:
                entries = [
                    {"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]}
                    for n, m in enumerate(messages)
                ]
                sqs.delete_message_batch(QueueUrl=queue, Entries=entries)

    def take_letter(self, body: str) -> None:
        content = json.loads(body)
        if "detail-type" in content:
            self.references.append(content)
        else:
            self.first_letter = self.first_letter or time.monotonic()
            self.letters[content["event"]["id"]].append(content)

    @contextmanager
    def mishap(self, **what: str) -> Iterator[None]:
        """Meanwhile the function dies or hangs, as `publication/layer.py` says."""
        self.mishaps.write_text(json.dumps(what))
        try:
            yield
        finally:
            self.mishaps.write_text("{}")

    @contextmanager
    def one_batch(self) -> Iterator[None]:
        """What is sent meanwhile reaches the function in one batch, afterwards."""
        with self.mapping(Enabled=False):
            yield
            self.first_letter = 0.0

    @contextmanager
    def mapping(self, **settings: Any) -> Iterator[None]:
        """Meanwhile the stream mapping has other settings."""
        lambdas = self.deployment.client("lambda")
        (mapping,) = lambdas.list_event_source_mappings(FunctionName=self.function)[
            "EventSourceMappings"
        ]
        before = {name: mapping.get(name, True) for name in settings}
        before = {
            n: mapping["State"] == "Enabled" if n == "Enabled" else v for n, v in before.items()
        }
        lambdas.update_event_source_mapping(UUID=mapping["UUID"], **settings)
        try:
            yield
        finally:
            lambdas.update_event_source_mapping(UUID=mapping["UUID"], **before)

    def fence(self) -> None:
        """Wait until all that was sent before has gone through: the stream keeps its order."""
        self.see_settled(self.post(["rest"]))

    def log(self, message: str) -> list[dict[str, Any]]:
        """Lines of the function's log."""
        events = self.deployment.client("logs").filter_log_events(
            logGroupName=f"/aws/lambda/{self.function}", filterPattern=message
        )["events"]
        lines = [json.loads(event["message"]) for event in events]
        return [line for line in lines if line.get("message") == message]

    def recorded(self, ids: Iterable[str]) -> set[str]:
        """Those of `ids` in invocation records that the queue has been told of."""
        s3, found = self.deployment.client("s3"), set()
        for reference in self.references:
            detail = reference["detail"]
            assert detail["bucket"]["name"] == self.deployment.outputs["OperationsBucket"]
            content = s3.get_object(Bucket=detail["bucket"]["name"], Key=detail["object"]["key"])
            payload = json.loads(json.loads(content["Body"].read())["payload"])
            images = [record["dynamodb"]["NewImage"] for record in payload["Records"]]
            in_it = {json.loads(image["event"]["S"])["id"] for image in images}
            if in_it & set(ids):
                assert in_it <= set(ids)
                found |= in_it
        return found

    def subscribe(self, topic: str) -> str:
        arn = self.deployment.topic_arn(topic)
        return self.deployment.subscribe(f"subscriber-{topic}", [arn], raw=True)

    def arrive(self, topic: str, body: str) -> None:
        self.arrived[json.loads(body)["id"]].append((topic, time.monotonic()))


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The app with six topics, deployed into a cloud of its own, and subscribers that read all the time."""
    mishaps = tmp_path_factory.mktemp("mishaps") / "mishaps.json"
    mishaps.write_text("{}")
    stop, threads = threading.Event(), []
    with ExitStack() as stack:
        cloud = stack.enter_context(LocalCloud())
        catalogue = str(FOLDER.relative_to(ROOT))
        deployment = Deployment(
            cloud, cloud.deploy({"laptop": "true", "canary": "false", "catalogue": catalogue})
        )
        proxy = stack.enter_context(Proxy(deployment).serving())
        system = System(deployment, proxy, mishaps)
        _leave_the_letters_to_the_tests(deployment)
        _put_in_the_way(system)

        def read(queue: str, take: Callable[[str], None]) -> None:
            thread = threading.Thread(target=system.read, args=(queue, take, stop), daemon=True)
            thread.start()
            threads.append(thread)

        for topic in EVENTS:
            read(system.subscribe(topic), lambda body, topic=topic: system.arrive(topic, body))  # type: ignore[misc]
        read(deployment.outputs["PublishDlqUrl"], system.take_letter)
        try:
            yield system
        finally:
            stop.set()
            for thread in threads:
                thread.join(5)


def _leave_the_letters_to_the_tests(deployment: Deployment) -> None:
    """Whatever would take letters out of the queue by itself is off."""
    events = deployment.client("events")
    for rule in events.list_rules()["Rules"]:
        if not rule["Name"].endswith("-invocation-recorded"):
            events.disable_rule(Name=rule["Name"])


def _put_in_the_way(system: System) -> None:
    """The proxy between the function and SNS and SQS, the layer before its handler."""
    version = new_layer(system.deployment, "layer", (FOLDER / "layer.py").read_text())
    system.proxy.put_in_the_way(system.function)
    lambdas = system.deployment.client("lambda")
    variables = lambdas.get_function_configuration(FunctionName=system.function)["Environment"][
        "Variables"
    ]
    variables |= {"MISHAPS": str(system.mishaps)}
    lambdas.update_function_configuration(
        FunctionName=system.function,
        Handler="layer.handle",
        Layers=[version],
        Timeout=FUNCTION_SECONDS,
        Environment={"Variables": variables},
    )


def test_two_thousand_events_arrive_at_their_topics_and_nowhere_else(system: System) -> None:
    topics = [*EVENTS] * 334
    ids = system.post(topics[:2000])
    system.see_settled(ids)
    system.check_arrivals(ids)
    assert Counter(system.sent[id] for id in ids) == Counter(topics[:2000])


@dataclass(frozen=True)
class Kind:
    """A fault of topics, and what becomes of the events meanwhile."""

    code: str | None
    """The cause in their dead letters; None: they arrive."""
    fault: Faults = nothing
    refuse_entry: EntryFaults = no_entry
    all_of_them: bool = True
    """Or the marked one alone."""
    mark: Mapping[str, str] = field(default_factory=dict)
    copies: Sequence[int] = (0,)
    """How often those with a dead letter may arrive nevertheless."""


KINDS = {
    "throttled once": Kind(None, lambda call: "throttle" if call.number == 1 else None),
    "throttled for ever": Kind("THROTTLED", lambda call: "throttle"),
    "internal error": Kind("UNAVAILABLE", lambda call: "500"),
    "no answer": Kind("TIMEOUT", lambda call: "hang"),
    # By the SDK's two attempts, or one: it spares them when much has failed lately.
    "answer lost": Kind("TIMEOUT", lambda call: "done-then-timeout", copies=(1, 2)),
    "denied": Kind("ACCESS_DENIED"),
    "topic deleted": Kind("NOT_FOUND"),
    "one entry refused": Kind(
        "INVALID",
        refuse_entry=lambda topic, text: (
            EntryRefusal("InvalidParameter", sender_fault=True) if REFUSED in text else None
        ),
        all_of_them=False,
        mark={"note": REFUSED},
    ),
    "one entry too large": Kind(
        "TOO_LARGE",
        lambda call: "too-large" if len(call.body) > LIMIT else None,
        all_of_them=False,
        mark={"note": "x" * LIMIT},
    ),
}

# It takes seconds until it is clear that these fail.
SLOW = ("throttled for ever", "no answer", "answer lost")


@contextmanager
def _failing(system: System, what: str, topics: Sequence[str]) -> Iterator[None]:
    deployment = system.deployment
    arns = [deployment.topic_arn(topic) for topic in topics]
    kind = KINDS[what]
    with ExitStack() as stack:
        stack.enter_context(
            system.proxy.failing(
                lambda call: kind.fault(call) if call.target in topics else None,
                refuse_entry=lambda topic, text: (
                    kind.refuse_entry(topic, text) if topic in topics else None
                ),
            )
        )
        if what == "denied":
            stack.enter_context(denied(deployment, system.function, "sns:Publish", arns))
        if what == "topic deleted":
            for arn in arns:
                deployment.client("sns").delete_topic(TopicArn=arn)
        try:
            yield
        finally:
            if what == "topic deleted":
                for topic, arn in zip(topics, arns, strict=True):
                    deployment.client("sns").create_topic(Name=arn.rpartition(":")[2])
                    system.subscribe(topic)


@pytest.mark.parametrize("scope", ["one topic", "all topics"])
@pytest.mark.parametrize("what", KINDS)
def test_the_fates_of_events_by_the_fault_of_their_topic(
    system: System, what: str, scope: str
) -> None:
    kind, sick = KINDS[what], [SICK] if scope == "one topic" else [*EVENTS]
    events = [(topic, event(topic)) for topic in EVENTS for _ in range(9)]
    marked = [(topic, event(topic, **kind.mark)) for topic in sick]
    doomed = [*(events if kind.all_of_them else ()), *marked] if kind.code else []
    failing = [one["id"] for topic, one in doomed if topic in sick]
    with _failing(system, what, sick):
        with system.one_batch():
            ids = system.send([*events, *marked])
        system.see_settled(ids, failing=failing)
    for id in failing:
        (letter,) = system.letters[id]
        assert (letter["cause"]["code"], letter["topic"]) == (kind.code, system.sent[id])
    well = set(ids) - set(failing)
    system.check_arrivals(well)
    if what in SLOW:
        # Those of other topics did not wait for it.
        others = [at for id in well for topic, at in system.arrived[id] if topic not in sick]
        assert all(at < system.first_letter for at in others)
    system.fence()
    for id in failing:
        copies = [topic for topic, _ in system.arrived.get(id, ())]
        assert copies in [[system.sent[id]] * n for n in kind.copies]


def test_with_the_queue_down_as_well_the_stream_retries_and_all_is_delivered(
    system: System,
) -> None:
    topic = system.deployment.topic_arn(SICK)
    with system.proxy.failing(lambda call: "500" if call.target.endswith("-dlq") else None):
        with denied(system.deployment, system.function, "sns:Publish", topic):
            with system.one_batch():
                ids = system.post([*EVENTS] * 5)
            handed_back = eventually(lambda: system.log("unsettled"), bool)
            assert {line["topic"] for line in handed_back} == {SICK}
            assert not any(id in system.arrived for id in ids if system.sent[id] == SICK)
        # With the queue back at once, a round that was refused just before would write letters.
        time.sleep(2)
    system.see_settled(ids)
    system.fence()
    system.check_arrivals(ids)
    # What the stream sent again because of the others was not published again.
    assert any(line["settled_before"] for line in system.log("batch"))


def test_killed_between_publishing_and_answering_that_batch_alone_is_doubled(
    system: System,
) -> None:
    before = system.post([*EVENTS] * 2)
    system.see_settled(before)
    with system.mishap(die_after="mishap"):
        doubled = system.post([*EVENTS] * 4, note="mishap")
        system.see_settled(doubled)
    after = system.post([*EVENTS] * 2)
    system.see_settled(after)
    system.fence()
    system.check_arrivals([*before, *after])
    system.check_arrivals(doubled, most=2)
    assert any(len(system.arrived[id]) == 2 for id in doubled)


@pytest.mark.parametrize("mishap", ["die_on", "hang_on"])
def test_what_the_function_dies_of_for_good_is_recorded_whole_and_told_to_the_queue(
    system: System, mishap: str
) -> None:
    lambdas = system.deployment.client("lambda")
    if mishap == "hang_on":
        lambdas.update_function_configuration(FunctionName=system.function, Timeout=2)
    try:
        with system.mapping(MaximumRetryAttempts=0), system.mishap(**{mishap: "mishap"}):
            ids = system.post([*EVENTS] * 2, note="mishap")
            eventually(lambda: system.recorded(ids), lambda found: found == set(ids))
    finally:
        lambdas.update_function_configuration(
            FunctionName=system.function, Timeout=FUNCTION_SECONDS
        )
    system.fence()
    assert not any(id in system.arrived or id in system.letters for id in ids)


def test_a_poison_record_keeps_no_other_of_its_batch_from_arriving_within_five_seconds(
    system: System,
) -> None:
    restarts = [_seconds_of_a_restart(system)]
    events = [("rest", event("rest", note="mishap" if n == 49 else "")) for n in range(100)]
    with system.mishap(die_on="mishap"):
        with system.one_batch():
            for one in events:
                system.send([one])
        began = time.monotonic()
        ids = [one["id"] for _, one in events]
        poison = ids.pop(49)
        system.see_settled(ids)
        eventually(lambda: system.recorded([poison]), bool)
    system.check_arrivals(ids)
    assert poison not in system.arrived
    took = max(at for id in ids for _, at in system.arrived[id]) - began
    restarts.append(_seconds_of_a_restart(system))
    # It is halved seven times and tried twice more, and each time the function is started anew. A
    # machine that is busy with something else takes longer for that.
    assert took < max(5, 20 * max(restarts)), restarts


def _seconds_of_a_restart(system: System) -> float:
    with system.mishap(die_after="mishap"):
        (id,) = system.post(["rest"], note="mishap")
        (first, second) = eventually(lambda: system.arrived[id], lambda copies: len(copies) == 2)
    return second[1] - first[1]


def test_the_guides_commands_subscribe_a_queue_to_one_publishers_events(system: System) -> None:
    run(commands("docs/subscribers.md")["subscribe"], system.deployment.cloud.environment)
    body = event("orders")
    for publisher in ("nordic-crm", PUBLISHER):
        key = system.deployment.api_key(publisher)
        assert system.deployment.post(json.dumps(body), key=key).status == 202
    sqs = system.deployment.client("sqs")
    queue = sqs.get_queue_url(QueueName="orders-of-acme")["QueueUrl"]
    (message,) = system.deployment.take(queue, 1, seconds=DEADLINE)
    assert json.loads(message["Body"]) == body
    assert message["MessageAttributes"]["publisher"]["StringValue"] == PUBLISHER
    assert message["MessageAttributes"]["type"]["StringValue"] == body["type"]
    assert system.deployment.depth(queue) == 0


def test_lag_and_loss_can_be_seen_and_data_cannot(system: System) -> None:
    before = _sums(system)
    topic = system.deployment.topic_arn(SICK)
    with denied(system.deployment, system.function, "sns:Publish", topic):
        ids = system.post([*EVENTS] * 3)
        failing = [id for id in ids if system.sent[id] == SICK]
        system.see_settled(ids, failing=failing)
    system.fence()

    logs = system.deployment.client("logs").get_paginator("filter_log_events")
    pages = logs.paginate(logGroupName=f"/aws/lambda/{system.function}")
    text = "".join(event["message"] for page in pages for event in page["events"])
    assert CONFIDENTIAL not in text
    of_letters = [line for line in system.log("dead letter") if line["cause"] == "ACCESS_DENIED"]
    assert [(line["topic"], line["publisher"]) for line in of_letters[-3:]] == [
        (SICK, PUBLISHER)
    ] * 3
    batches = system.log("batch")[-5:]
    assert sum(batch["dead_lettered"] for batch in batches) >= 3
    assert all(batch["records"] and batch["milliseconds"] for batch in batches)

    # And the fence.
    expected = {
        "EventsPublished": 16,
        **{f"EventsPublished {topic}": 3 for topic in EVENTS if topic not in (SICK, "rest")},
        f"EventsPublished {SICK}": 0,
        "EventsPublished rest": 4,
        "EventsSettled": 19,
        "DeadLettered publish": 3,
        "DeadLettered publish ACCESS_DENIED": 3,
        "PublishLag": 16,
    }
    eventually(
        lambda: {name: value - before[name] for name, value in _sums(system).items()},
        lambda grown: grown == expected,
    )


def _sums(system: System) -> dict[str, float]:
    """The metrics of publication in the last hour, by name and dimensions; of the lag how many."""
    by = {
        "EventsPublished": {},
        **{f"EventsPublished {topic}": {"topic": topic} for topic in EVENTS},
        "EventsSettled": {},
        "DeadLettered publish": {"stage": "publish"},
        "DeadLettered publish ACCESS_DENIED": {"stage": "publish", "cause": "ACCESS_DENIED"},
        "PublishLag": {},
    }
    now = datetime.now(UTC)
    sums = {}
    for name, dimensions in by.items():
        statistic = "SampleCount" if name == "PublishLag" else "Sum"
        points = system.deployment.client("cloudwatch").get_metric_statistics(
            Namespace="Eventing",
            MetricName=name.partition(" ")[0],
            Dimensions=[
                {"Name": name, "Value": value}
                for name, value in {"service": system.deployment.name, **dimensions}.items()
            ],
            StartTime=now - timedelta(hours=1),
            EndTime=now + timedelta(minutes=1),
            Period=60,
            Statistics=[statistic],
        )["Datapoints"]
        sums[name] = sum(point[statistic] for point in points)
    return sums
