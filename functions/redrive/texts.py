"""The mails that triage and redrive send to operators."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from eventing.dead_letter import USERS, Stage
from eventing.foreign_text import name_counts, plain, quoted, shown_names, within
from eventing.mail import Command, Mail
from eventing.redrive.junk import JunkKind
from eventing.redrive.plan import Plan
from eventing.words import counted
from functions.redrive.run import Run

# Characters of a message or a reason, and of a name in a subject; bytes of a plan's groups.
_MESSAGE, _NAME, _GROUPS_BYTES, _SUMMARY_BYTES = 300, 30, 6 * 1024, 6 * 1024


def no_letters(number: int) -> str:
    """A number of messages that are junk."""
    return f"{counted(number, 'message')} {'is no dead letter' if number == 1 else 'are no dead letters'}"


def incident_mail(
    stage: Stage,
    *,
    letters: int,
    root_causes: int,
    groups: Sequence[Mapping[str, Any]],
    triaged: Mapping[str, Any],
    junk: str,
    output: Mapping[str, Any],
) -> Mail:
    """The mail on what triage has found at a stage.

    `groups` are the largest of the letters that wait, as a report has them; `triaged` is what this triage
    has done; `junk` is where that is kept; `output` is that of the report.
    """
    notes = [*_parked_text(output), f"report: {output['report']}"]
    not_in_ledger = _not_in_ledger(triaged, junk)
    if letters:
        first = (
            f"{counted(letters, 'event')} {'waits' if letters == 1 else 'wait'} as "
            f"{'a dead letter' if letters == 1 else 'dead letters'} of {stage}, "
            f"with {counted(root_causes, 'root cause')}."
        )
        plan: Command = ("plan", "--stage", stage, "--fingerprint", groups[0]["fingerprint"])
        return Mail(
            subject=f"{counted(letters, 'dead letter')} at {stage}{_why(groups, root_causes)}",
            first=first,
            users=USERS[stage],
            next=(("letters", "--stage", stage), plan, *_parked_commands(output)),
            section="letters",
            details=[*notes, *not_in_ledger, "", *_groups_text(groups)],
        )
    found = triaged.get("junk", 0)
    what = no_letters(found) if found else "dead letters could not be recorded"
    return Mail(
        subject=f"{what} at {stage}",
        first=f"{what[0].upper()}{what[1:]} at {stage}.",
        next=(("junk",) if found else ("triage",), *_parked_commands(output)),
        section="junk" if found else "triage",
        details=[*not_in_ledger, *notes],
    )


def _why(groups: Sequence[Mapping[str, Any]], root_causes: int) -> str:
    """The largest root cause in a subject: its code, its topic, and how many others there are."""
    topics = [name for name in groups[0]["topics"] if name != "none"]
    where = f", topic {quoted(topics[0], _NAME)}" if topics else ""
    more = f" and {len(topics) - 1} more" if len(topics) > 1 else ""
    others = f"; and {counted(root_causes - 1, 'other cause')}" if root_causes > 1 else ""
    return f": {plain(groups[0]['cause'], _NAME)}{where}{more}{others}"


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


def _not_in_ledger(triaged: Mapping[str, Any], junk: str) -> list[str]:
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


def _parked_text(output: Mapping[str, Any]) -> list[str]:
    """A line on the parked letters of each stage that has any, by the output of a report."""
    return [
        f"{counted(parked['letters'], 'letter')} of {stage} {'is' if parked['letters'] == 1 else 'are'} "
        f"parked, since {parked['failed_first']}; the first is gone for good at {parked['first_expires_at']}"
        for stage, parked in output.get("parked", {}).items()
    ]


def _parked_commands(output: Mapping[str, Any]) -> list[Command]:
    return [("letters", "--parked", "--ids")] if output.get("parked") else []


def run_mail(run: Run, output: Mapping[str, Any]) -> Mail:
    """The mail on a redrive or discard that ended; `output` is that of its report."""
    action, outcome = run.request.action, output["outcome"]
    counts = output.get("counts", {})
    became = ", ".join(f"{n} {fate}" for fate, n in counts.items())
    left = output.get("not_taken_up")
    so_far = ", ".join([*([became] if became else []), *([f"{left} left"] if left else [])])
    cause = plain(output["cause"], _MESSAGE) if output.get("cause") else ""
    advice, next, section = _after(run, output)
    return Mail(
        subject=": ".join(filter(None, [f"{action} {outcome}", so_far, cause])),
        first=f"{action} of {run.request.stage}: {outcome}{advice}.",
        next=[*next, *_parked_commands(output)],
        section=section,
        details=[
            *([f"cause: {cause}"] if cause else []),
            f"letters: {became or 'none'}",
            *([f"left: {left}"] if left else []),
            *(output.get("plan") or {}).get("warnings", ()),
            f"asked by {quoted(run.request.started_by)}: {_reason(run)}",
            *([f"approved by {quoted(output['approver'])}"] if output.get("approver") else []),
            f"seconds: {output['seconds']}",
            f"execution: {run.arn}",
            f"report: {output['report']}",
            *_parked_text(output),
        ],
    )


def _after(run: Run, output: Mapping[str, Any]) -> tuple[str, Sequence[Command], str]:
    """What an operator does after a run that ended like this: advice, commands, the runbook's section."""
    stage = run.request.stage
    plan: Command = ("plan", *(() if stage == "all" else ("--stage", stage)))
    report: Command = ("report", run.execution)
    counts = output.get("counts", {})
    match output["outcome"]:
        case "aborted":
            return "; fix what the cause names, then plan it and start it again", (plan,), "plan"
        case "partial":
            going_on = ("continue", run.execution)
            return (
                "; continue with the letters that are left",
                (going_on,),
                "stop-slow-down-continue",
            )
        case "not approved":
            return (
                "; start it again, and have it approved within a day",
                (plan,),
                "approve-or-refuse",
            )
        case "failed":
            return "; look why, then start it again", (("status",),), "redrive-failed"
        case "changed":
            return "; plan it and start it again", (plan,), "plan"
    if counts.get("failed", 0) + counts.get("parked", 0):
        advice = "; fix what failed_again in the report names, then plan it and start it again"
        return advice, (report, plan), "plan"
    return "", (("status",),), "verify"


def approval_mail(
    run: Run, *, plan: Plan, groups: Sequence[Mapping[str, Any]], uri: str, because: str
) -> Mail:
    """A plan and the groups of its letters, with the commands to approve it and to refuse."""
    plan_hash, summary = plan.hash, plan.summary
    root_causes = len(summary["by_fingerprint"])
    more = root_causes - len(groups)
    others = [f"and {counted(more, 'root cause')} more", ""] if more > 0 else []
    letters = counted(summary["letters"], "dead letter")
    action, stage = run.request.action, run.request.stage
    why = _why(groups, root_causes) if groups else ""
    return Mail(
        subject=f"approve {action} of {counted(len(plan.letters), 'letter')}?{why[1:]}",
        first=f"{quoted(run.request.started_by)} wants to {action} {letters} of {stage}: {_reason(run)}",
        next=[(answer, run.execution) for answer in ("approve", "refuse")],
        section="approve-or-refuse",
        details=[
            "Both take the rights of an approver, and are for somebody else than who asks. "
            "Without an answer within a day it is not approved.",
            f"why it needs an approval: {because}",
            f"execution: {run.arn}",
            f"plan: {uri}",
            f"hash: {plan_hash}",
            "",
            *within(_groups_text(groups), _GROUPS_BYTES).splitlines(),
            *others,
            # ASCII, in which whatever hides or moves others is escaped.
            *within(
                json.dumps(shown_names(summary), indent=2).splitlines(), _SUMMARY_BYTES
            ).splitlines(),
        ],
    )


def _reason(run: Run) -> str:
    return quoted(run.request.reason, _MESSAGE) if run.request.reason else "no reason given"
