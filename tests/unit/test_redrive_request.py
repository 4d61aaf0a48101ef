"""What may be asked of the redrive state machine, and how what may not be is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from eventing.cause import Code
from eventing.input import InvalidInput
from eventing.redrive.filter import Filter
from eventing.redrive.junk import JunkKind
from eventing.redrive.request import RedriveRequest, read_request

ID, OTHER_ID = "a" * 43, f"{'-_9Z' * 10}abc"
EVERY_FIELD: dict[str, Any] = {
    "stage": "publish",
    "action": "redrive",
    "filter": {
        "publisher": "acme-web",
        "type": "com.example.shop.order.placed.v1",
        "topic": "orders",
        "cause": "NOT_FOUND",
        "fingerprint": "0123456789abcdef",
        "failed_before": "2026-11-24T10:30:00+01:00",
        "failed_after": "2026-11-24T09:00:00Z",
        "letter_ids": [ID, OTHER_ID, ID],
    },
    "limit": 5,
    "rate_per_second": 50,
    "canary": 0,
    "abort_failure_percent": 100,
    "max_episodes": 1,
    "approval_above": 0,
    "without_subscribers": True,
    "reason": "the topic is back",
    "started_by": "ada",
}


def faults_of(content: Any) -> str:
    with pytest.raises(InvalidInput) as caught:
        read_request(content)
    return str(caught.value)


def test_nothing_asked_is_triage_of_both_stages() -> None:
    request = read_request({})
    assert request == RedriveRequest()
    assert (request.action, request.stages) == ("triage", ("ingest", "publish"))
    assert request.members() == {
        "stage": "all",
        "action": "triage",
        "everything": False,
        "rate_per_second": 200,
        "canary": 10,
        "abort_failure_percent": 20,
        "max_episodes": 3,
        "without_subscribers": False,
        "reason": "",
        "started_by": "unknown",
    }


def test_every_field_is_read() -> None:
    request = read_request(EVERY_FIELD)
    assert request == RedriveRequest(
        stage="publish",
        action="redrive",
        filter=Filter(
            publisher="acme-web",
            type="com.example.shop.order.placed.v1",
            topic="orders",
            cause="NOT_FOUND",
            fingerprint="0123456789abcdef",
            failed_before="2026-11-24T09:30:00.000Z",
            failed_after="2026-11-24T09:00:00.000Z",
            letter_ids=(ID, OTHER_ID),
        ),
        limit=5,
        rate_per_second=50,
        canary=0,
        abort_failure_percent=100,
        max_episodes=1,
        approval_above=0,
        without_subscribers=True,
        reason="the topic is back",
        started_by="ada",
    )
    assert request.stages == ("publish",)


@pytest.mark.parametrize("content", [{}, EVERY_FIELD, {"filter": {"publisher": "a"}}])
def test_what_was_read_is_read_again_as_the_same(content: Any) -> None:
    request = read_request(content)
    assert read_request(json.loads(json.dumps(request.members()))) == request


def test_whole_numbers_may_come_as_floats() -> None:
    # JSONata knows no other numbers.
    assert read_request({"limit": 5.0}).limit == 5


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({"stage": "archive"}, "stage"),
        ({"stage": ["ingest"]}, "stage"),
        ({"stage": {}}, "stage"),
        ({"action": "delete"}, "action"),
        ({"action": "Redrive"}, "action"),
        ({"Action": "redrive"}, "Action"),
        ({"dry_run": True}, "dry_run"),
        ({"filter": []}, "filter"),
        ({"filter": "publisher=acme"}, "filter"),
        ({"filter": {"source": "/crm"}}, "filter.source"),
        ({"filter": {"Publisher": "acme"}}, "filter.Publisher"),
        ({"filter": {"publisher": ""}}, "filter.publisher"),
        ({"filter": {"publisher": ["acme"]}}, "filter.publisher"),
        ({"filter": {"type": 5}}, "filter.type"),
        ({"filter": {"topic": {}}}, "filter.topic"),
        ({"filter": {"fingerprint": ""}}, "filter.fingerprint"),
        ({"filter": {"cause": "BROKEN"}}, "filter.cause"),
        ({"filter": {"cause": "not_found"}}, "filter.cause"),
        ({"filter": {"cause": {}}}, "filter.cause"),
        ({"filter": {"failed_before": "yesterday"}}, "filter.failed_before"),
        ({"filter": {"failed_before": "2026-11-24T09:30:00"}}, "filter.failed_before"),
        ({"filter": {"failed_after": 1764000000}}, "filter.failed_after"),
        ({"filter": {"failed_after": "2026-11-24"}}, "filter.failed_after"),
        ({"filter": {"failed_after": "0001-01-01T00:00:00+23:00"}}, "filter.failed_after"),
        ({"filter": {"letter_ids": []}}, "filter.letter_ids"),
        ({"filter": {"letter_ids": "a"}}, "filter.letter_ids"),
        ({"filter": {"letter_ids": [""]}}, "filter.letter_ids"),
        ({"filter": {"letter_ids": [5]}}, "filter.letter_ids"),
        ({"filter": {"letter_ids": [ID] * 501}}, "filter.letter_ids"),
        ({"filter": {"letter_ids": [ID, f"{ID}a"]}}, "filter.letter_ids"),
        ({"filter": {"letter_ids": [f"lock#{ID}"[:43]]}}, "filter.letter_ids"),
        ({"limit": 0}, "limit"),
        ({"limit": "10"}, "limit"),
        ({"limit": 1.5}, "limit"),
        ({"limit": True}, "limit"),
        ({"rate_per_second": -1}, "rate_per_second"),
        ({"rate_per_second": 0}, "rate_per_second"),
        ({"rate_per_second": 10_001}, "rate_per_second"),
        ({"rate_per_second": float("inf")}, "rate_per_second"),
        ({"rate_per_second": float("nan")}, "rate_per_second"),
        ({"canary": -1}, "canary"),
        ({"canary": 1001}, "canary"),
        ({"abort_failure_percent": 101}, "abort_failure_percent"),
        ({"abort_failure_percent": -1}, "abort_failure_percent"),
        ({"max_episodes": 0}, "max_episodes"),
        ({"approval_above": -1}, "approval_above"),
        ({"reason": "r" * (1024 + 2048)}, "reason"),
        ({"without_subscribers": 1}, "without_subscribers"),
        ({"without_subscribers": "true"}, "without_subscribers"),
        ({"reason": 5}, "reason"),
        ({"everything": "true"}, "everything"),
        ({"junk_ids": ["17"]}, "junk_ids"),
        ({"junk_kind": "newer-letter"}, "junk_kind"),
        ({"junk_ids": []}, "junk_ids"),
        ({"junk_ids": ["../reports/a"]}, "junk_ids"),
        ({"junk_ids": ["a"] * 101}, "junk_ids"),
        ({"junk_ids": "17"}, "junk_ids"),
        ({"junk_kind": "letters"}, "junk_kind"),
        ({"junk_kind": ["letter"]}, "junk_kind"),
        ({"everything": 1}, "everything"),
        ({"everything": True, "filter": {"publisher": "a"}}, "everything"),
        ({"started_by": ""}, "started_by"),
        ({"started_by": "a" * 257}, "started_by"),
        *(({name: None}, name) for name in (*EVERY_FIELD, "everything")),
        *(({"filter": {name: None}}, f"filter.{name}") for name in EVERY_FIELD["filter"]),
    ],
)
def test_a_bad_field_is_named(content: dict[str, Any], field: str) -> None:
    assert faults_of(content).startswith(f"{field}: ")


def test_a_filter_that_is_empty_does_not_mean_everything() -> None:
    assert faults_of({"filter": {}}).startswith("filter: is empty")


def test_every_bad_field_is_named_at_once() -> None:
    content = {
        "stage": "archive",
        "limit": -1,
        "filter": {"publisher": "", "source": "/crm"},
        "dry_run": 1,
    }
    faults = faults_of(content)
    for field in ("stage", "limit", "filter.publisher", "filter.source", "dry_run"):
        assert f"{field}: " in faults


@pytest.mark.parametrize("content", [None, [], "triage", 5])
def test_the_input_is_an_object(content: Any) -> None:
    assert faults_of(content) == "the input must be a JSON object"


def test_what_is_just_within_its_bounds_is_taken() -> None:
    read_request({"reason": "r" * 1024, "canary": 1000, "rate_per_second": 10_000, "limit": 1})
    ids = [f"{number:043}" for number in range(500)]
    assert read_request({"filter": {"letter_ids": ids}}).filter.letter_ids == tuple(ids)
    for code in Code:
        assert read_request({"filter": {"cause": code.value}}).filter.cause == code


DISCARD: dict[str, Any] = {"action": "discard", "reason": "tests of theirs", "started_by": "ada"}


def test_a_discard_says_what_it_means() -> None:
    assert faults_of(DISCARD) == 'filter: is required to discard, or "everything": true'
    assert faults_of({**DISCARD, "everything": False}).startswith("filter: ")
    assert faults_of({**DISCARD, "limit": 5}).startswith("filter: ")
    assert read_request({**DISCARD, "everything": True}).filter == Filter()
    assert read_request({**DISCARD, "filter": {"publisher": "a"}}).filter == Filter(publisher="a")


RESUBMIT: dict[str, Any] = {"action": "resubmit", "reason": "letters of ours", "started_by": "ada"}


def test_a_resubmission_names_junk_by_its_ids_or_its_kind() -> None:
    assert faults_of(RESUBMIT).startswith("junk_ids: either these or junk_kind")
    both = {**RESUBMIT, "junk_ids": ["17"], "junk_kind": "letter"}
    assert faults_of(both).startswith("junk_ids: either these or junk_kind")
    by_ids = read_request({**RESUBMIT, "junk_ids": ["17", "18", "17"]})
    assert by_ids.junk_ids == ("17", "18")
    by_kind = read_request({**RESUBMIT, "junk_kind": "newer-letter"})
    assert by_kind.junk_kind is JunkKind.NEWER_LETTER
    for request in (by_ids, by_kind):
        assert read_request(json.loads(json.dumps(request.members()))) == request
