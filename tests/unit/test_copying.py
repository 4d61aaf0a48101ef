"""Copies of events on their way into the archive: through the delivery stream, or as an object."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from typing import Any

import pytest

from eventing.archive_line import LARGE_BYTES, LARGE_EVENTS, is_small
from eventing.event import MAX_EVENT_BYTES
from eventing.schemas import Schemas
from functions.contract import Variable
from functions.ingest.handler import THREADS
from functions.shared.delivery_stream import BYTES_PER_CALL, RECORD_BYTES, RECORDS_PER_CALL
from tests.faults.aws import FakeAws
from tests.faults.vocabulary import LEFT_OUT, Call, EntryRefusal, Fault
from tests.unit.invocations import CODES
from tests.unit.publisher import ENVIRONMENT, Publisher, event, new_function


@pytest.fixture
def publisher(schemas: Schemas) -> Iterator[Publisher]:
    aws, log = FakeAws(), StringIO()
    with aws.installed() as clients, ThreadPoolExecutor(THREADS) as workers:
        yield Publisher(aws, new_function(clients, schemas, workers, log), log)


def post(publisher: Publisher, count: int, size: int = 0) -> dict[str, Any]:
    events = [event(n, data={"name": "Ada", "note": "x" * size}) for n in range(count)]
    return publisher.post(events, content_type="application/cloudevents-batch+json")


def ids(publisher: Publisher) -> list[int]:
    return sorted(int(json.loads(copy.event_text)["id"]) for copy in publisher.copies)


def last_line(publisher: Publisher) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(publisher.log.getvalue().splitlines()[-1])
    return line


@pytest.mark.parametrize(
    ("count", "size", "streamed"),
    [
        (1, 0, True),
        (LARGE_EVENTS - 1, 0, True),
        (LARGE_EVENTS, 0, False),
        (100, 0, False),
        (1, LARGE_BYTES - 300, True),
        (1, LARGE_BYTES, False),
        (4, 40_000, False),
    ],
)
def test_small_requests_go_through_the_delivery_stream_and_others_are_one_object(
    publisher: Publisher, count: int, size: int, streamed: bool
) -> None:
    assert post(publisher, count, size)["statusCode"] == 202

    assert ids(publisher) == list(range(count))
    assert (len(publisher.streamed), len(publisher.archived)) == (
        (count, 0) if streamed else (0, 1)
    )
    usage = last_line(publisher)["usage"]
    assert usage["stream_bytes"] == sum(map(len, publisher.streamed))
    assert usage["objects"] == len(publisher.archived)
    assert all(record.count(b"\n") == 1 for record in publisher.streamed)


def test_what_is_small_is_within_what_one_call_may_carry() -> None:
    assert is_small([LARGE_BYTES - 1])
    assert is_small([1] * (LARGE_EVENTS - 1))
    assert not is_small([LARGE_BYTES])
    assert not is_small([1] * LARGE_EVENTS)
    assert not is_small([MAX_EVENT_BYTES])
    assert LARGE_EVENTS <= RECORDS_PER_CALL
    assert min(RECORD_BYTES, BYTES_PER_CALL) >= LARGE_BYTES


@pytest.mark.parametrize(("fault", "code"), CODES.items())
def test_a_stream_that_fails_is_asked_once_and_an_object_has_the_copies(
    publisher: Publisher, fault: Fault, code: str
) -> None:
    publisher.aws.fault = lambda call: fault if call.service == "firehose" else None
    assert post(publisher, 3)["statusCode"] == 202

    assert publisher.aws.count("PutRecordBatch") == 1
    ((key, content),) = publisher.archived.items()
    assert [json.loads(line)["event"]["id"] for line in content.splitlines()] == ["0", "1", "2"]
    accepted_at = json.loads(content.splitlines()[0])["accepted_at"]
    day, hour = accepted_at[:10], accepted_at[11:13]
    assert key == f"publisher=acme/date={day}/{hour}/invocation1.jsonl"
    assert publisher.letters == []
    expected = "UNAVAILABLE" if fault == "throttle" else code
    assert last_line(publisher)["stream_refused"] == expected
    # What it took before its answer was lost is there twice.
    doubled = [0, 0, 1, 1, 2, 2] if fault == "done-then-timeout" else [0, 1, 2]
    assert ids(publisher) == doubled


@pytest.mark.parametrize("refusal", [EntryRefusal("ServiceUnavailableException"), LEFT_OUT])
def test_an_object_has_what_the_stream_did_not_take(
    publisher: Publisher, refusal: EntryRefusal
) -> None:
    publisher.aws.refuse_entry = lambda target, text: (
        refusal if target == "archive" and json.loads(text)["event"]["id"] in "135" else None
    )
    assert post(publisher, 7)["statusCode"] == 202

    assert len(publisher.streamed) == 4
    (content,) = publisher.archived.values()
    assert [json.loads(line)["event"]["id"] for line in content.splitlines()] == ["1", "3", "5"]
    assert ids(publisher) == list(range(7))
    assert publisher.letters == []


def test_what_neither_takes_is_a_letter_and_only_that(publisher: Publisher) -> None:
    publisher.aws.fault = lambda call: "denied" if call.operation == "PutObject" else None
    publisher.aws.refuse_entry = lambda target, text: (
        EntryRefusal("InternalFailure")
        if target == "archive" and json.loads(text)["event"]["id"] in "25"
        else None
    )
    assert post(publisher, 7)["statusCode"] == 202

    letters = {letter["event"]["id"]: letter for letter in publisher.letters}
    assert letters.keys() == {"2", "5"}
    assert {(one["step"], one["cause"]["code"]) for one in letters.values()} == {
        ("archive", "ACCESS_DENIED")
    }
    assert ids(publisher) == [0, 1, 3, 4, 6]


def test_a_stream_that_hangs_leaves_the_bucket_its_turn(publisher: Publisher) -> None:
    def hangs(call: Call) -> Fault | None:
        if call.operation == "PutRecordBatch":
            # As long as the SDK waits.
            publisher.aws.released.wait(0.2)
            return "timeout"
        return None

    publisher.aws.fault = hangs
    assert post(publisher, 2)["statusCode"] == 202
    assert ids(publisher) == [0, 1]
    assert publisher.letters == []


def test_a_duplicate_is_copied_again(publisher: Publisher) -> None:
    first = publisher.post(event())["body"]["accepted_at"]
    again = publisher.post(event())["body"]

    assert (again["status"], again["accepted_at"]) == ("duplicate", first)
    assert ids(publisher) == [1, 1]
    # The copy is of the retry: it lies in the hour of that.
    assert publisher.copies[0].accepted_at == first
    assert publisher.copies[1].accepted_at >= first


def test_without_a_delivery_stream_each_request_is_an_object(
    schemas: Schemas, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(ENVIRONMENT, Variable.DELIVERY_STREAM)
    aws, log = FakeAws(), StringIO()
    with aws.installed() as clients, ThreadPoolExecutor(THREADS) as workers:
        publisher = Publisher(aws, new_function(clients, schemas, workers, log), log)
        for number in range(2):
            assert publisher.post(event(number))["statusCode"] == 202
    assert aws.count("PutRecordBatch") == 0
    assert len(publisher.archived) == 2
    assert ids(publisher) == [0, 1]
    assert "stream_refused" not in last_line(publisher)
