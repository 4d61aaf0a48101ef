"""How a deployment is, in one word, and the commands that come next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from console.deployed.alarms import Alarm
from console.deployed.executions import Execution, Progress
from console.deployed.groups import Group
from eventing.cause import OWN_FAULT
from eventing.dead_letter import STAGES

Health = Literal["healthy", "needs attention", "unhealthy"]

# Alarms on what waits for a person, while events flow. All others are on what stops or slows the flow.
_ATTENTION = (
    *("attention", "old-dead-letters", "redrive-failed", "redrive-long", "publishers-impaired"),
    *("publisher-keys-overdue", "erasures-impaired", "erased-sent-again"),
    *("receipts-missing", "inquiry-impaired", "yesterday-unproven"),
    *("archive-impaired", "archive-undelivered"),
    *("macie-off", "macie-job-stopped", "macie-run-errors", "macie-run-overdue", "findings-unseen"),
    *("sensitive-data", "sensitive-data-failed"),
)

Under = tuple[Execution, Progress]
"""An execution under way, and how far it is."""


def health(
    alarms: Sequence[Alarm],
    waiting: Sequence[Group],
    parked: Sequence[Group],
    under: Sequence[Under],
) -> Health:
    """`unhealthy` while a notifying alarm on the flow is on; else, `needs attention` while a person must act.

    `waiting` are groups of open letters, `parked` of parked ones, `under` the executions under way.
    """
    if any(not alarm.name.endswith(_ATTENTION) for alarm in alarms):
        return "unhealthy"
    own_fault = any(group.cause in OWN_FAULT for group in waiting)
    asked = any(progress.waits_for_approval for _, progress in under)
    return "needs attention" if alarms or parked or own_fault or asked else "healthy"


def next_commands(
    command: Callable[..., str],
    *,
    alarms: Sequence[Alarm],
    waiting: Sequence[Group],
    parked: Sequence[Group],
    under: Sequence[Under],
) -> list[str]:
    """The commands that come next: for what runs, is open, is parked, or is only alarmed, in this order."""
    found = [
        command("follow", execution.name)
        for execution, _ in under
        if execution.request.get("action") in ("redrive", "discard")
    ]
    if any(progress.waits_for_approval for _, progress in under):
        found.append(command("approvals"))
    open_at = [stage for stage in STAGES if any(group.stage == stage for group in waiting)]
    if not found:
        found += [command("letters", "--stage", stage) for stage in open_at]
    if parked:
        found.append(command("letters", "--parked"))
    alarmed = any(alarm.name in [f"{stage}-dead-letters" for stage in STAGES] for alarm in alarms)
    if alarmed and not found:
        # The alarm is a minute or two behind, at its beginning and at its end; or triage does not work.
        found += [command("status"), command("triage")]
    return found


def next_for(alarm: Alarm, command: Callable[..., str]) -> str:
    """The command that comes next when this alarm is on, or the section of the runbook to open."""
    # This very screen is where somebody is who reads of `status` here.
    if alarm.next and alarm.next != "status":
        return command(*alarm.next.split())
    return f"see {alarm.runbook}" if alarm.runbook else ""
