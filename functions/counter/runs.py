"""Looks at the executions of the state machine: which failed, and which have been at it for long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient

# Long enough that no failure falls between two looks.
_RECENT = timedelta(minutes=5)
# Faults of an input and of the moment: whoever started the execution reads of them in its answer.
_REFUSALS = ("InvalidInput", "Locked", "PlanChanged")
# What waits for an answer of operators does so in a task of this kind (Step Functions, "Wait for a
# Callback with Task Token").
_WAITS = "invoke.waitForTaskToken"
_YOUNG = timedelta(minutes=10)


@dataclass(frozen=True)
class Runs:
    """What there is to tell of executions."""

    failed: int
    """Failed or timed out within the last minutes, refusals left out."""
    seconds: float
    """How long the one that has worked longest has done so; not while it waits for approval."""


def look(client: SFNClient, state_machine_arn: str, now: datetime) -> Runs:
    """Look at the executions there are; raises what the SDK raises."""

    def listed(status: Any) -> list[Any]:
        return list(
            client.list_executions(stateMachineArn=state_machine_arn, statusFilter=status)[
                "executions"
            ]
        )

    ended = [e for e in listed("FAILED") + listed("TIMED_OUT") if now - e["stopDate"] < _RECENT]
    failed = [e for e in ended if not _refused(client, e["executionArn"])]
    working = (_working_since(client, execution, now) for execution in listed("RUNNING"))
    ages = [(now - since).total_seconds() for since in working if since]
    return Runs(len(failed), max(ages, default=0.0))


def _refused(client: SFNClient, arn: str) -> bool:
    return client.describe_execution(executionArn=arn).get("error") in _REFUSALS


def _working_since(client: SFNClient, execution: Any, now: datetime) -> datetime | None:
    """Since when it has had nobody to wait for; None while it waits."""
    started: datetime = execution["startDate"]
    if now - started < _YOUNG:
        return started
    events: list[Any] = client.get_execution_history(
        executionArn=execution["executionArn"], reverseOrder=True, maxResults=1000
    )["events"]
    for event in events:
        details: list[Any] = [value for value in event.values() if isinstance(value, dict)]
        if any(detail.get("resource") == _WAITS for detail in details):
            answered = event["type"] in ("TaskSucceeded", "TaskFailed", "TaskTimedOut")
            return event["timestamp"] if answered else None
    return started
