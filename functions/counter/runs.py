"""Looks at the executions of the state machine: which failed, and which have been at it for long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from functions.contract import EXECUTION_REFUSALS
from functions.shared.executions import Execution, Executions

# Long enough that no failure falls between two looks.
_RECENT = timedelta(minutes=5)
# What waits for an approval waits for an execution of the other state machine, in a task of this kind.
_WAITS = "startExecution.sync:2"
_YOUNG = timedelta(minutes=10)


@dataclass(frozen=True)
class Runs:
    """The state of executions, as metrics tell it."""

    failed: int
    """Failed or timed out within the last minutes, refusals left out."""
    seconds: float
    """Age of the one that has worked longest; one that waits for approval has none."""
    running: frozenset[str] = frozenset()
    """The names of those under way."""


def look(executions: Executions, now: datetime) -> Runs:
    """Look at the executions there are; raises what the SDK raises."""
    # Refusals are faults of an input and of the moment: whoever started the execution reads of them.
    ended = [*executions.listed("FAILED"), *executions.listed("TIMED_OUT")]
    recent = [e for e in ended if e.stopped_at and now - e.stopped_at < _RECENT]
    failed = [e for e in recent if executions.error(e) not in EXECUTION_REFUSALS]
    running = executions.listed("RUNNING")
    working = (_working_since(executions, one, now) for one in running)
    ages = [(now - since).total_seconds() for since in working if since]
    names = frozenset(one.arn.rpartition(":")[2] for one in running)
    return Runs(len(failed), max(ages, default=0.0), names)


def _working_since(executions: Executions, execution: Execution, now: datetime) -> datetime | None:
    """Since when it has had nobody to wait for; None while it waits."""
    if now - execution.started_at < _YOUNG:
        return execution.started_at
    for event in executions.history(execution):
        details: list[Any] = [value for value in event.values() if isinstance(value, dict)]
        if any(detail.get("resource") == _WAITS for detail in details):
            answered = event["type"] in ("TaskSucceeded", "TaskFailed", "TaskTimedOut")
            return event["timestamp"] if answered else None
    return execution.started_at
