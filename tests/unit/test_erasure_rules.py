"""The rules of erasing one event: what holds it, what is left, what is not reached, what it costs."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from eventing.archive_line import archive_line
from eventing.erasure.action import ACTION, is_erasure
from eventing.erasure.copies import Unreadable, events_in, holds_line, without_record
from eventing.erasure.price import price_to_read, seconds_to_read
from eventing.erasure.request import ErasureRequest, read_request, tells
from eventing.erasure.unreachable import ERASED_PLACES, unreachable
from eventing.event import event_key
from infrastructure.retention import Retention
from tests.unit.examples import event_text

KEY = event_key("acme", "/crm", "1")
OURS, OTHER = event_text(source="/crm", id="1"), event_text(source="/crm", id="2")


def line(text: str, publisher: str = "acme") -> bytes:
    written = archive_line(text, publisher=publisher, accepted_at="2026-11-28T09:00:00.000Z")
    return written.encode()


def test_a_line_holds_the_event_whatever_its_data_says() -> None:
    assert holds_line(line(OURS), KEY)
    assert not holds_line(line(OTHER), KEY)
    # An id in the data is no id of the event.
    quoting = event_text(source="/crm", id="2", data={"source": "/crm", "id": "1"})
    assert not holds_line(line(quoting), KEY)
    # Before lines named their publisher they were the bare event.
    assert holds_line(OURS.encode(), KEY)


@pytest.mark.parametrize(
    "text", [b"", b"\n", b"no JSON", b"[]", b"5", b'{"id": 1, "source": 2}', b"\xff", b"[" * 9999]
)
def test_what_is_no_line_cannot_be_read(text: bytes) -> None:
    with pytest.raises(Unreadable):
        holds_line(text, KEY)


def record(*texts: str, key: str = "pk", as_text: bool = True) -> bytes:
    records = []
    for text in texts:
        content = json.loads(text)
        pk = {key: {"S": event_key("acme", content["source"], content["id"])}}
        records.append({"dynamodb": {"Keys": pk, "NewImage": {"event": {"S": text}}}})
    batch = {"Records": records, "more": 1}
    payload = json.dumps(batch) if as_text else batch
    return json.dumps({"timestamp": "2026-11-28T09:00:00.000Z", "payload": payload}).encode()


@pytest.mark.parametrize("as_text", [True, False])
def test_a_record_keeps_its_form_and_the_others(as_text: bool) -> None:
    left, copies = without_record(record(OURS, OTHER, OURS, as_text=as_text), KEY)
    assert copies == 2
    assert left is not None
    assert json.loads(left) == json.loads(record(OTHER, as_text=as_text))


def test_a_record_with_nothing_left_is_empty_and_there() -> None:
    left, copies = without_record(record(OURS), KEY)
    assert copies == 1
    assert left is not None
    assert json.loads(json.loads(left)["payload"])["Records"] == []


def test_a_record_without_the_event_is_left_alone() -> None:
    assert without_record(record(OTHER), KEY) == (None, 0)
    assert without_record(record(OURS, key="other"), KEY) == (None, 0)


@pytest.mark.parametrize("text", [b"", b"no JSON", b"[]", b"{}", b'{"payload": "{"}', b"\xff"])
def test_what_is_no_record_cannot_be_read(text: bytes) -> None:
    with pytest.raises(Unreadable):
        without_record(text, KEY)


def test_junk_holds_an_event_in_any_envelope() -> None:
    body = json.dumps({"Records": [{"body": json.dumps({"event": json.loads(OURS)})}]})
    assert events_in(json.dumps({"body": body}).encode(), KEY) == (True, False)
    both = json.dumps([json.loads(OURS), json.loads(OTHER)])
    assert events_in(json.dumps({"body": both}).encode(), KEY) == (True, True)
    assert events_in(json.dumps({"body": "not JSON {"}).encode(), KEY) == (False, False)
    assert events_in(json.dumps({"body": '{"id": "1", "source": "/crm"}'}).encode(), KEY) == (
        False, False,
    )  # fmt: skip
    with pytest.raises(Unreadable):
        events_in(b"no JSON", KEY)


def test_every_place_where_an_event_may_be_is_erased_or_named() -> None:
    now = datetime(2026, 11, 28, 9, tzinfo=UTC)
    named = unreachable(now=now, topics=["orders"], other_regions=["eu-west-1"], backup_days=35)
    places = {one["place"] for one in named}

    # Nothing is left out, and what is named beside is on its way to one of these.
    kept = {copy.place for copy in Retention().copies()}
    assert kept - places == set(ERASED_PLACES)
    assert len(places - kept) == 4
    assert all(one["why"] for one in named)
    assert {one["until"] for one in named if one["until"]} == {
        "2026-11-29T09:00:00.000Z", "2027-01-02T09:00:00.000Z",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("topics", "said"),
    [(None, "the topics of its type"), ([], "no topic"), (["a", "b"], "a, b")],
)
def test_subscribers_are_named_by_the_topics(topics: list[str] | None, said: str) -> None:
    named = unreachable(now=datetime.now(UTC), topics=topics, other_regions=(), backup_days=1)
    assert named[0]["place"] == f"subscribers of {said}"


def test_the_price_is_of_lists_reads_and_seconds() -> None:
    assert (seconds_to_read(0, 0), price_to_read(0, 0)) == (0, 0)
    assert seconds_to_read(1_000_000, 0) == 5000
    assert seconds_to_read(10, 3_000_000_000) == 100
    # A million GETs at $0.40, 2,000 LISTs at $5, 5,000 GB-seconds at $13.3, each per million.
    assert price_to_read(1_000_000, 0) == pytest.approx(0.4 + 0.01 + 0.0667, rel=0.01)


def test_a_request_is_read_as_it_was_written() -> None:
    request = ErasureRequest(KEY, "a request", "ada")
    assert request.publisher == "acme"
    assert read_request(request.members()) == request
    assert request.members()["action"] == ACTION
    assert is_erasure("erase-20261128-090000-abc123")
    assert not is_erasure("redrive-20261128-090000-abc123")


@pytest.mark.parametrize(
    ("reason", "told"),
    [("event 4711 has to go", True), ("4711", True), ("ticket 14711", False), ("see /crm", True)],
)
def test_a_reason_that_names_the_event_is_told(reason: str, told: bool) -> None:
    assert tells(reason, source="/crm", id="4711") is told
