"""The dead letter: written, read again, grouped, recognised."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventing.cause import Cause, Code
from eventing.dead_letter import STEPS, DeadLetter, NoDeadLetter, read_dead_letter
from eventing.event import read_event
from eventing.json_text import MAX_DEPTH, parse
from tests.events.corpus import exact, valid
from tests.unit.examples import event_text

LETTER = DeadLetter(
    stage="publish",
    step="publish",
    publisher="acme",
    event=event_text(data={"price": 5}),
    accepted_at="2026-11-24T09:30:00.000Z",
    cause=Cause(Code.NOT_FOUND, "NotFound", "Topic does not exist"),
    failed_at="2026-11-24T09:31:00.000Z",
    topic="orders",
    episode=2,
    trace_id="1-2-3",
)
EVENTS = [text for case in valid() for text in case.published]


def test_the_body_has_what_the_design_lists() -> None:
    assert json.loads(LETTER.text()) == {
        "schema_version": 1,
        "stage": "publish",
        "step": "publish",
        "publisher": "acme",
        "event": json.loads(LETTER.event),
        "topic": "orders",
        "accepted_at": "2026-11-24T09:30:00.000Z",
        "cause": {
            "code": "NOT_FOUND",
            "class": "NotFound",
            "message": "Topic does not exist",
            "retryable": False,
        },
        "fingerprint": LETTER.fingerprint,
        "failed_at": "2026-11-24T09:31:00.000Z",
        "episode": 2,
        "trace_id": "1-2-3",
    }
    without = json.loads(replace(LETTER, topic=None, trace_id=None).text())
    assert {"topic", "trace_id"}.isdisjoint(without)


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_of_the_corpus_comes_through_a_letter_unchanged(event: str) -> None:
    accepted = read_event(parse(event))
    letter = replace(LETTER, event=accepted.text)
    read = read_dead_letter(letter.text())
    assert read == letter
    assert read.event == accepted.text
    assert exact(read.event) == exact(event)
    assert read.key == letter.key


def test_the_deepest_event_comes_through_a_letter() -> None:
    # As a request in binary mode has it: the data alone may have all the levels.
    letter = replace(
        LETTER, event=event_text(data=0).replace("0}", "[" * MAX_DEPTH + "]" * MAX_DEPTH + "}")
    )
    assert read_dead_letter(letter.text()) == letter
    assert letter.key


@given(
    message=st.text(max_size=50),
    topic=st.none() | st.text(min_size=1, max_size=10),
    trace_id=st.none() | st.text(min_size=1, max_size=10),
    episode=st.integers(0, 99),
    code=st.sampled_from(Code),
    step=st.sampled_from([(stage, step) for stage, steps in STEPS.items() for step in steps]),
)
def test_any_letter_is_read_as_it_was_written(
    message: str, topic: str | None, trace_id: str | None, episode: int, code: Code, step: Any
) -> None:
    letter = replace(
        LETTER,
        stage=step[0],
        step=step[1],
        cause=Cause(code, "X", message),
        topic=topic,
        trace_id=trace_id,
        episode=episode,
    )
    assert read_dead_letter(letter.text()) == letter


def test_another_sender_may_write_it_with_white_space() -> None:
    assert read_dead_letter(json.dumps(json.loads(LETTER.text()), indent=2)) == LETTER


def test_times_are_read_whatever_their_offset_and_kept_in_one_form() -> None:
    body = json.loads(LETTER.text()) | {"failed_at": "2026-11-24T10:31:00+01:00"}
    assert read_dead_letter(json.dumps(body)) == LETTER


def test_an_item_without_an_event_is_a_letter_that_no_router_took() -> None:
    letter = replace(LETTER, step="route", topic=None, event='{"item":{"pk":{"S":"acme#1"}}}')
    assert read_dead_letter(letter.text()) == letter


def test_a_cause_that_another_sender_wrote_at_length_is_clipped() -> None:
    long = replace(LETTER, cause=Cause(Code.UNKNOWN, "X" * 2000, "é" * 2000))
    cause = read_dead_letter(long.text()).cause
    assert (len(cause.error_class), len(cause.message.encode())) == (1024, 1024)


Edit = Callable[[dict[str, Any]], Any]


def setting(name: str, value: Any) -> Edit:
    return lambda body: body.update({name: value})


def removing(name: str) -> Edit:
    return lambda body: body.pop(name)


FAULTS: list[tuple[Edit, str]] = [
    (setting("schema_version", 2), "schema_version is not 1"),
    (removing("schema_version"), "schema_version is not 1"),
    (setting("stage", "archive"), "stage and step"),
    (setting("stage", ["publish"]), "stage and step"),
    (removing("stage"), "stage and step"),
    (setting("step", "store"), "stage and step"),
    (setting("step", {}), "stage and step"),
    (removing("step"), "stage and step"),
    (setting("event", "{}"), "event and cause must be objects"),
    (removing("event"), "event and cause must be objects"),
    (setting("cause", "NOT_FOUND"), "event and cause must be objects"),
    (setting("cause", {}), "cause.code is none of the list"),
    (setting("cause", {"code": "OOPS"}), "cause.code is none of the list"),
    (setting("cause", {"code": ["INVALID"]}), "cause.code is none of the list"),
    (setting("publisher", 7), "publisher must be a text"),
    (removing("publisher"), "publisher must be a text"),
    (removing("accepted_at"), "accepted_at must be a text"),
    (setting("failed_at", None), "failed_at must be a text"),
    (setting("failed_at", ""), "failed_at must be a text"),
    (setting("failed_at", "yesterday"), "failed_at must be a time"),
    (setting("accepted_at", "2026-11-24T09:30:00"), "accepted_at must be a time"),
    (setting("accepted_at", "0001-01-01T00:00:00+23:00"), "accepted_at must be a time"),
    (setting("publisher", ""), "publisher must be a text"),
    (setting("event", {}), "event lacks an attribute"),
    (lambda body: body["event"].update(type=5), "event lacks an attribute"),
    (lambda body: body["event"].update(id=""), "event lacks an attribute"),
    (lambda body: body["event"].update(subject=["s"]), "event lacks an attribute"),
    (setting("topic", 7), "topic must be a text"),
    (setting("topic", ["orders"]), "topic must be a text"),
    (setting("trace_id", {}), "trace_id must be a text"),
    (setting("episode", "2"), "episode must be a whole number"),
    (setting("episode", 2.5), "episode must be a whole number"),
    (setting("episode", True), "episode must be a whole number"),
    (setting("episode", -1), "episode must be a whole number"),
    (removing("episode"), "episode must be a whole number"),
]


@pytest.mark.parametrize(("edit", "reason"), FAULTS)
def test_what_is_no_dead_letter_is_told(edit: Edit, reason: str) -> None:
    body = json.loads(LETTER.text())
    edit(body)
    with pytest.raises(NoDeadLetter, match=reason):
        read_dead_letter(json.dumps(body))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not JSON"),
        ("hello", "not JSON"),
        ('{"schema_version": 1, "schema_version": 1}', "not JSON: an object repeats"),
        ('"\\ud800"', "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[]", "schema_version"),
        ("1", "schema_version"),
        ("null", "schema_version"),
    ],
)
def test_any_text_is_a_letter_or_none(text: str, reason: str) -> None:
    with pytest.raises(NoDeadLetter, match=reason):
        read_dead_letter(text)


@pytest.mark.parametrize(
    ("members", "same"),
    [
        ({"publisher": "other"}, True),
        ({"event": event_text(id="2", data="x")}, True),
        ({"failed_at": "2026-11-25T00:00:00.000Z"}, True),
        ({"accepted_at": "2026-11-25T00:00:00.000Z"}, True),
        ({"episode": 7}, True),
        ({"trace_id": None}, True),
        ({"topic": "payments"}, False),
        ({"topic": None}, False),
        ({"step": "route"}, False),
        ({"stage": "ingest", "step": "store"}, False),
        ({"cause": Cause(Code.NOT_FOUND, "NotFound", "Queue does not exist")}, False),
        ({"cause": Cause(Code.NOT_FOUND, "Other", "Topic does not exist")}, False),
        ({"cause": Cause(Code.INVALID, "NotFound", "Topic does not exist")}, False),
    ],
)
def test_the_fingerprint_groups_by_root_cause(members: dict[str, Any], same: bool) -> None:
    other = replace(LETTER, **members)
    assert (other.fingerprint == LETTER.fingerprint) == same
    assert json.loads(other.text())["fingerprint"] == other.fingerprint


def test_the_fingerprint_leaves_out_what_differs_from_event_to_event() -> None:
    letters = [
        replace(LETTER, cause=Cause(Code.INVALID, "X", f"request {number:032x}, {number} bytes"))
        for number in (10**30, 10**31)
    ]
    assert letters[0].fingerprint == letters[1].fingerprint


@pytest.mark.parametrize(
    ("members", "same"),
    [
        ({"cause": Cause(Code.UNKNOWN, "X", "y")}, True),
        ({"episode": 7, "failed_at": "2026-11-25T00:00:00.000Z", "trace_id": None}, True),
        ({"topic": "payments"}, True),
        ({"event": ' {"data": {"price":\n5}, ' + event_text()[1:]}, True),
        ({"event": event_text(data={"price": 5}, ext=None)}, True),
        ({"event": event_text(data={"price": 5.0})}, False),
        ({"event": event_text(data={"price": 5}, id="2")}, False),
        ({"event": event_text(data={"price": 5}, source="/b")}, False),
        ({"publisher": "other"}, False),
        ({"step": "route"}, False),
        ({"stage": "ingest", "step": "archive"}, False),
    ],
)
def test_the_key_is_that_of_event_stage_and_step(members: dict[str, Any], same: bool) -> None:
    assert (replace(LETTER, **members).key == LETTER.key) == same


def test_a_letter_is_read_with_its_event_and_another_event_is_read_anew() -> None:
    read = read_dead_letter(LETTER.text())
    other = replace(read, event=event_text(id="2"))

    assert read.document == LETTER.document
    assert read.key == LETTER.key
    assert other.document.value["id"] == "2"
    assert other.key != read.key
