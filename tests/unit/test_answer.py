"""What a publisher is answered."""

from __future__ import annotations

import json
from typing import Any

import pytest

from eventing.answer import Accepted, Outcome, Rejected, answer
from eventing.limits import MAX_BATCH, MAX_BODY_BYTES
from eventing.problem import Fault, Kind, Problem

ACCEPTED = Accepted("1", "/crm", "2026-11-24T09:30:00.000Z")
DUPLICATE = Accepted("2", "/crm", "2026-11-23T09:30:00.000Z", duplicate=True)
INVALID = Rejected(
    Problem(Kind.NOT_A_CLOUDEVENT, "The event has 1 fault.", [Fault("/time", "must be a time")]),
    {"id": "3"},
)
NOT_JSON = Rejected(Problem(Kind.NOT_JSON, "The body is not JSON."))
CONFLICT = Rejected(
    Problem(Kind.CONFLICT, "Give it an id of its own."), {"id": "é", "source": "/a"}
)
UNKNOWN = Rejected(Problem(Kind.UNKNOWN_TYPE, "No such type."), {"id": "5", "source": "/a"})
SCHEMA = Rejected(Problem(Kind.SCHEMA, "The data has 1 fault.", [Fault("/data", "is odd")]))
LOST = Rejected(Problem(Kind.UNAVAILABLE, "Send it again."), {"id": "6", "source": "/a"})
TOO_LARGE = Rejected(Problem(Kind.EVENT_TOO_LARGE, "Too large."))

PROBLEM, JSON = "application/problem+json", "application/json"
ACCEPTED_BODY = {
    "id": "1",
    "source": "/crm",
    "status": "accepted",
    "accepted_at": "2026-11-24T09:30:00.000Z",
}
DUPLICATE_BODY = {
    "id": "2",
    "source": "/crm",
    "status": "duplicate",
    "accepted_at": "2026-11-23T09:30:00.000Z",
}
INVALID_BODY = {
    "id": "3",
    "type": "urn:eventing:problem:not-a-cloudevent",
    "documentation": "docs/generated/problems.md#not-a-cloudevent",
    "title": "The event breaks CloudEvents 1.0.2",
    "status": 400,
    "detail": "The event has 1 fault.",
    "errors": [{"pointer": "/time", "detail": "must be a time"}],
}


@pytest.mark.parametrize(
    ("outcome", "status", "content_type"),
    [
        (ACCEPTED, 202, JSON),
        (DUPLICATE, 202, JSON),
        (INVALID, 400, PROBLEM),
        (NOT_JSON, 400, PROBLEM),
        (CONFLICT, 409, PROBLEM),
        (TOO_LARGE, 413, PROBLEM),
        (Rejected(Problem(Kind.BATCH_TOO_LARGE, "")), 413, PROBLEM),
        (Rejected(Problem(Kind.BODY_TOO_LARGE, "")), 413, PROBLEM),
        (Rejected(Problem(Kind.CONTENT_TYPE, "")), 415, PROBLEM),
        (UNKNOWN, 422, PROBLEM),
        (SCHEMA, 422, PROBLEM),
        (Rejected(Problem(Kind.NO_PUBLISHER, "")), 403, PROBLEM),
        (LOST, 503, PROBLEM),
    ],
)
def test_one_event_is_answered_with_its_outcome(
    outcome: Outcome, status: int, content_type: str
) -> None:
    response = answer([outcome], batched=False, request_id="r-1")
    assert response.status == status
    expected = {"Content-Type": content_type, "X-Request-Id": "r-1"}
    assert response.headers == expected | ({"Retry-After": "5"} if status == 503 else {})
    body = json.loads(response.body)
    assert body == outcome.members() | ({"request_id": "r-1"} if status >= 400 else {})
    if status >= 400:
        assert body["status"] == status


def test_the_members_of_a_result() -> None:
    assert ACCEPTED.members() == ACCEPTED_BODY
    assert DUPLICATE.members() == DUPLICATE_BODY
    assert INVALID.members() == INVALID_BODY


@pytest.mark.parametrize(
    ("outcomes", "status", "content_type", "again"),
    [
        ([], 202, JSON, False),
        ([ACCEPTED], 202, JSON, False),
        ([ACCEPTED, DUPLICATE], 202, JSON, False),
        ([INVALID, NOT_JSON], 400, PROBLEM, False),
        ([CONFLICT, CONFLICT], 409, PROBLEM, False),
        ([UNKNOWN, SCHEMA], 422, PROBLEM, False),
        ([TOO_LARGE], 413, PROBLEM, False),
        ([LOST, LOST], 503, PROBLEM, True),
        ([ACCEPTED, INVALID], 207, JSON, False),
        ([INVALID, UNKNOWN], 207, JSON, False),
        ([ACCEPTED, LOST], 207, JSON, True),
        ([DUPLICATE, CONFLICT, LOST, SCHEMA], 207, JSON, True),
    ],
)
def test_a_batch_is_answered_with_a_result_for_each_event_in_the_order_sent(
    outcomes: list[Outcome], status: int, content_type: str, again: bool
) -> None:
    response = answer(outcomes, batched=True, request_id="r-1")
    assert response.status == status
    expected = {"Content-Type": content_type, "X-Request-Id": "r-1"}
    assert response.headers == expected | ({"Retry-After": "5"} if again else {})
    body: dict[str, Any] = json.loads(response.body)
    assert body.pop("results") == [outcome.members() for outcome in outcomes]
    if status < 400:
        assert body == {}
    else:
        assert body == {
            "type": "urn:eventing:problem:several",
            "documentation": "docs/generated/problems.md#several",
            "title": "No event of the batch was accepted",
            "status": status,
            "detail": "Each result says what is wrong.",
            "request_id": "r-1",
        }


def test_the_body_is_not_escaped() -> None:
    response = answer([CONFLICT], batched=False, request_id="r-1")
    assert "é" in response.body
    assert json.loads(response.body)["id"] == "é"


@pytest.mark.parametrize("character", ["x", "é", "😀", '"', "\x01"])
@pytest.mark.parametrize("count", [1, MAX_BATCH])
@pytest.mark.parametrize("refused", [False, True])
def test_the_answer_to_the_longest_ids_fits_into_what_a_function_may_answer(
    character: str, count: int, refused: bool
) -> None:
    share = MAX_BODY_BYTES // count // len(json.dumps(character, ensure_ascii=False).encode()[1:-1])
    id = character * share
    problem = Problem(Kind.EVENT_TOO_LARGE, "Too large.", [Fault("/id", "is long")])
    outcome = (
        Rejected(problem, {"id": id, "source": "/s"}) if refused else Accepted(id, "/s", "then")
    )
    whole = answer([outcome] * count, batched=count > 1, request_id="r-1")
    # As Lambda's runtime writes what the function returns.
    sent = json.dumps({"statusCode": whole.status, "body": whole.body}, ensure_ascii=False)
    assert len(sent.encode()) < 6_000_000
    body = json.loads(whole.body)
    for result in body["results"] if count > 1 else [body]:
        assert result["status"] == (413 if refused else "accepted")
        # Results are in the order sent, so they can do without.
        assert result.get("id", id) == id
        assert ("errors" in result) == ("id" in result and refused)
    if character == '"':
        assert "id" not in (body["results"][0] if count > 1 else body)
