"""Approvals: the answer that a person gives to the question whether a plan may be carried out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from eventing.input import MAX_NAME, MAX_REASON
from eventing.redrive.statement import said

No = Literal["refused", "not approved"]

# For so long a plan waits for its answer; workflows/approval.asl.json has it as well.
ANSWERED_WITHIN = timedelta(days=1)


@dataclass(frozen=True)
class Approval:
    """A checked answer. `outcome` and `cause` say why it is no approval."""

    approved: bool
    approver: str | None = None
    """The name that the answer gives: a claim, which nobody has checked."""
    reason: str | None = None
    outcome: No | None = None
    cause: str | None = None


def read_approval(content: Any, *, plan_hash: str, started_by: str) -> Approval:
    """The approval in an answer: a plain yes to this very plan, with a name and a reason that say something.

    Whoever asks can't approve: a name that is `started_by` is none.
    """
    answer: Mapping[str, Any] = content if isinstance(content, Mapping) else {}
    name = said(answer.get("approver"), most=MAX_NAME)
    reason = said(answer.get("reason"), most=MAX_REASON)
    if answer.get("approved") is not True:
        because = f": {reason}" if reason else "."
        return _no("refused", f"Refused by {name or 'somebody who gave no name'}{because}")
    if not name:
        return _no("not approved", "The approval names no approver.")
    if not reason:
        return _no("not approved", "The approval gives no reason.")
    if same_person(name, started_by):
        return _no("not approved", "Whoever asks for a run can't approve it.")
    if answer.get("hash") != plan_hash:
        return _no("not approved", "The approval is not for this plan: its hash is another.")
    return Approval(True, approver=name, reason=reason)


def same_person(one: str, other: str) -> bool:
    """True when two claims are of the same name: of two ARNs, the name of the user or of the session.

    No proof: people can claim what they like, and sessions can be named alike.
    """
    return _person(one) == _person(other)


def _person(claim: str) -> str:
    text = claim.strip().casefold()
    return text.rpartition("/")[2] if text.startswith("arn:") else text


def _no(outcome: No, cause: str) -> Approval:
    return Approval(False, outcome=outcome, cause=cause)
