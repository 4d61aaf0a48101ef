"""Alarms and their end, as mails."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from eventing.alarm_text import AlarmText
from eventing.foreign_text import plain, quoted
from eventing.mail import Mail
from eventing.timestamps import timestamp

_REASON, _NAMES = 400, 5


@dataclass(frozen=True)
class AlarmChange:
    """A change of an alarm's state, as CloudWatch tells it to a function.

    The form is that of "Invoke a Lambda function from an alarm" in the CloudWatch user guide. What it
    lacks is empty: whatever CloudWatch tells, operators are to hear of it.
    """

    name: str
    state: str
    since: str
    """When it changed, which may be long before: its action can have been muted meanwhile."""
    reason: str
    description: str
    """Empty where CloudWatch does not tell it, as of a composite alarm."""
    triggering: tuple[str, ...]
    """The alarms that made a composite one change, by their names."""

    @classmethod
    def read(cls, alarm: Mapping[str, Any]) -> Self:
        """Read the member `alarmData`; raises LookupError where there is no name."""
        state = alarm.get("state") or {}
        configuration = alarm.get("configuration") or {}
        return cls(
            name=alarm["alarmName"],
            state=str(state.get("value", "")),
            since=_time(state.get("timestamp")),
            reason=str(state.get("reason", "")),
            description=str(configuration.get("description") or ""),
            triggering=_triggering(state.get("reasonData")),
        )


def _time(text: Any) -> str:
    try:
        return timestamp(datetime.fromisoformat(text))
    except (TypeError, ValueError):
        return plain(text or "")


def _triggering(reason_data: Any) -> tuple[str, ...]:
    try:
        alarms = json.loads(reason_data)["triggeringAlarms"]
        return tuple(
            alarm["arn"].rpartition(":alarm:")[2]
            for alarm in alarms
            if alarm["state"]["value"] == "ALARM"
        )
    except (AttributeError, LookupError, TypeError, ValueError):
        return ()


def alarm_mail(change: AlarmChange, *, deployment: str) -> Mail:
    """The mail on an alarm that changed its state; `deployment` is what its name begins with."""
    text = AlarmText.read(change.description)
    prefix = f"{deployment}-"
    name = quoted(change.name.removeprefix(prefix))
    because = ", ".join(quoted(one.removeprefix(prefix)) for one in change.triggering[:_NAMES])
    # Of one without a description there is its name.
    headline = plain(text.headline) or f"alarm {name}"
    # In any other state than ALARM it is the absence of data that is told.
    why = because if change.state == "ALARM" else plain(change.state)
    return Mail(
        subject=": ".join(filter(None, (headline, why))),
        first=plain(text.what, _REASON)
        or f"The alarm {name} is in the state {plain(change.state)}.",
        users=plain(text.users, _REASON),
        next=(tuple(plain(text.next or "status").split()),),
        runbook=plain(text.runbook),
        details=[
            f"alarm: {name}, {plain(change.state)} since {change.since}",
            *([f"because of: {because}"] if because else []),
            f"CloudWatch: {quoted(change.reason, _REASON)}",
        ],
    )


def well_again_mail(at: str) -> Mail:
    """The mail on the end of all alarms."""
    return Mail(
        subject="all is well again",
        first="All is well again: no alarm is on.",
        next=(("status",),),
        section="verify",
        details=[f"since {_time(at)}"],
    )
