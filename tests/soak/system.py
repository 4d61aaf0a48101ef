"""The system under a soak: its publishers, subscribers and operators, and what stands in its way."""

from __future__ import annotations

import json
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import urllib3
from botocore.exceptions import ClientError

from eventing.catalogue_check import load_catalogue
from eventing.timestamps import minute_of
from functions.contract import Dimension, Objects
from infrastructure.constructs.region import NAMESPACE
from infrastructure.packaging import FUNCTIONS, ROOT
from tests.faults.proxy import Proxy
from tests.soak.reckoning import Journal
from tests.soak.sickness import Sickness
from tests.soak.weather import Spell

if TYPE_CHECKING:
    from local.deployment import Deployment

PUBLISHER = "acme-web"
BATCH = "application/cloudevents-batch+json"
# Events of several topics.
EVENTS: Sequence[tuple[str, dict[str, Any]]] = (
    ("com.example.shop.order.placed.v1", {"order_id": "1", "total": 12.5, "currency": "EUR"}),
    ("com.example.shop.order.placed.v1", {"order_id": "1", "total": 700, "currency": "EUR"}),
    (
        "com.example.shop.payment.captured.v1",
        {"payment_id": "1", "amount": 3, "currency": "EUR"},
    ),
    ("com.example.shop.customer.moved.v1", {"country": "SE"}),
)
LARGEST_BATCH = 10
_PUBLISHERS = 4
# The names of the functions that faults happen to. The notifier and the widget are of no use to an event.
SICK = ("ingest", "publish", "triage", "redrive", "counter")


class Soak:
    """Everything that happens at the same time; `stop` ends all of it."""

    def __init__(self, deployment: Deployment, *, seed: int) -> None:
        self.deployment = deployment
        self.journal = Journal()
        self.stop = threading.Event()
        self.answers: Counter[int] = Counter()
        self.alarms: Counter[str] = Counter()
        """By state: how often the watched alarm was seen in it."""
        self.sickness = Sickness(deployment, self.journal, seed=seed)
        self.proxy = Proxy(deployment, kill=self.sickness.kill)
        self._random = random.Random(seed)
        self._lock = threading.Lock()

    # Publishers

    def publish(self, number: int, rate: float) -> None:
        """Publish `rate` events a second until told to stop; what is not accepted is sent again."""
        drawn = random.Random(number)
        waiting: list[dict[str, Any]] = []
        due = time.monotonic()
        while not self.stop.is_set() or waiting:
            if not self.stop.is_set():
                size = drawn.randint(1, LARGEST_BATCH)
                waiting += [_event(*drawn.choice(EVENTS)) for _ in range(size)]
                due += size / rate
            waiting = self._post(waiting[: 2 * LARGEST_BATCH]) + waiting[2 * LARGEST_BATCH :]
            if waiting and self.stop.is_set():
                time.sleep(0.5)
            self.stop.wait(max(0.0, due - time.monotonic()))

    def _post(self, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Send a batch; those that have to be sent again."""
        key = self.deployment.api_key(PUBLISHER)
        try:
            answer = self.deployment.post(json.dumps(events), key=key, content_type=BATCH)
        except urllib3.exceptions.HTTPError:
            self.answers[0] += 1
            return events
        self.answers[answer.status] += 1
        if answer.status not in (202, 207):
            assert answer.status in (429, 503), answer.data
            return events
        results = [result["status"] for result in json.loads(answer.data)["results"]]
        taken = {
            event["id"]
            for event, status in zip(events, results, strict=True)
            if status in ("accepted", "duplicate")
        }
        with self._lock:
            self.journal.accepted |= taken
        return [event for event in events if event["id"] not in taken]

    # Subscribers

    def subscribe(self) -> str:
        """A queue that gets what all topics get."""
        topics = load_catalogue(ROOT / "catalogue").topics
        arns = [self.deployment.topic_arn(topic.name) for topic in topics]
        return self.deployment.subscribe("soak", arns, raw=True)

    def receive(self, queue: str, ended: threading.Event) -> None:
        """Take what arrives until it has ended."""
        while not ended.is_set():
            for message in self.deployment.receive(queue, seconds=1):
                id = json.loads(message["Body"])["id"]
                with self._lock:
                    self.journal.arrived.setdefault(id, set()).add(message["MessageId"])

    # Operators

    def operate(self) -> None:
        """Redrive now and then while faults come and go, and stop some of the runs."""
        states, _ = self._states()
        while not self.stop.wait(self._random.uniform(5, 15)):
            stage = self._random.choice(("ingest", "publish"))
            arn = self._start(stage)
            if self._random.random() < 0.3:
                self.stop.wait(self._random.uniform(0.2, 3))
                with suppress(ClientError):
                    states.stop_execution(executionArn=arn, error="Soak", cause="a soak stops runs")
                self.sickness.happened(f"{self.deployment.name}-redrive", "stopped")
                self.sickness.counts["executions stopped"] += 1

    def _start(self, stage: str, **more: Any) -> str:
        states, machine = self._states()
        request = {"stage": stage, "action": "redrive", "reason": "a soak", "started_by": "soak"}
        arn: str = states.start_execution(
            stateMachineArn=machine, input=json.dumps({**request, **more})
        )["executionArn"]
        return arn

    def _states(self) -> tuple[Any, str]:
        return (
            self.deployment.client("stepfunctions"),
            self.deployment.outputs["RedriveStateMachineArn"],
        )

    def _ended(self, arn: str, seconds: float = 120) -> dict[str, Any]:
        states, _ = self._states()
        deadline = time.monotonic() + seconds
        while (found := states.describe_execution(executionArn=arn))["status"] == "RUNNING":
            assert time.monotonic() < deadline, f"{arn} runs for more than {seconds} s"
            time.sleep(0.2)
        return dict(found)

    def redrive_all(self, *, seconds: float, say: Callable[[str], None]) -> dict[str, int]:
        """Redrive by rule until no letter waits or the time is up; how many wait, by stage and state."""
        states, machine = self._states()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self._ended(states.start_execution(stateMachineArn=machine, input="{}")["executionArn"])
            waiting = self.waiting()
            if not waiting:
                return {}
            say(f"  waiting: {dict(waiting)}")
            for stage in ("ingest", "publish"):
                parked = self._letters(stage, "parked")[:500]
                # Those that too many redrives have failed at are taken up by their ids.
                if parked:
                    self._ended(self._start(stage, filter={"letter_ids": parked}))
                self._ended(self._start(stage))
            time.sleep(1)
        return dict(self.waiting())

    def waiting(self) -> Counter[str]:
        """What waits: letters by stage and state, messages by queue."""
        found: Counter[str] = Counter()
        for letter in self._rows():
            state = letter["state"]["S"]
            if state in ("open", "redriving", "parked"):
                found[f"{letter['stage']['S']} {state}"] += 1
        for url in ("IngestDlqUrl", "PublishDlqUrl"):
            if depth := self.deployment.depth(self.deployment.outputs[url]):
                found[url] = depth
        return found

    def _letters(self, stage: str, state: str) -> list[str]:
        return [
            row["pk"]["S"]
            for row in self._rows()
            if (row["stage"]["S"], row["state"]["S"]) == (stage, state)
        ]

    def _rows(self) -> list[dict[str, Any]]:
        pages = self.deployment.client("dynamodb").get_paginator("scan")
        name = self.deployment.outputs["LedgerTable"]
        items = [item for page in pages.paginate(TableName=name) for item in page["Items"]]
        return [item for item in items if "event" in item]

    # All of it

    def load(self, spells: Sequence[Spell], *, seconds: float, rate: float) -> None:
        """Publish for so long while the spells come and go, and then until all is accepted."""
        people = [(self.publish, (n, rate / _PUBLISHERS)) for n in range(_PUBLISHERS)]
        threads = [threading.Thread(target=do, args=how, daemon=True) for do, how in people]
        threads.append(threading.Thread(target=self.operate, daemon=True))
        self.sickness.begin(spells)
        for thread in threads:
            thread.start()
        time.sleep(seconds)
        self.sickness.end()
        self.stop.set()
        for thread in threads:
            thread.join(120)
            assert not thread.is_alive(), (
                "not all events are accepted two minutes after the last fault"
            )

    def settle(self, *, seconds: float) -> None:
        """Wait until everything accepted has arrived, at most so long, and a little for what comes twice."""
        deadline = time.monotonic() + seconds
        while self.journal.accepted - self.journal.arrived.keys() and time.monotonic() < deadline:
            time.sleep(0.2)
        time.sleep(3)

    def kept(self) -> tuple[set[str], set[str]]:
        """The ids of the events that are in the table, and in the archive."""
        pages = self.deployment.client("dynamodb").get_paginator("scan")
        scanned = pages.paginate(TableName=self.deployment.outputs["EventsTable"])
        stored = {
            json.loads(item["event"]["S"])["id"] for page in scanned for item in page["Items"]
        }
        s3, bucket = self.deployment.client("s3"), self.deployment.outputs["ArchiveBucket"]
        keys = [
            found["Key"]
            for page in s3.get_paginator("list_objects_v2").paginate(
                Bucket=bucket, Prefix=Objects.EVENTS
            )
            for found in page.get("Contents", ())
        ]
        lines = (
            line
            for key in keys
            for line in s3.get_object(Bucket=bucket, Key=key)["Body"].read().splitlines()
        )
        return stored, {json.loads(line)["event"]["id"] for line in lines}

    def by_minute(self, metric: str) -> dict[datetime, float]:
        """The sums of one of our metrics by the minute, since the load began."""
        now = datetime.now(UTC)
        found = self.deployment.client("cloudwatch").get_metric_statistics(
            Namespace=NAMESPACE,
            MetricName=metric,
            Dimensions=[{"Name": Dimension.SERVICE, "Value": self.deployment.name}],
            StartTime=now - timedelta(hours=2),
            EndTime=now + timedelta(minutes=1),
            Period=60,
            Statistics=["Sum"],
        )["Datapoints"]
        return {minute_of(point["Timestamp"]): point["Sum"] for point in found}

    def watch(self, alarm: str, ended: threading.Event) -> None:
        """Remember how often an alarm was seen on, until it has ended."""
        cloudwatch = self.deployment.client("cloudwatch")
        while not ended.wait(2):
            (found,) = cloudwatch.describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
            self.alarms[found["StateValue"]] += 1


def _event(type: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid4()),
        "source": "urn:example:soak",
        "type": type,
        "data": data,
    }


def names(deployment: Deployment) -> list[str]:
    """The functions that faults happen to."""
    assert set(SICK) <= set(FUNCTIONS)
    return [f"{deployment.name}-{name}" for name in SICK]
