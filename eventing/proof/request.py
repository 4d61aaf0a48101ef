"""The request for a proof, from an operator or from the schedule of each night, checked before it is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from eventing.input import MAX_NAME, Check, InvalidInput, read_fields
from eventing.members import flag, moment, one_of
from eventing.redrive.statement import statement
from eventing.timestamps import minute_of, read_moment, timestamp

Action = Literal["count", "find"]
ACTIONS: Sequence[Action] = get_args(Action)

MAX_WINDOW = timedelta(days=1)
MAX_AGE = timedelta(days=14)
"""Metrics by the minute are kept for 15 days (CloudWatch, "Metrics retention")."""
QUIET = timedelta(minutes=15)
"""Metrics, receipts of other regions and dead letters need this long to be where they are looked for."""
_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class ProofRequest:
    """A checked request: the whole minutes from `start` on and before `end`."""

    action: Action
    """`count`, or `find` as well what is missing."""
    start: datetime
    end: datetime
    now: bool = False
    """Also what was accepted a moment ago, and may be on its way."""
    started_by: str = ""

    @property
    def minutes(self) -> list[datetime]:
        """The minutes of the window."""
        return [self.start + n * _MINUTE for n in range((self.end - self.start) // _MINUTE)]

    def is_of_yesterday(self, at: datetime) -> bool:
        """True for a window that is the whole of the day before, in UTC."""
        return (self.start, self.end) == yesterday(at)

    def members(self) -> dict[str, Any]:
        """As JSON; `read_request` reads it again."""
        return {
            "action": self.action,
            "from": timestamp(self.start),
            "to": timestamp(self.end),
            "now": self.now,
            "started_by": self.started_by,
        }


def yesterday(at: datetime) -> tuple[datetime, datetime]:
    """The whole of the day before, in UTC: its beginning and its end."""
    today = minute_of(at).replace(hour=0, minute=0)
    return today - _DAY, today


def read_request(content: Any, *, at: datetime) -> ProofRequest:
    """The request in an input that an execution was given `at` that time, a moment in UTC.

    A window that is left out is yesterday. Raises `InvalidInput` for a field that is unknown, missing, of the
    wrong kind or out of its bounds.
    """
    if not isinstance(content, Mapping):
        raise InvalidInput("the input must be a JSON object")
    faults, values = read_fields(content, _CHECKS)
    if "action" not in content:
        faults.append("action: is required")
    if ("from" in content) != ("to" in content):
        faults.append("from: and to: are given together, or neither of them")
    if faults:
        raise InvalidInput("; ".join(faults))
    start, end = yesterday(at)
    if "from" in values:
        start, end = (
            minute_of(read_moment(values.pop("from"))),
            _whole(read_moment(values.pop("to"))),
        )
    request = ProofRequest(start=start, end=end, **values)
    if faults := list(_unfitting(request, at)):
        raise InvalidInput("; ".join(faults))
    return request


def _whole(moment: datetime) -> datetime:
    """The moment, or the end of the minute that it is in."""
    minute = minute_of(moment)
    return minute if minute == moment else minute + _MINUTE


def _unfitting(request: ProofRequest, at: datetime) -> Iterator[str]:
    """Tell in words what is wrong with a window."""
    start, end = request.start, request.end
    if not start < end:
        yield "to: must be later than from"
    elif end - start > MAX_WINDOW:
        yield "to: must be a day after from at most; prove it in several steps"
    if end > _whole(at):
        yield "to: must not lie in the future"
    elif end > at - QUIET and not request.now:
        minutes = QUIET // _MINUTE
        yield f'to: must be {minutes} minutes ago; "now": true takes what is on its way for unproven'
    if start < at - MAX_AGE:
        yield f"from: must be {MAX_AGE.days} days ago at most: metrics by the minute are not kept longer"


_CHECKS: Mapping[str, Check] = {
    "action": one_of(ACTIONS),
    "from": moment,
    "to": moment,
    "now": flag,
    "started_by": statement(MAX_NAME, least=0),
}
