"""The answer to a publisher: one result per event, and the status that sums them up."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from eventing.problem import Kind, Problem

RETRY_AFTER_SECONDS = 5
# A function may answer 6 MB (AWS Lambda, "Invocation payload"), in which the body is a JSON text and may
# take seven bytes for one: a control character is six, one of them a backslash that is escaped again.
MAX_ANSWER_BYTES = 5_500_000
_BYTES_FOR_ONE = 7
# What an answer does without when it would be larger.
_DISPENSABLE = ("id", "source", "errors")

VALID = 200
ACCEPTED = 202
SEVERAL_OUTCOMES = 207


@dataclass(frozen=True)
class Accepted:
    """The event is stored, or safe in the dead-letter queue; a duplicate was so before."""

    id: str
    source: str
    accepted_at: str
    duplicate: bool = False

    @property
    def status(self) -> int:
        """The HTTP status of this event alone."""
        return ACCEPTED

    def members(self) -> dict[str, Any]:
        """The event's result."""
        return {
            "id": self.id,
            "source": self.source,
            "status": "duplicate" if self.duplicate else "accepted",
            "accepted_at": self.accepted_at,
        }


@dataclass(frozen=True)
class Rejected:
    """The event, or the whole request, is refused; `identity` has its id and source where it has any."""

    problem: Problem
    identity: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The HTTP status of this event alone."""
        return self.problem.kind.status

    def members(self) -> dict[str, Any]:
        """The event's result: problem details."""
        return {**self.identity, **self.problem.body()}


@dataclass(frozen=True)
class Valid:
    """The event would be accepted, and published to this topic; None: it would be a dead letter."""

    id: str
    source: str
    topic: str | None

    @property
    def status(self) -> int:
        """The HTTP status of this event alone."""
        return VALID

    def members(self) -> dict[str, Any]:
        """The event's result."""
        return {"id": self.id, "source": self.source, "status": "valid", "topic": self.topic}


Outcome = Accepted | Rejected | Valid


@dataclass(frozen=True)
class Answer:
    """An HTTP response."""

    status: int
    headers: Mapping[str, str]
    body: str


def answer(outcomes: Sequence[Outcome], *, batched: bool, request_id: str) -> Answer:
    """The response to a request whose events had these outcomes, in the order sent.

    A batch of which all events share a status has that status, any other has 207. Where ids, sources
    and errors would take more than `MAX_ANSWER_BYTES`, results are without them.
    """
    results = [outcome.members() for outcome in outcomes]
    whole = _answer(outcomes, results, request_id, batched=batched)
    if _fits(whole.body):
        return whole
    brief = [{n: v for n, v in members.items() if n not in _DISPENSABLE} for members in results]
    return _answer(outcomes, brief, request_id, batched=batched)


def reply(body: Mapping[str, Any], *, request_id: str) -> Answer:
    """The response to a request that asks for something, and gets it."""
    return _response(200, dict(body), request_id)


def refusal(problem: Problem, *, request_id: str) -> Answer:
    """The response to a request that is refused as a whole."""
    return answer([Rejected(problem)], batched=False, request_id=request_id)


def _fits(body: str) -> bool:
    if len(body) * _BYTES_FOR_ONE < MAX_ANSWER_BYTES:
        return True
    return len(json.dumps(body, ensure_ascii=False).encode()) <= MAX_ANSWER_BYTES


def _answer(
    outcomes: Sequence[Outcome],
    results: Sequence[dict[str, Any]],
    request_id: str,
    *,
    batched: bool,
) -> Answer:
    if not batched:
        (members,) = results
        return _response(outcomes[0].status, members, request_id)
    statuses = {outcome.status for outcome in outcomes} or {ACCEPTED}
    status = statuses.pop() if len(statuses) == 1 else SEVERAL_OUTCOMES
    body: dict[str, Any] = {"results": results}
    if status >= 400:
        body = Problem(Kind.SEVERAL, "Each result says what is wrong.").body() | body
        body["status"] = status
    again = any(outcome.status == Kind.UNAVAILABLE.status for outcome in outcomes)
    return _response(status, body, request_id, again=again)


def _response(status: int, body: dict[str, Any], request_id: str, *, again: bool = False) -> Answer:
    problem = status >= 400
    headers = {
        "Content-Type": "application/problem+json" if problem else "application/json",
        "X-Request-Id": request_id,
    }
    if again or status == Kind.UNAVAILABLE.status:
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    if problem:
        body = body | {"request_id": request_id}
    # Not escaped: ids are as long as a publisher likes, and a function's answer is limited to 6 MB.
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Answer(status, headers, text)
