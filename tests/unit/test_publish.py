"""The publish function, its AWS calls answered at the SDK's HTTP layer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from eventing.catalogue import Catalogue
from functions.publish.handler import Handler
from functions.publish.publish import Publish
from functions.shared.dead_letter_queue import DeadLetterQueue
from functions.shared.metrics import Metrics
from functions.shared.topics import Topics
from tests.unit.fake_aws import QUEUE_URL, TOPIC_PREFIX, FakeAws
from tests.unit.test_ingest import CODES, _Context


@dataclass
class Stream:
    """Hands records to the function as an event source mapping would."""

    aws: FakeAws
    handler: Handler
    log: StringIO

    def deliver(self, *records: dict[str, Any], seconds: float = 60.0) -> list[str]:
        """The sequence numbers that the function wants again."""
        response = self.handler({"Records": list(records)}, _Context(seconds))
        return [failure["itemIdentifier"] for failure in response["batchItemFailures"]]

    def arrived(self, topic: str) -> list[str]:
        """The ids of the events that arrived at a topic."""
        return [json.loads(entry["Message"])["id"] for entry in self.aws.topics.get(topic, [])]

    @property
    def letters(self) -> list[dict[str, Any]]:
        return self.aws.letters("publish-dlq")


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stream]:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "shop")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Eventing")
    aws = FakeAws()
    with aws.installed() as clients, ThreadPoolExecutor(8) as workers:
        publish = Publish(
            catalogue=Catalogue.read(Path("catalogue")),
            topics=Topics(clients.client("sns"), arn_prefix=TOPIC_PREFIX),
            queue=DeadLetterQueue(
                clients.client("sqs"), url=QUEUE_URL + "publish-dlq", workers=workers
            ),
            workers=workers,
        )
        log = StringIO()
        logger = Logger(service=f"shop-{id(log)}", stream=log)
        yield Stream(aws, Handler(publish=publish, logger=logger, metrics=Metrics()), log)


def record(number: int, type: str = "order.placed.v1", **data: Any) -> dict[str, Any]:
    event = {
        "specversion": "1.0",
        "id": str(number),
        "source": "/shop",
        "type": f"com.example.shop.{type}",
        "data": data or {"total": 20},
    }
    return {
        "eventName": "INSERT",
        "dynamodb": {
            "SequenceNumber": f"s{number}",
            "NewImage": {
                "publisher": {"S": "acme"},
                "event": {"S": json.dumps(event)},
                "accepted_at": {"S": "2026-11-24T09:30:00.000Z"},
            },
        },
    }


def test_each_event_goes_to_the_first_topic_that_takes_it(stream: Stream) -> None:
    wanted = stream.deliver(
        record(1, total=20),
        record(2, total=700),
        record(3, "payment.failed.v1"),
        record(4, "payment.captured.v1", risk="low"),
        record(5, "payment.captured.v1", risk="high"),
        record(6, "customer.moved.v1"),
    )

    assert wanted == []
    assert stream.arrived("orders") == ["1"]
    assert stream.arrived("orders-priority") == ["2"]
    assert stream.arrived("payments-failed") == ["3", "5"]
    assert stream.arrived("payments") == ["4"]
    assert stream.arrived("customers") == ["6"]
    assert stream.letters == []


def test_the_message_is_the_event_and_its_attributes(stream: Stream) -> None:
    sent = record(1)
    event = json.loads(sent["dynamodb"]["NewImage"]["event"]["S"]) | {"subject": "order 1"}
    sent["dynamodb"]["NewImage"]["event"]["S"] = json.dumps(event)
    stream.deliver(sent)

    (entry,) = stream.aws.topics["orders"]
    assert entry["Message"] == json.dumps(event)
    assert entry["Attributes"] == {
        "type": "com.example.shop.order.placed.v1",
        "source": "/shop",
        "publisher": "acme",
        "subject": "order 1",
    }


def test_a_hundred_events_of_a_topic_take_ten_calls(stream: Stream) -> None:
    stream.deliver(*(record(number) for number in range(100)))

    assert stream.aws.count() == 10
    assert sorted(map(int, stream.arrived("orders"))) == list(range(100))


@pytest.mark.parametrize(("fault", "code"), CODES.items())
def test_a_topic_that_fails_leaves_dead_letters_and_the_others_in_peace(
    stream: Stream, fault: str, code: str
) -> None:
    stream.aws.fault = lambda call: fault if call.target == "orders" else None
    wanted = stream.deliver(*(record(n) for n in range(12)), record(12, "customer.moved.v1"))

    assert wanted == []
    assert stream.arrived("customers") == ["12"]
    assert sorted(int(letter["event"]["id"]) for letter in stream.letters) == list(range(12))
    (letter, *_) = stream.letters
    assert {name: letter[name] for name in ("stage", "step", "topic", "publisher")} == {
        "stage": "publish",
        "step": "publish",
        "topic": "orders",
        "publisher": "acme",
    }
    assert {letter["cause"]["code"] for letter in stream.letters} == {code}
    assert letter["accepted_at"] == "2026-11-24T09:30:00.000Z"


def test_one_entry_that_sns_refuses_is_the_only_dead_letter(stream: Stream) -> None:
    stream.aws.refuse_entry = lambda target, body: (
        ("InvalidParameter", True) if target == "orders" and '"id": "3"' in body else None
    )
    stream.deliver(*(record(number) for number in range(10)))

    (letter,) = stream.letters
    assert (letter["event"]["id"], letter["cause"]["code"]) == ("3", "INVALID")
    assert len(stream.arrived("orders")) == 9


@pytest.mark.parametrize(
    ("type", "data", "code"),
    [
        ("unheard.of.v1", {}, "NO_ROUTE"),
        # A text is not comparable with the condition's number.
        ("order.placed.v1", {"total": "many"}, "INVALID"),
    ],
)
def test_what_has_no_route_is_a_dead_letter_of_step_route(
    stream: Stream, type: str, data: dict[str, Any], code: str
) -> None:
    stream.deliver(record(1, type, **data), record(2))

    assert stream.arrived("orders") == ["2"]
    (letter,) = stream.letters
    assert (letter["step"], letter["cause"]["code"]) == ("route", code)
    assert "topic" not in letter


@pytest.mark.parametrize(
    "image",
    [
        {},
        {
            "publisher": {"S": "acme"},
            "event": {"S": "{"},
            "accepted_at": {"S": "2026-11-24T09:30:00Z"},
        },
        {"publisher": {"S": "acme"}, "event": {"S": "{}"}, "accepted_at": {"S": "yesterday"}},
    ],
)
def test_an_item_that_holds_no_event_is_kept_whole(stream: Stream, image: dict[str, Any]) -> None:
    damaged = {"eventName": "INSERT", "dynamodb": {"SequenceNumber": "s0", "NewImage": image}}
    wanted = stream.deliver(damaged, record(1))

    assert wanted == []
    assert stream.arrived("orders") == ["1"]
    (letter,) = stream.letters
    assert letter["cause"]["code"] == "INVALID"
    assert letter["event"] == {"item": image}


def test_what_can_be_neither_sent_nor_dead_lettered_is_wanted_again(stream: Stream) -> None:
    stream.aws.fault = lambda call: "denied" if call.target in ("orders", "publish-dlq") else None
    wanted = stream.deliver(record(1), record(2, "customer.moved.v1"), record(3))

    assert wanted == ["s1", "s3"]
    assert stream.arrived("customers") == ["2"]

    stream.aws.fault = lambda call: None
    assert stream.deliver(record(1), record(3)) == []
    assert stream.arrived("orders") == ["1", "3"]


def test_one_letter_that_the_queue_refuses_is_the_only_one_wanted_again(stream: Stream) -> None:
    stream.aws.fault = lambda call: "denied" if call.target == "orders" else None
    stream.aws.refuse_entry = lambda target, body: (
        ("InternalError", False)
        if target == "publish-dlq" and '"id":"2"' in body.replace(" ", "")
        else None
    )
    assert stream.deliver(*(record(number) for number in range(4))) == ["s2"]
    assert sorted(letter["event"]["id"] for letter in stream.letters) == ["0", "1", "3"]


def test_metrics_count_by_topic_by_cause_and_by_the_minute_of_acceptance(
    stream: Stream, capsys: pytest.CaptureFixture[str]
) -> None:
    stream.aws.fault = lambda call: "denied" if call.target == "payments" else None
    stream.deliver(record(1), record(2), record(3, "payment.captured.v1", name="Lovelace"))

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    found = {
        (metric["Name"], *(line[d] for d in dimensions if d != "service")): line[metric["Name"]]
        for line in lines
        for directive in line["_aws"]["CloudWatchMetrics"]
        for dimensions in directive["Dimensions"]
        for metric in directive["Metrics"]
    }
    lags = [found.pop(("PublishLag",)), found.pop(("PublishLag", "orders"))]
    assert all(len(values) == 2 and min(values) > 0 for values in lags)
    assert found == {
        ("EventsPublished",): [2.0],
        ("EventsPublished", "orders"): [2.0],
        ("EventsSettled",): [3.0],
        ("DeadLettered", "publish"): [1.0],
        ("DeadLettered", "publish", "ACCESS_DENIED"): [1.0],
    }
    (settled,) = [line for line in lines if "EventsSettled" in line]
    assert settled["_aws"]["Timestamp"] == 1795512600000  # 2026-11-24T09:30Z
    log = [json.loads(line) for line in stream.log.getvalue().splitlines()]
    assert [line["message"] for line in log] == ["dead letter", "batch"]
    assert log[1]["published"] == {"orders": 2}
    assert "Lovelace" not in stream.log.getvalue()
