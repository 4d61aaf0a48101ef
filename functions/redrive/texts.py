"""The texts of the messages that operators get."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from eventing.dead_letter import Stage
from eventing.redrive.junk import JunkKind
from functions.redrive.run import Run


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
    lines = [
        f"{counted(letters, 'event')} {'waits' if letters == 1 else 'wait'} as "
        f"{'a dead letter' if letters == 1 else 'dead letters'} of {stage}, "
        f"with {counted(root_causes, 'root cause')}:",
        "",
    ]
    for group in groups:
        lines += [
            f"{group['letters']} x {group['cause']} at {group['step']}: {group['message']}",
            f"  topics: {_counts(group['topics'])}; publishers: {_counts(group['publishers'])}",
            f"  types: {_counts(group['types'])}",
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
        causes = _counts(triaged["causes"])
        receipts = counted(triaged["left"], "receipt")
        lines += [f"{receipts} of letters could not be recorded: {causes}"]
    return lines


def run_text(run: Run, output: Mapping[str, Any]) -> str:
    """The message on a redrive or discard that ended; `output` is that of its report."""
    counts = output.get("counts", {})
    lines = [
        f"{run.request.action} of {run.request.stage}: {output['outcome']}",
        f"asked by {run.request.started_by}: {run.request.reason or 'no reason given'}",
        *([f"approved by {output['approver']}"] if output.get("approver") else []),
        *([f"cause: {output['cause']}"] if output.get("cause") else []),
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
        f"{run.request.started_by} wants to {run.request.action} {summary['letters']} dead "
        f"letters of {run.request.stage}: {run.request.reason or 'no reason given'}\n\n"
        f"{json.dumps(summary, indent=2)}\n\nplan: {uri}\nhash: {plan_hash}\n\n{commands}\n\n"
        "Without an answer within a day it is refused."
    )


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {n}" for name, n in counts.items())
