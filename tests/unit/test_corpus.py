"""The corpus of CloudEvents, through everything that reads and judges them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from eventing.answer import Accepted, Outcome, Rejected, answer
from eventing.catalogue import Catalogue
from eventing.event import Event
from eventing.http_binding import read_http_request
from eventing.ingestion import admit
from eventing.problem import Refused
from eventing.routing import Router
from eventing.schemas import Schemas
from tests.events.corpus import Case, Result, exact, invalid, valid

PUBLISHER = "acme-web"


def read(case: Case, schemas: Schemas) -> tuple[bool, list[Event | Refused]]:
    """Whether the request is a batch, and what became of each of its events."""
    try:
        request = read_http_request(case.headers, case.body)
    except Refused as refused:
        return False, [refused]
    judged: list[Event | Refused] = []
    for document in request.documents:
        try:
            judged.append(admit(document, publisher=PUBLISHER, schemas=schemas).event)
        except Refused as refused:
            judged.append(refused)
    return request.batched, judged


def outcome(judged: Event | Refused) -> Outcome:
    if isinstance(judged, Event):
        return Accepted(judged.id, judged.source, "2026-11-24T09:30:00.000Z")
    return Rejected(judged.problem, judged.identity)


def result(judged: Event | Refused) -> Result:
    if isinstance(judged, Event):
        return Result(202)
    return Result(
        judged.problem.kind.status, tuple(sorted(f.pointer for f in judged.problem.faults))
    )


@pytest.mark.parametrize("case", valid(), ids=lambda case: case.name)
def test_valid_events_are_accepted_and_published_unchanged(case: Case, schemas: Schemas) -> None:
    batched, judged = read(case, schemas)
    assert batched == (case.mode == "batched")
    problems = [j.problem for j in judged if isinstance(j, Refused)]
    assert not problems
    texts = [j.text for j in judged if isinstance(j, Event)]
    assert [exact(text) for text in texts] == [exact(text) for text in case.published]


@pytest.mark.parametrize("case", invalid(), ids=lambda case: case.name)
def test_invalid_events_are_refused_and_every_fault_is_named(case: Case, schemas: Schemas) -> None:
    batched, judged = read(case, schemas)
    assert [result(j) for j in judged] == [
        Result(r.status, tuple(sorted(r.pointers))) for r in case.results
    ]
    whole = answer([outcome(j) for j in judged], batched=batched, request_id="r-1")
    assert whole.status == case.status


@pytest.mark.parametrize(
    "case", [c for c in valid() if c.mode != "binary"], ids=lambda case: case.name
)
def test_what_the_corpus_expects_in_the_json_modes_is_what_it_sends(case: Case) -> None:
    sent: Any = exact(case.body.decode("utf-8-sig"))
    expected = [exact(text) for text in case.published]
    assert expected == (sent if case.mode == "batched" else [sent])


def test_the_corpus_covers_all_modes_and_repeats_no_identity(catalogue: Catalogue) -> None:
    assert len(valid()) >= 45
    assert len(invalid()) >= 65
    for cases in (valid(), invalid()):
        assert {case.mode for case in cases} == {"structured", "batched", "binary"}
        assert all(case.section and case.why for case in cases)
    events = [exact(text) for case in valid() for text in case.published]
    identities = Counter((event["source"], event["id"]) for event in events)
    assert [identity for identity, count in identities.items() if count > 1] == []
    router = Router(catalogue)
    assert {router.route(event["type"], event) for event in events} == {"customers"}
