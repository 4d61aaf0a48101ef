"""Decisions about a case: whether anybody is asked, what is asked for, and what an approver may choose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from eventing.redrive.approval import Approval, read_approval
from eventing.sensitive_data.case import Policy
from eventing.sensitive_data.finding import Severity

Measure = Literal["suspend", "throttle", "quarantine"]
"""Shut the publisher out, or slow it down; the object is put under quarantine in either case, or alone."""
MEASURES: tuple[Measure, ...] = ("suspend", "throttle", "quarantine")
MAX_RATE = 10_000.0


@dataclass(frozen=True)
class Choice:
    """What is to be done about a publisher."""

    measure: Measure = "suspend"
    rate_per_second: float | None = None
    """Requests, of one that is to be throttled."""

    def members(self) -> dict[str, Any]:
        """As JSON; `read_choice` reads it again."""
        rate = {} if self.rate_per_second is None else {"rate_per_second": self.rate_per_second}
        return {"measure": self.measure, **rate}


class NoChoice(ValueError):  # noqa: N818 - named for what it says of an answer
    """What an answer chooses can't be done; the message says why."""


def read_choice(content: Any) -> Choice:
    """The choice in an answer, `suspend` where it makes none; raises `NoChoice`."""
    if content is None:
        return Choice()
    if not isinstance(content, Mapping):
        raise NoChoice("the choice is no JSON object")
    if set(content) - {"measure", "rate_per_second"}:
        raise NoChoice("the choice has members that nobody knows")
    measure, rate = content.get("measure", "suspend"), content.get("rate_per_second")
    if measure not in MEASURES:
        raise NoChoice(f"the choice is none of {', '.join(MEASURES)}")
    if (measure == "throttle") is not (rate is not None):
        raise NoChoice("rate_per_second: belongs to throttle, and throttle needs it")
    if rate is not None and (type(rate) not in (int, float) or not 0 < rate <= MAX_RATE):
        raise NoChoice(f"rate_per_second: has to be above 0 and at most {MAX_RATE:.0f}")
    return Choice(measure, rate)


def read_answer(
    content: Any, *, content_hash: str, started_by: str
) -> tuple[Approval, Choice | None]:
    """An approval by the rules of all approvals, and its choice; without a fit choice it is none."""
    approval = read_approval(content, plan_hash=content_hash, started_by=started_by)
    if not approval.approved:
        return approval, None
    try:
        return approval, read_choice(content.get("choice"))
    except NoChoice as no:
        return Approval(False, outcome="not approved", cause=f"{no}."), None


def why_nobody_is_asked(
    severity: Severity,
    policy: Policy,
    *,
    object_read: bool,
    expected: bool,
    publisher: str | None,
    status: str | None,
) -> str | None:
    """The reason why operators are told of a case and not asked; None when they are asked.

    `status` is the publisher's in the registry; None where it has none.
    """
    if policy[severity] == "notify":
        return f"by the policy, severity {severity} is told and not asked about"
    if not object_read:
        return "there is no evidence: the object can't be read any more"
    if expected:
        return "the catalogue expects such data in these fields"
    if publisher is None:
        return "the publisher is not known for sure"
    if status is None:
        return "the registry has no such publisher"
    if status != "active":
        return f"the publisher is {status} already"
    return None
