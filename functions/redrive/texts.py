"""The texts of the messages that operators get."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from eventing.dead_letter import Stage
from eventing.foreign_text import name_counts, plain, quoted, shown_names, within
from eventing.redrive.junk import JunkKind
from eventing.redrive.plan import Plan
from functions.redrive.run import Run

# Characters of a message or a reason, and bytes of a plan's groups and of its summary: a mail is read.
_MESSAGE, _GROUPS_BYTES, _SUMMARY_BYTES = 300, 6 * 1024, 6 * 1024


def counted(number: int, noun: str) -> str:
    """A number of things."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def no_letters(number: int) -> str:
    """A number of messages that are junk."""
    return f"{counted(number, 'message')} {'is no dead letter' if number == 1 else 'are no dead letters'}"


def headline(stage: Stage, letters: int, junk: int) -> str:
    """The subject of the message on what was found at a stage: letters, or else junk."""
    if letters:
        return f"{counted(letters, 'dead letter')} at {stage}"
    if junk:
        return f"{no_letters(junk)} at {stage}"
    return f"dead letters that could not be recorded at {stage}"


def incident_text(
    stage: Stage, letters: int, root_causes: int, groups: Sequence[Mapping[str, Any]]
) -> list[str]:
    """The lines on letters that wait, by their root causes; `groups` as a report has them."""
    return [
        f"{counted(letters, 'event')} {'waits' if letters == 1 else 'wait'} as "
        f"{'a dead letter' if letters == 1 else 'dead letters'} of {stage}, "
        f"with {counted(root_causes, 'root cause')}:",
        "",
        *_groups_text(groups),
    ]


def _groups_text(groups: Sequence[Mapping[str, Any]]) -> list[str]:
    lines: list[str] = []
    for group in groups:
        lines += [
            f"{group['letters']} x {group['cause']} at {group['step']}: "
            f"{quoted(group['message'], _MESSAGE)}",
            f"  topics: {name_counts(group['topics'])}; publishers: {name_counts(group['publishers'])}",
            f"  types: {name_counts(group['types'])}",
            f"  from {group['failed_first']} to {group['failed_last']}",
            f"  fingerprint {group['fingerprint']}",
            "",
        ]
    return lines


def not_in_ledger_text(triaged: Mapping[str, Any], junk: str) -> list[str]:
    """The lines on what was in the queue but is not in the ledger; `junk` is where that is kept."""
    lines: list[str] = []
    if triaged.get("junk"):
        kinds = ", ".join(f"{n} x {JunkKind(k).called}" for k, n in triaged["junk_kinds"].items())
        lines += [f"{no_letters(triaged['junk'])}: {kinds}", f"  kept: {junk}"]
    if triaged.get("left"):
        causes = name_counts(triaged["causes"])
        receipts = counted(triaged["left"], "receipt")
        lines += [f"{receipts} of letters could not be recorded: {causes}"]
    return lines


def parked_text(stage: Stage, parked: Mapping[str, Any], runbook: str) -> str:
    """The line on a stage's parked letters, `parked` as a report has them, with where to read on."""
    return (
        f"{counted(parked['letters'], 'letter')} of {stage} {'is' if parked['letters'] == 1 else 'are'} "
        f"parked, since {parked['failed_first']}; the first "
        f"is gone for good at {parked['first_expires_at']}: {runbook}#parked-letters"
    )


# What an operator does next, by how a run ended, and the runbook's section that has the command.
_NEXT: Mapping[str, tuple[str, str]] = {
    "aborted": ("fix what the cause names, then plan it and start it again", "plan"),
    "partial": ("continue with the letters that are left", "stop-slow-down-continue"),
    "not approved": ("start it again, and have it approved within a day", "approve-or-refuse"),
    "failed": ("look why, then start it again", "redrive-failed"),
    "changed": ("plan it and start it again", "plan"),
}
_FAILED_AGAIN = (
    "fix what failed_again in the report names, then plan it and start it again",
    "plan",
)


def _next_step(output: Mapping[str, Any]) -> tuple[str, str] | None:
    counts = output.get("counts", {})
    failed = counts.get("failed", 0) + counts.get("parked", 0)
    return _NEXT.get(output["outcome"], _FAILED_AGAIN if failed else None)


def run_text(run: Run, output: Mapping[str, Any], *, runbook: str) -> str:
    """The message on a redrive or discard that ended; `output` is that of its report."""
    step = _next_step(output)
    counts = output.get("counts", {})
    lines = [
        f"{run.request.action} of {run.request.stage}: {output['outcome']}",
        f"asked by {quoted(run.request.started_by)}: {_reason(run)}",
        *([f"approved by {quoted(output['approver'])}"] if output.get("approver") else []),
        *([f"cause: {plain(output['cause'], _MESSAGE)}"] if output.get("cause") else []),
        "letters: " + (", ".join(f"{n} {fate}" for fate, n in counts.items()) or "none"),
        *([f"left: {output['not_taken_up']}"] if output.get("not_taken_up") else []),
        f"seconds: {output['seconds']}",
        f"execution: {run.arn}",
        f"report: {output['report']}",
        *([f"What to do: {step[0]}: {runbook}#{step[1]}"] if step else []),
    ]
    return "\n".join(lines)


def approval_text(
    run: Run, *, plan: Plan, groups: Sequence[Mapping[str, Any]], uri: str, because: str
) -> str:
    """A plan and the groups of its letters, with the commands to approve it and to refuse."""
    plan_hash, summary = plan.hash, plan.summary
    more = len(summary["by_fingerprint"]) - len(groups)
    name = shlex.quote(plain(run.execution))
    commands = "\n".join(f"To {verb}: eventing {verb} {name}" for verb in ("approve", "refuse"))
    shown = "\n".join(_groups_text(groups))
    others = f"and {counted(more, 'root cause')} more\n\n" if more > 0 else ""
    letters = counted(summary["letters"], "dead letter")
    return (
        f"{quoted(run.request.started_by)} wants to {run.request.action} {letters} of "
        f"{run.request.stage}: {_reason(run)}\n\n"
        f"why it needs an approval: {because}\n"
        f"execution: {run.arn}\nplan: {uri}\nhash: {plan_hash}\n\n{commands}\n\n"
        "Both take the rights of an approver, and are for somebody else than who asks. "
        "Without an answer within a day it is not approved.\n\n"
        f"{within(shown.splitlines(), _GROUPS_BYTES)}\n{others}"
        # ASCII, in which whatever hides or moves others is escaped.
        f"{within(json.dumps(shown_names(summary), indent=2).splitlines(), _SUMMARY_BYTES)}"
    )


def _reason(run: Run) -> str:
    return quoted(run.request.reason, _MESSAGE) if run.request.reason else "no reason given"
