"""Questions about runs: plans that wait for an approval, listed and shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from console.deployed.groups import summed
from eventing.foreign_text import plain
from eventing.words import counted, duration

if TYPE_CHECKING:
    from console.deployed.approvals import Question
    from console.shell.screen import Screen

_GROUPS = 10
_MESSAGE = 100


def show_run_questions(screen: Screen, found: Sequence[Question], now: datetime) -> None:
    """A table of the runs that wait for an answer."""
    screen.table(
        (
            *("execution", "action", "stage", "letters", "causes"),
            *("topics", "asked by", "since", "ends in"),
        ),
        [
            (
                entry["execution"],
                entry["action"],
                entry["stage"],
                entry["letters"],
                summed(entry["causes"]),
                summed(entry["topics"]),
                entry["started_by"],
                f"{_since(entry['asked_at'], now)} ago",
                _since(now, entry["ends_at"]),
            )
            for entry in map(run_entry, found)
        ],
    )


def show_run_question(screen: Screen, question: Question) -> None:
    """The plan that an answer is wanted for."""
    from console.commands.plan_table import show_plan

    request = question.request
    screen.say(f"{request['action']} of {request['stage']}: {question.execution}", style="bold")
    screen.facts(
        {
            "asked by": request.get("started_by"),
            "reason": request.get("reason"),
            "needs approval": question.because,
            "ends at": question.ends_at,
        }
    )
    show_plan(screen, question.summary)
    screen.say()
    screen.table(
        ("letters", "stage", "cause", "topics", "publishers", "failed first", "message"),
        [
            (
                group["letters"],
                group["stage"],
                group["cause"],
                summed(group["topics"]),
                summed(group["publishers"]),
                group["failed_first"],
                plain(group["message"], most=_MESSAGE),
            )
            for group in question.groups[:_GROUPS]
        ],
    )
    if (more := len(question.groups) - _GROUPS) > 0:
        screen.say(f"and {counted(more, 'more group', 'more groups')}")


def run_entry(question: Question) -> dict[str, Any]:
    """What is told of it: all but its token."""
    request, causes = question.request, Counter[str]()
    for group in question.groups:
        causes[str(group["cause"])] += int(group["letters"])
    return {
        "execution": question.execution,
        "action": request["action"],
        "stage": request["stage"],
        "letters": question.summary["letters"],
        "causes": dict(causes),
        "topics": question.summary["topics"],
        "because": question.because,
        "started_by": request.get("started_by"),
        "reason": request.get("reason"),
        "asked_at": question.asked_at,
        "ends_at": question.ends_at,
        "plan": question.summary,
    }


def _since(first: datetime | str, last: datetime | str) -> str:
    one, other = (
        datetime.fromisoformat(moment) if isinstance(moment, str) else moment
        for moment in (first, last)
    )
    return duration(other - one)
