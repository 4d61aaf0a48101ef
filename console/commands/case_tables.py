"""What is shown of a case of sensitive data: places, counts and receivers, and never a value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from eventing.foreign_text import name_counts, plain
from eventing.sensitive_data.ready_texts import subscriptions_text
from eventing.words import counted

if TYPE_CHECKING:
    from console.shell.screen import Screen

_EVENTS = 20


def show_case(screen: Screen, case: Mapping[str, Any]) -> None:
    """What was found out about a case."""
    found = case["object"]
    least = "at least " if case["at_least"] else ""
    same_hour = case["same_hour"]
    hour = "at least " if same_hour["at_least"] else ""
    screen.facts(
        {
            "case": case["case"],
            "severity": case["severity"],
            "kinds": name_counts(case["kinds"]),
            "publisher": case["publisher"] or "not known for sure",
            "contact": case["contact"],
            "status": case["status"],
            "events": f"{least}{counted(case['count'], 'event')}",
            "lines not read": case["unread_lines"] or None,
            "same hour": ", ".join(
                f"{hour}{count} of {plain(type)}" for type, count in same_hour["types"].items()
            ),
            "object": f"{plain(found['key'], 1100)}{' (gone)' if found['gone'] else ''}"
            if found
            else "not known",
            "nobody is asked": case["why_not_asked"],
        }
    )
    screen.say()
    if case["events"]:
        screen.table(
            ("line", "id", "source", "type", "topic", "fields"),
            [
                (
                    one["line"],
                    *(
                        "withheld" if one[name] is None else one[name]
                        for name in ("id", "source", "type")
                    ),
                    one["topic"] or "none",
                    ", ".join(one["fields"]) or "not told",
                )
                for one in case["events"][:_EVENTS]
            ],
        )
    if (left := case["count"] - min(_EVENTS, len(case["events"]))) > 0:
        screen.say(f"and {counted(left, 'more event')}")
    if case["topics"]:
        screen.say()
        screen.table(
            ("topic", "events", "subscriptions"),
            [(one["topic"], one["events"], subscriptions_text(one)) for one in case["topics"]],
        )
