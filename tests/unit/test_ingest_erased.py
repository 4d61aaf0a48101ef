"""Events that were erased, sent again: refused, one by one and in batches, and told by their hashes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from typing import Any

import pytest

from eventing.event import event_key
from eventing.schemas import Schemas
from functions.contract import Metric
from functions.ingest.handler import THREADS
from tests.faults.aws import FakeAws
from tests.faults.vocabulary import Call, Fault
from tests.unit.publisher import Publisher, event, new_function


@pytest.fixture
def publisher(schemas: Schemas) -> Iterator[Publisher]:
    aws, log = FakeAws(), StringIO()
    with aws.installed() as clients, ThreadPoolExecutor(THREADS) as workers:
        yield Publisher(aws, new_function(clients, schemas, workers, log), log)


def erase(publisher: Publisher, number: int = 1) -> None:
    """Leave the tombstone of an event in the table."""
    item = publisher.stored[event_key("acme", "/crm", str(number))]
    for name in ("event", "type", "digest"):
        del item[name]
    item["erased_at"] = {"S": "2026-11-28T09:00:00.000Z"}


def post_batch(publisher: Publisher, *events: dict[str, Any]) -> dict[str, Any]:
    return publisher.post(list(events), content_type="application/cloudevents-batch+json")


@pytest.mark.parametrize("again", [event(), event(data={"other": 1})])
def test_an_erased_event_is_refused_with_the_reason(
    publisher: Publisher, again: dict[str, Any]
) -> None:
    publisher.post(event())
    erase(publisher)
    tombstone = dict(publisher.stored[event_key("acme", "/crm", "1")])

    response = publisher.post(again)

    assert response["statusCode"] == 410
    assert response["body"]["type"] == "urn:eventing:problem:event-erased"
    assert (response["body"]["id"], response["body"]["source"]) == ("1", "/crm")
    assert "erased" in response["body"]["detail"]
    assert publisher.stored == {tombstone["pk"]["S"]: tombstone}
    assert publisher.letters == []


def test_each_event_of_a_batch_is_refused_for_itself(publisher: Publisher) -> None:
    publisher.post(event(1))
    publisher.post(event(2))
    erase(publisher, 1)

    answer = post_batch(publisher, event(1), event(2), event(3), event(1, data={}))

    assert answer["statusCode"] == 207
    assert [one["status"] for one in answer["body"]["results"]] == [
        410,
        "duplicate",
        "accepted",
        410,
    ]


def test_a_batch_of_erased_events_is_410(publisher: Publisher) -> None:
    post_batch(publisher, event(1), event(2))
    for number in (1, 2):
        erase(publisher, number)

    assert post_batch(publisher, event(1), event(2))["statusCode"] == 410


@pytest.mark.parametrize("fault", ["timeout", "denied"])
def test_an_archive_that_fails_leaves_no_letter_of_an_erased_event(
    publisher: Publisher, fault: Fault
) -> None:
    publisher.post(event())
    erase(publisher)

    def failing(call: Call) -> Fault | None:
        return fault if call.service == "s3" else None

    publisher.aws.fault = failing
    assert publisher.post(event())["statusCode"] == 410
    assert publisher.letters == []


def test_operators_are_told_by_a_count_and_hashes(
    publisher: Publisher, capsys: pytest.CaptureFixture[str]
) -> None:
    publisher.post(event(1, data={"secret": "hunter2"}))
    erase(publisher)
    publisher.log.truncate(0)
    capsys.readouterr()

    publisher.post(event(1, data={"secret": "hunter2"}))

    (line,) = (
        json.loads(text) for text in publisher.log.getvalue().strip("\0").splitlines() if text
    )
    assert line["erased_keys"] == [event_key("acme", "/crm", "1")]
    assert "/crm" not in json.dumps(line)
    told = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert [one.get(Metric.ERASED_SENT_AGAIN) for one in told] == [[1.0]]
