"""How far an execution is, by what it has said and by the letters that it has still to take up."""

from __future__ import annotations

from dataclasses import replace

from console.deployed.deployment import Deployment
from console.deployed.executions import PAGE_STATE, Execution, Progress
from console.shell.failure import Misuse
from console.shell.options import checked
from eventing.timestamps import timestamp

# To count so many letters of the index once takes about a thousand read units.
_COUNTED = 10_000


def progress_of(
    deployment: Deployment, execution: Execution, *, letters: int | None = None
) -> Progress:
    """How far it is; `letters` is what an earlier look has found its plan to have.

    A page of work says how far it is when it ends. Until then the letters that are left are counted, where
    they are few and the plan has all that its filter selects.
    """
    progress = deployment.executions.progress(execution.name, letters=letters)
    if progress.state != PAGE_STATE or not 0 < (progress.letters or 0) <= _COUNTED:
        return progress
    try:
        request = checked(execution.request)
    except Misuse:
        return progress  # an input of another version than this command
    wanted = request.filter
    if request.limit or wanted.letter_ids:
        return progress
    # What fails again fails later than the execution began.
    began = timestamp(execution.started_at)
    wanted = replace(wanted, failed_before=min(began, wanted.failed_before or began))
    left = deployment.ledger.count(request.stages, ("open", "redriving"), wanted)
    return replace(progress, done=max(progress.done, (progress.letters or 0) - left))
