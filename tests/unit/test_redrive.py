"""The redrive function, its AWS calls answered at the SDK's HTTP layer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from eventing.catalogue import Catalogue
from eventing.cause import Cause, Code
from eventing.dead_letter import DeadLetter, Stage, Step
from eventing.routing import Router
from functions.redrive.redrive import Page, Redrive
from functions.shared.archive import Archive
from functions.shared.event_store import EventStore
from functions.shared.topics import Topics
from tests.unit.fake_aws import QUEUE_URL, REGION, TOPIC_PREFIX, FakeAws

STARTED_AT = datetime(2026, 11, 24, 10, tzinfo=UTC)


@dataclass
class Operator:
    """Puts letters into the queues and redrives them."""

    aws: FakeAws
    redrive: Redrive
    _handles: Iterator[int] = field(default_factory=count)

    def add(self, *letters: DeadLetter | str) -> None:
        for letter in letters:
            text = letter if isinstance(letter, str) else letter.text()
            stage = "publish" if isinstance(letter, str) else letter.stage
            queue = self.aws.queues.setdefault(f"{stage}-dlq", {})
            queue[f"a{next(self._handles)}"] = text

    def run(self, stage: Stage) -> Page:
        return self.redrive(stage, started_at=STARTED_AT)


@pytest.fixture
def operator() -> Iterator[Operator]:
    aws = FakeAws()
    with aws.installed() as clients, ThreadPoolExecutor(2) as workers:
        redrive = Redrive(
            client=clients.client("sqs"),
            urls={"ingest": QUEUE_URL + "ingest-dlq", "publish": QUEUE_URL + "publish-dlq"},
            store=EventStore(
                clients.client("dynamodb"),
                table="events",
                region=REGION,
                retention_days=90,
                workers=workers,
            ),
            archive=Archive(clients.client("s3"), bucket="archive"),
            topics=Topics(clients.client("sns"), arn_prefix=TOPIC_PREFIX),
            router=Router(Catalogue.read(Path("catalogue"))),
            workers=workers,
        )
        yield Operator(aws, redrive)


def letter(number: int, stage: Stage, step: Step, **members: Any) -> DeadLetter:
    event = {
        "specversion": "1.0",
        "id": str(number),
        "source": "/shop",
        "type": members.pop("type", "com.example.shop.order.placed.v1"),
        "data": {"total": 20},
    }
    content: dict[str, Any] = {
        "publisher": "acme",
        "event": json.dumps(event, separators=(",", ":")),
        "accepted_at": "2026-11-24T09:00:00.000Z",
        "failed_at": "2026-11-24T09:00:01.000Z",
        "cause": Cause(Code.UNAVAILABLE, "InternalError", "an injected fault"),
        **members,
    }
    return DeadLetter(stage=stage, step=step, **content)


def test_a_store_letter_is_stored_as_it_was_accepted(operator: Operator) -> None:
    operator.add(letter(1, "ingest", "store"))
    page = operator.run("ingest")

    assert (page.received, page.redriven, page.failed, page.drained) == (1, 1, 0, True)
    assert operator.aws.queues["ingest-dlq"] == {}
    (item,) = operator.aws.tables["events"].values()
    assert item["accepted_at"]["S"] == "2026-11-24T09:00:00.000Z"
    assert page.stored == {datetime(2026, 11, 24, 9, tzinfo=UTC): 1}
    assert operator.aws.topics == {}  # the table's stream publishes it


def test_a_store_letter_that_is_stored_already_is_done(operator: Operator) -> None:
    operator.add(letter(1, "ingest", "store"))
    operator.run("ingest")
    operator.add(letter(1, "ingest", "store"))
    page = operator.run("ingest")

    assert (page.redriven, page.failed) == (1, 0)
    assert len(operator.aws.tables["events"]) == 1


def test_a_store_letter_whose_key_another_event_has_stays_as_a_conflict(operator: Operator) -> None:
    operator.add(letter(1, "ingest", "store"))
    operator.run("ingest")
    operator.add(
        letter(1, "ingest", "store", event=letter(1, "ingest", "store").event.replace("20", "21"))
    )
    page = operator.run("ingest")

    assert (page.redriven, page.failed) == (0, 1)
    (left,) = operator.aws.letters("ingest-dlq")
    assert (left["cause"]["code"], left["episode"]) == ("CONFLICT", 1)


def test_an_archive_letter_is_archived_only(operator: Operator) -> None:
    operator.add(letter(1, "ingest", "archive"))
    page = operator.run("ingest")

    assert (page.redriven, page.stored) == (1, {})
    ((key, content),) = operator.aws.buckets["archive"].items()
    assert key.startswith("publisher=acme/date=2026-11-24/09/")
    assert json.loads(content)["id"] == "1"
    assert "events" not in operator.aws.tables


def test_a_publish_letter_goes_to_the_topic_recorded_in_it(operator: Operator) -> None:
    operator.add(letter(1, "publish", "publish", topic="customers"))
    page = operator.run("publish")

    assert (page.redriven, page.drained) == (1, True)
    (message,) = operator.aws.topics["customers"]
    assert message["Attributes"]["redrive_episode"] == "1"
    assert json.loads(message["Message"])["id"] == "1"


def test_a_route_letter_is_routed_anew(operator: Operator) -> None:
    operator.add(
        letter(1, "publish", "route"), letter(2, "publish", "route", type="com.example.unheard.of")
    )
    page = operator.run("publish")

    assert (page.redriven, page.failed) == (1, 1)
    assert len(operator.aws.topics["orders"]) == 1
    (left,) = operator.aws.letters("publish-dlq")
    assert (left["cause"]["code"], left["episode"]) == ("NO_ROUTE", 1)


def test_what_fails_again_stays_with_its_new_cause_and_does_not_loop(operator: Operator) -> None:
    operator.aws.fault = lambda call: "denied" if call.service == "sns" else None
    operator.add(*(letter(n, "publish", "publish", topic="orders") for n in range(25)))
    page = operator.run("publish")

    assert (page.received, page.redriven, page.failed, page.drained) == (25, 0, 25, True)
    left = operator.aws.letters("publish-dlq")
    assert sorted(int(one["event"]["id"]) for one in left) == list(range(25))
    assert {(one["cause"]["code"], one["episode"]) for one in left} == {("ACCESS_DENIED", 1)}
    assert operator.aws.hidden["publish-dlq"] & set(operator.aws.queues["publish-dlq"]) == set()


@pytest.mark.parametrize(
    "text", ["junk", "{}", '{"schema_version":1}', '{"Records":[{"eventSource":"aws:s3"}]}']
)
def test_what_is_no_dead_letter_stays_in_the_queue(operator: Operator, text: str) -> None:
    operator.add(text, letter(1, "publish", "publish", topic="orders"))
    page = operator.run("publish")

    assert (page.received, page.redriven, page.drained) == (1, 1, True)
    assert list(operator.aws.queues["publish-dlq"].values()) == [text]


def test_a_letter_is_deleted_only_after_its_new_version_is_safe(operator: Operator) -> None:
    operator.aws.fault = lambda call: (
        "denied" if call.service == "sns" or call.operation == "SendMessageBatch" else None
    )
    first = letter(1, "publish", "publish", topic="orders")
    operator.add(first)
    operator.run("publish")

    assert list(operator.aws.queues["publish-dlq"].values()) == [first.text()]
