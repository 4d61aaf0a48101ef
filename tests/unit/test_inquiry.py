"""What a publisher is told of its event, by what the tables have of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from eventing.problem import Kind, Refused
from eventing.publishers.inquiry import Asked, LetterState, Proof, Stored, asked_for, told

HERE, THERE = "eu-north-1", "us-east-1"
ASKED = Asked("/shop", "1")
ACCEPTED, FAILED, CLOSED = (f"2026-11-24T09:{minute}:00.000Z" for minute in (30, 31, 40))
STORED = Stored(ACCEPTED, HERE, "digest")
PROOF = Proof("orders", "2026-11-24T09:30:01.000Z")
PROVEN = {"topic": "orders", "at": "2026-11-24T09:30:01.000Z"}
WAITS = {"stage": "publish", "code": "ACCESS_DENIED", "since": FAILED}


def letter(state: Any, **members: Any) -> LetterState:
    given: dict[str, Any] = {
        "stage": "publish",
        "step": "publish",
        "state": state,
        "code": "ACCESS_DENIED",
        "digest": "digest",
        "accepted_at": ACCEPTED,
        "failed_at": FAILED,
        "topic": "orders",
    }
    return LetterState(**given | members)


CLOSED_LETTER = letter("resolved", closed_at="2026-11-24T09:40:00.000123+00:00")


def ask(
    stored: Stored | None = STORED,
    *letters: LetterState,
    proof: Proof | None = None,
) -> Mapping[str, Any] | None:
    return told(ASKED, here=HERE, stored=stored, letters=letters, proof=proof)


@pytest.mark.parametrize(
    ("letters", "proof", "expected"),
    [
        ([], None, {"status": "accepted"}),
        ([], PROOF, {"status": "published", **PROVEN}),
        ([letter("open")], None, {"status": "dead-lettered", **WAITS}),
        ([letter("redriving")], None, {"status": "dead-lettered", **WAITS}),
        ([letter("parked")], None, {"status": "parked", **WAITS}),
        ([letter("discarded")], None, {"status": "discarded", **WAITS}),
        ([CLOSED_LETTER], PROOF, {"status": "redriven", **PROVEN}),
        # The receipt could not be written.
        ([CLOSED_LETTER], None, {"status": "redriven", "topic": "orders", "at": CLOSED}),
        # Its answer was lost, and it was sent all the same: the letter is sent again.
        ([letter("open")], PROOF, {"status": "published", **PROVEN}),
        # It was stored by a redrive, and failed at its topic then.
        (
            [letter("resolved", stage="ingest", step="store", closed_at=CLOSED), letter("open")],
            None,
            {"status": "dead-lettered", **WAITS},
        ),
        # Stored by a redrive just now.
        (
            [letter("resolved", stage="ingest", step="store", topic=None, closed_at=CLOSED)],
            None,
            {"status": "redriven", "at": CLOSED},
        ),
        # It is not in the archive, which keeps it from nothing.
        ([letter("open", stage="ingest", step="archive")], None, {"status": "accepted"}),
        # Another event with this source and id, while the store was out of reach.
        ([letter("parked", step="store", digest="other")], None, {"status": "accepted"}),
    ],
    ids=repr,
)
def test_the_state_of_an_event_in_the_region_that_took_it(
    letters: Sequence[LetterState], proof: Proof | None, expected: dict[str, str]
) -> None:
    whole = {"id": "1", "source": "/shop", "accepted_at": ACCEPTED, "region": HERE}

    assert ask(STORED, *letters, proof=proof) == whole | expected


def test_an_event_that_is_not_stored_yet_is_known_by_its_letter() -> None:
    waits = letter("open", stage="ingest", step="store", code="THROTTLED", topic=None)

    assert ask(None, waits) == {
        "id": "1",
        "source": "/shop",
        "accepted_at": ACCEPTED,
        "region": HERE,
        "status": "dead-lettered",
        "stage": "ingest",
        "code": "THROTTLED",
        "since": FAILED,
    }


def test_an_event_that_was_never_sent_is_none() -> None:
    assert ask(None) is None
    # What is left of an event that has expired.
    assert ask(None, letter("open", stage="ingest", step="archive")) is None


def test_elsewhere_it_is_accepted_and_more_is_to_be_asked_there() -> None:
    found = ask(Stored(ACCEPTED, THERE, "digest"))

    assert found is not None
    assert (found["status"], found["region"]) == ("accepted", THERE)
    assert THERE in found["detail"]


def test_receipts_are_known_in_every_region() -> None:
    found = ask(Stored(ACCEPTED, THERE, "digest"), proof=PROOF)

    assert found is not None
    assert (found["status"], found["region"], found["topic"]) == ("published", THERE, "orders")


def test_of_an_erased_event_no_more_is_told() -> None:
    found = ask(Stored(ACCEPTED, HERE, erased_at=CLOSED), letter("open"), proof=PROOF)

    assert found == {
        "id": "1",
        "source": "/shop",
        "accepted_at": ACCEPTED,
        "region": HERE,
        "status": "erased",
        "at": CLOSED,
    }


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"source": ["/a"]},
        {"id": ["1"]},
        {"source": ["/a", "/b"], "id": ["1"]},
        {"source": ["/a", "/a"], "id": ["1"]},
        {"source": ["/a"], "id": [""]},
        {"source": [""], "id": ["1"]},
        {"source": ["/a"], "id": ["\ud800"]},
        {"Source": ["/a"], "id": ["1"]},
    ],
    ids=repr,
)
def test_what_names_no_event_is_refused(parameters: dict[str, list[str]]) -> None:
    with pytest.raises(Refused) as refused:
        asked_for(parameters)

    assert refused.value.problem.kind is Kind.PARAMETER


def test_other_parameters_have_no_say() -> None:
    assert asked_for({"source": ["/a"], "id": [" "], "publisher": ["other"]}) == Asked("/a", " ")
