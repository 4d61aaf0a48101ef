"""The request that operators make of the state machine of adoption, checked before anything is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from eventing.input import MAX_NAME, MAX_REASON, Check, InvalidInput, read_fields
from eventing.members import flag, moment, one_of, text
from eventing.redrive.statement import says_something, statement
from eventing.timestamps import read_moment, timestamp

Action = Literal["plan", "adopt"]
ACTIONS: Sequence[Action] = get_args(Action)

MAX_WINDOW = timedelta(days=7)
"""The receipts of a window are held in memory while it is looked through, as far as they fit."""
QUIET = timedelta(minutes=15)
"""So long after the last sign of a region its events are adopted: all that it did is known here by then."""


@dataclass(frozen=True, kw_only=True)
class AdoptionRequest:
    """A checked request: the events that `region` took from `start` on and before `end`."""

    action: Action
    region: str
    """The lost one."""
    start: datetime
    end: datetime
    now: bool = False
    """Without waiting until the region has been quiet for a while."""
    reason: str = ""
    started_by: str = ""

    def quiet_at(self, last_sign: datetime | None) -> datetime:
        """The time from which on nothing is waited for; `last_sign` is the region's last publication."""
        return max(self.end, last_sign or self.end) + QUIET

    def members(self) -> dict[str, Any]:
        """As JSON; `read_request` reads it again."""
        return {
            "action": self.action,
            "region": self.region,
            "from": timestamp(self.start),
            "to": timestamp(self.end),
            "now": self.now,
            "reason": self.reason,
            "started_by": self.started_by,
        }


def read_request(
    content: Any, *, here: str, regions: Sequence[str], at: datetime
) -> AdoptionRequest:
    """The request in an input that an execution in the region `here` was given `at` that time.

    `regions` are those of the deployment. Raises `InvalidInput` for a field that is unknown, missing, of the
    wrong kind or out of its bounds.
    """
    if not isinstance(content, Mapping):
        raise InvalidInput("the input must be a JSON object")
    faults, values = read_fields(content, _CHECKS)
    if not faults:
        faults = [f"{name}: is required" for name in _REQUIRED if name not in values]
    if not faults:
        faults = list(_unfitting(values, here, regions, at))
    if faults:
        raise InvalidInput("; ".join(faults))
    start, end = read_moment(values.pop("from")), read_moment(values.pop("to"))
    return AdoptionRequest(start=start, end=end, **values)


def _unfitting(
    values: Mapping[str, Any], here: str, regions: Sequence[str], at: datetime
) -> Iterator[str]:
    """Tell in words what is wrong with an input whose fields are all right by themselves."""
    others = [region for region in regions if region != here]
    if values["region"] == here:
        yield f"region: is {here}, where this runs; adopt in a region that is there"
    elif values["region"] not in others:
        yield f"region: must be another one of this deployment: {', '.join(others) or 'it has none'}"
    start, end = read_moment(values["from"]), read_moment(values["to"])
    if not start < end:
        yield "to: must be later than from"
    elif end - start > MAX_WINDOW:
        yield f"to: must be {MAX_WINDOW.days} days after from at most; adopt in several steps"
    if end > at:
        yield "to: must not lie in the future"
    if values["action"] == "adopt":
        for name, what in (("reason", "why"), ("started_by", "who asks")):
            if not says_something(values.get(name, "")):
                yield f"{name}: must say {what}, in words of your own, to adopt"


_REQUIRED = ("action", "region", "from", "to")
_CHECKS: Mapping[str, Check] = {
    "action": one_of(ACTIONS),
    "region": text,
    "from": moment,
    "to": moment,
    "now": flag,
    "reason": statement(MAX_REASON, least=0),
    "started_by": statement(MAX_NAME, least=1),
}
