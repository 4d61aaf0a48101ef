"""The texts of the messages that operators get."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from eventing.dead_letter import Stage
from eventing.foreign_text import counted, plain, quoted, shown_names, within
from functions.redrive.run import Run

# Characters of a message or a reason, and bytes of a plan's summary: a mail is read on a telephone.
_MESSAGE, _SUMMARY_BYTES = 300, 8 * 1024


def incident_text(
    stage: Stage, letters: int, root_causes: int, groups: Sequence[Mapping[str, Any]]
) -> list[str]:
    """The lines on letters that wait, by their root causes; `groups` as a report has them."""
    lines = [
        f"{letters} events wait as dead letters of {stage}, with {root_causes} root causes:",
        "",
    ]
    for group in groups:
        lines += [
            f"{group['letters']} x {group['cause']} at {group['step']}: "
            f"{quoted(group['message'], _MESSAGE)}",
            f"  topics: {counted(group['topics'])}; publishers: {counted(group['publishers'])}",
            f"  types: {counted(group['types'])}",
            f"  from {group['failed_first']} to {group['failed_last']}",
            f"  fingerprint {group['fingerprint']}",
            "",
        ]
    return lines


def not_in_ledger_text(triaged: Mapping[str, Any], junk: str) -> list[str]:
    """The lines on what was in the queue but is not in the ledger; `junk` is where that is kept."""
    lines: list[str] = []
    if triaged.get("junk"):
        reasons = "; ".join(
            f"{n} x {quoted(reason, _MESSAGE)}" for reason, n in triaged["junk_reasons"].items()
        )
        lines += [f"{triaged['junk']} messages are no dead letters: {reasons}", f"  kept: {junk}"]
    if triaged.get("left"):
        causes = counted(triaged["causes"])
        lines += [f"{triaged['left']} receipts of letters could not be recorded: {causes}"]
    return lines


def run_text(run: Run, output: Mapping[str, Any]) -> str:
    """The message on a redrive or discard that ended; `output` is that of its report."""
    counts = output.get("counts", {})
    lines = [
        f"{run.request.action} of {run.request.stage}: {output['outcome']}",
        f"asked by {quoted(run.request.started_by)}: {_reason(run)}",
        *([f"approved by {quoted(output['approver'])}"] if output.get("approver") else []),
        *([f"cause: {plain(output['cause'], _MESSAGE)}"] if output.get("cause") else []),
        "letters: " + (", ".join(f"{n} {fate}" for fate, n in counts.items()) or "none"),
        f"seconds: {output['seconds']}",
        f"report: {output['report']}",
    ]
    return "\n".join(lines)


def approval_text(
    run: Run, *, token: str, plan_hash: str, summary: Mapping[str, Any], uri: str
) -> str:
    """A plan, with the exact commands to approve it and to refuse."""
    answers = {
        decision: json.dumps({"approved": approved, "approver": "YOUR NAME", "hash": plan_hash})
        for decision, approved in (("approve", True), ("refuse", False))
    }
    commands = "\n\n".join(
        f"To {decision}:\naws stepfunctions send-task-success --task-token '{token}' "
        f"--task-output '{answer}'"
        for decision, answer in answers.items()
    )
    return (
        f"{quoted(run.request.started_by)} wants to {run.request.action} {summary['letters']} dead "
        f"letters of {run.request.stage}: {_reason(run)}\n\nplan: {uri}\nhash: {plan_hash}\n\n{commands}\n\n"
        "Without an answer within a day it is refused.\n\n"
        # ASCII, in which whatever hides or moves others is escaped.
        f"{within(json.dumps(shown_names(summary), indent=2).splitlines(), _SUMMARY_BYTES)}"
    )


def _reason(run: Run) -> str:
    return quoted(run.request.reason, _MESSAGE) if run.request.reason else "no reason given"
