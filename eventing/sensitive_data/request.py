"""The input of the workflow: a finding as an event brings it, or a finding or a case by its id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eventing.input import MAX_NAME, MAX_REASON, Check, InvalidInput, read_fields
from eventing.members import Unfit, text
from eventing.redrive.statement import says_something, statement
from eventing.sensitive_data.case import is_case_id
from eventing.sensitive_data.finding import is_finding_id

MACIE = "macie"
"""Who asks where a finding itself began it."""


@dataclass(frozen=True, kw_only=True)
class CaseRequest:
    """A checked request: one of `finding`, `finding_id` and `case`."""

    finding: Any = None
    """The finding itself, not read yet."""
    finding_id: str | None = None
    """Macie is asked for this one."""
    case: str | None = None
    """A case that is to be looked at again."""
    reason: str = ""
    started_by: str = MACIE

    @property
    def by_hand(self) -> bool:
        """Somebody asked for it: a case that is closed is taken up again."""
        return self.finding is None and self.started_by != MACIE


def read_request(content: Any) -> CaseRequest:
    """The request in an execution's input; raises `InvalidInput`."""
    if not isinstance(content, Mapping):
        raise InvalidInput("the input must be a JSON object")
    faults, values = read_fields(content, _CHECKS)
    chosen = [name for name in ("finding", "finding_id", "case") if name in content]
    if len(chosen) != 1:
        faults.append("one of finding, finding_id and case is required")
    if "finding_id" in values and not says_something(values.get("started_by", "")):
        faults.append("started_by: must say who asks")
    if faults:
        raise InvalidInput("; ".join(faults))
    return CaseRequest(**values)


def _finding_id(value: Any) -> str:
    if not is_finding_id(id := text(value)):
        raise Unfit("is no id of a finding")
    return id


def _case(value: Any) -> str:
    if not is_case_id(id := text(value)):
        raise Unfit("is no id of a case")
    return id


_CHECKS: Mapping[str, Check] = {
    # Foreign: whatever it is, it has a case of its own.
    "finding": lambda value: {} if value is None else value,
    "finding_id": _finding_id,
    "case": _case,
    "reason": statement(MAX_REASON, least=0),
    "started_by": statement(MAX_NAME, least=1),
}
