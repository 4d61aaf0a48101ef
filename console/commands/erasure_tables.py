"""An erasure in tables: what was found, and how it ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from console.shell.failure import ExitCode
from eventing.foreign_text import plain
from eventing.words import counted, duration

if TYPE_CHECKING:
    from console.deployed.approvals import Question
    from console.deployed.deployment import Deployment
    from console.shell.screen import Screen

_LISTED = 10


def show_erasure_questions(screen: Screen, found: Sequence[Question], now: datetime) -> None:
    """A table of the erasures that wait for an answer."""
    screen.table(
        ("execution", "event of", "letters", "objects to read", "asked by", "ends in"),
        [
            (
                one.execution,
                str(one.request["key"]).partition("#")[0],
                sum(one.summary["letters"].values()),
                one.summary["to_read"]["objects"],
                one.request["started_by"],
                duration(datetime.fromisoformat(one.ends_at) - now),
            )
            for one in found
        ],
    )


def show_erasure_question(screen: Screen, question: Question) -> None:
    """The erasure that an answer is wanted for."""
    request = question.request
    screen.say(
        f"{request['action']} of {plain(request['key'])}: {question.execution}", style="bold"
    )
    screen.facts(
        {
            "asked by": request["started_by"],
            "reason": request["reason"],
            "needs approval": question.because,
            "ends at": question.ends_at,
        }
    )
    show_plan(screen, question.summary)


def erasure_entry(question: Question) -> dict[str, Any]:
    """What is told of it: all but its token."""
    request = question.request
    return {
        "execution": question.execution,
        "action": request["action"],
        "event": request["key"],
        "letters": sum(question.summary["letters"].values()),
        "because": question.because,
        "started_by": request["started_by"],
        "reason": request["reason"],
        "asked_at": question.asked_at,
        "ends_at": question.ends_at,
        "plan": question.summary,
    }


def show_plan(screen: Screen, summary: Mapping[str, Any]) -> None:
    """What an erasure has found, and what it has to read."""
    read = summary["to_read"]
    screen.facts(
        {
            "in the Events table": summary["row"],
            "accepted at": summary["since"] or "unknown: all of the publisher's objects are read",
            "letters": sum(summary["letters"].values()),
            "to read": f"{counted(read['objects'], 'object')}, {read['bytes'] / 1e9:.3f} GB",
            "takes": f"about {summary['seconds']} s",
            "costs": f"${summary['dollars']:.4f}",
        }
    )
    _show_places(screen, summary["unreachable"])


def show_report(
    screen: Screen, deployment: Deployment, name: str, found: Mapping[str, Any]
) -> ExitCode:
    """Show how an erasure ended: what was erased, and what was not reached."""
    request, counts, failures = found["request"], found["counts"], found["failures"]
    again = deployment.command("erase", "--key", request["key"], "--reason", "WHY")
    partial = found["outcome"] in ("partial", "failed")
    following = [again] if partial or found["erase_again_after"] else []
    screen.say(f"erasure of an event: {plain(found['outcome'])}", style="bold")
    screen.facts(
        {
            "event": request["key"],
            "cause": found["cause"],
            "letters": counts["letters"],
            "archive": _copies(counts.get("archive")),
            "invocation records": _copies(counts.get("records")),
            "junk": _copies(counts.get("junk")),
            "asked by": request["started_by"],
            "reason": request["reason"],
            "approved by": found["approver"],
            "because": found["approval_reason"],
            "began": found["started_at"],
            "ended": found["finished_at"],
            "erase again after": found["erase_again_after"],
        }
    )
    if failures:
        screen.table(
            ("failure", "object", "why"),
            [(one["place"], one["object"], one["why"]) for one in failures[:_LISTED]],
        )
        if (more := len(failures) - _LISTED + found["more_failures"]) > 0:
            screen.say(f"and {more:,} more")
    _show_places(screen, found["unreachable"])
    screen.document({**found, "execution": name, "next": following})
    screen.next(following)
    return ExitCode.PARTIAL if partial else ExitCode.DONE


def _copies(counts: Mapping[str, int] | None) -> str:
    if counts is None:
        return "not looked at"
    unreadable = f", {counts['unreadable']} unreadable" if counts["unreadable"] else ""
    return f"{counted(counts['copies'], 'copy', 'copies')}, {counts['read']} read{unreadable}"


def _show_places(screen: Screen, places: list[Mapping[str, Any]]) -> None:
    screen.table(
        ("not reached", "until", "why"),
        [(one["place"], one["until"] or "", one["why"]) for one in places],
    )
