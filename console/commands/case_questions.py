"""Questions about cases, beside those about runs: listed, and what an approver may choose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.shell.failure import Misuse
from eventing.sensitive_data.case import asked_about
from eventing.sensitive_data.decision import NoChoice, read_choice
from eventing.words import duration

if TYPE_CHECKING:
    from console.deployed.approvals import Question
    from console.shell.screen import Screen

Throttle = Annotated[
    float | None,
    typer.Option(
        help="Of a case: slow the publisher down to so many requests a second, in place of suspending it.",
        show_default=False,
    ),
]
OnlyQuarantine = Annotated[
    bool,
    typer.Option(
        "--only-quarantine",
        help="Of a case: leave the publisher alone, and keep the object from readers.",
    ),
]
_WORDS = {"suspend": "suspension", "throttle": "throttling", "quarantine": "quarantine"}


def choice_of(
    execution: str, throttle: float | None, *, only_quarantine: bool
) -> dict[str, Any] | None:
    """What an approver has chosen, None for what is done without a choice; raises `Misuse`."""
    chosen: dict[str, Any] | None = None
    if throttle is not None:
        chosen = {"measure": "throttle", "rate_per_second": throttle}
    if only_quarantine:
        if chosen:
            raise Misuse("--throttle and --only-quarantine exclude each other.")
        chosen = {"measure": "quarantine"}
    if chosen and asked_about(execution) is None:
        raise Misuse("--throttle and --only-quarantine are for cases: `eventing approvals` lists.")
    try:
        read_choice(chosen)
    except NoChoice as no:
        raise Misuse(f"{no}.") from no
    return chosen


def measure_of(choice: Mapping[str, Any] | None) -> str:
    """The noun of what is chosen."""
    return _WORDS[read_choice(choice).measure]


def case_entry(question: Question) -> dict[str, Any]:
    """What is told of a question: all but its token."""
    case = question.summary
    return {
        "execution": question.execution,
        "action": question.request["action"],
        "case": case["case"],
        "publisher": case["publisher"],
        "severity": case["severity"],
        "events": case["count"],
        "because": question.because,
        "started_by": question.request.get("started_by"),
        "reason": question.request.get("reason"),
        "asked_at": question.asked_at,
        "ends_at": question.ends_at,
        "found": case,
    }


def show_case_questions(screen: Screen, found: Sequence[Question], now: datetime) -> None:
    """A table of the cases that wait for an answer."""
    screen.table(
        ("case", "publisher", "severity", "events", "asked by", "since", "ends in"),
        [
            (
                entry["execution"],
                entry["publisher"],
                entry["severity"],
                entry["events"],
                entry["started_by"],
                f"{duration(now - datetime.fromisoformat(entry['asked_at']))} ago",
                duration(datetime.fromisoformat(entry["ends_at"]) - now),
            )
            for entry in map(case_entry, found)
        ],
    )
