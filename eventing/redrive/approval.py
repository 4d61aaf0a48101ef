"""Approvals: the answer that a person gives to the question whether a plan may be carried out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from eventing.members import Unfit
from eventing.redrive.request import MAX_NAME
from eventing.redrive.statement import line, says_something

No = Literal["refused", "not approved"]


@dataclass(frozen=True)
class Approval:
    """A checked answer. `outcome` and `cause` say why it is no approval."""

    approved: bool
    approver: str | None = None
    outcome: No | None = None
    cause: str | None = None


def read_approval(content: Any, *, plan_hash: str) -> Approval:
    """The approval in an answer: only a plain yes to this very plan, by somebody who gives a name, is one."""
    answer: Mapping[str, Any] = content if isinstance(content, Mapping) else {}
    name = _name(answer.get("approver"))
    if answer.get("approved") is not True:
        return _no("refused", f"Refused by {name or 'somebody who gave no name'}.")
    if not name:
        return _no("not approved", "The approval names no approver.")
    if answer.get("hash") != plan_hash:
        return _no("not approved", "The approval is not for this plan: its hash is another.")
    return Approval(True, approver=name)


def _no(outcome: No, cause: str) -> Approval:
    return Approval(False, outcome=outcome, cause=cause)


def _name(value: Any) -> str | None:
    try:
        name = line(value, most=MAX_NAME)
    except Unfit:
        return None
    return name if says_something(name) else None
