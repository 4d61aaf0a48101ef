"""Ready texts about a case, for its publisher and for the owner of each topic: fields and counts, no value.

Operators read them before they send them: nobody is written to by the system itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eventing.foreign_text import quoted
from eventing.words import counted

_EVENTS = 15
_FIELDS = 20
_DONE: Mapping[str, str] = {
    "suspend": "We have suspended your key: requests are answered 403 until this is settled.",
    "throttle": "We have lowered your limits until this is settled: what goes beyond is answered 429.",
}


def publisher_text(case: Mapping[str, Any], measure: str | None) -> str:
    """The text for the publisher of an examined case; `measure` is what was done to it, if anything was."""
    return "\n".join(
        [
            f"To: {quoted(case['contact'] or case['publisher'])}",
            f"Subject: sensitive data in events of {case['publisher']}",
            "",
            f"We found data in events of yours that must not be sent to us: {_kinds(case)}.",
            f"It is in {_number(case)}, accepted {_when(case)}.",
            "",
            "Fields:",
            *_fields(case),
            "",
            "Events:",
            *_events(case["events"], case["count"]),
            "",
            *([done] if (done := _DONE.get(measure or "")) else []),
            "Please stop sending it, and tell us when that is done. "
            f"The number of this case is {case['case']}.",
        ]
    )


def topic_text(case: Mapping[str, Any], topic: Mapping[str, Any]) -> str:
    """The text for the owner of a topic that events of an examined case went to."""
    events = [one for one in case["events"] if one["topic"] == topic["topic"]]
    return "\n".join(
        [
            f"To: the owner of the topic {topic['topic']}",
            f"Subject: sensitive data in events of the topic {topic['topic']}",
            "",
            "Events that were published to your topic have data in them that must not be there: "
            f"{_kinds(case)}.",
            f"Publisher: {case['publisher']}. At least {counted(topic['events'], 'event')}, "
            f"accepted {_when(case)}.",
            "",
            "Fields:",
            *_fields(case),
            "",
            "Events:",
            *_events(events, topic["events"]),
            "",
            f"Subscriptions: {subscriptions_text(topic)}.",
            "Please see that whoever got them deletes these fields. "
            f"The number of this case is {case['case']}.",
        ]
    )


def subscriptions_text(topic: Mapping[str, Any]) -> str:
    """The subscriptions of a topic: how many of which protocol, and of which account."""
    if topic["unknown"]:
        return f"not known ({topic['unknown']})"
    shown = [
        f"{one['count']} {one['protocol']} of account {one['account']}"
        for one in topic["subscriptions"]
    ]
    more = [] if topic["complete"] else ["and more"]
    return ", ".join([*shown, *more]) or "none"


def _kinds(case: Mapping[str, Any]) -> str:
    return ", ".join(f"{kind} ({count})" for kind, count in case["kinds"].items()) or case["type"]


def _number(case: Mapping[str, Any]) -> str:
    number = counted(case["count"], "event")
    return f"at least {number}" if case["at_least"] else number


def _when(case: Mapping[str, Any]) -> str:
    return f"in the hour {case['hour']} (UTC)" if case["hour"] else "at a time that is not known"


def _fields(case: Mapping[str, Any]) -> list[str]:
    fields = dict.fromkeys(field for one in case["events"] for field in one["fields"])
    shown = [f"- {field}" for field in list(fields)[:_FIELDS]]
    return shown or ["- not told"]


def _events(events: Sequence[Mapping[str, Any]], count: int) -> list[str]:
    shown = [f"- {event_text(one)}" for one in events[:_EVENTS]]
    left = count - len(shown)
    return [*shown, *([f"- and {left:,} more"] if left > 0 else [])]


def event_text(event: Mapping[str, Any]) -> str:
    """An event by what may be shown of it: the id, source and type that are no find themselves."""
    named = [
        f"{name} {'withheld' if event[name] is None else quoted(event[name])}"
        for name in ("id", "source", "type")
    ]
    return ", ".join(named)
