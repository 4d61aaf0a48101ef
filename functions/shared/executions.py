"""The executions of a state machine."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient

Status = Literal["RUNNING", "FAILED", "TIMED_OUT"]
_HISTORY = 1000


@dataclass(frozen=True)
class Execution:
    """An execution; `stopped_at` once it has ended."""

    arn: str
    started_at: datetime
    stopped_at: datetime | None = None


class Executions:
    """The executions of one state machine. The methods raise what the SDK raises."""

    def __init__(self, client: SFNClient, *, state_machine_arn: str) -> None:
        self._client = client
        self._state_machine_arn = state_machine_arn

    def start(self, request: Mapping[str, Any]) -> None:
        """Start one with this input."""
        self._client.start_execution(
            stateMachineArn=self._state_machine_arn, input=json.dumps(request)
        )

    def listed(self, status: Status) -> list[Execution]:
        """The latest with this status, 100 at most."""
        found: Any = self._client.list_executions(
            stateMachineArn=self._state_machine_arn, statusFilter=status
        )["executions"]
        return [Execution(e["executionArn"], e["startDate"], e.get("stopDate")) for e in found]

    def error(self, execution: Execution) -> str | None:
        """The name of the error that it ended with."""
        return self._client.describe_execution(executionArn=execution.arn).get("error")

    def cause(self, arn: str) -> str:
        """What was said when it was stopped, or why it failed; empty when nothing was."""
        return self._client.describe_execution(executionArn=arn).get("cause", "")

    def history(self, execution: Execution) -> Sequence[Mapping[str, Any]]:
        """Its last thousand events, the latest first, as Step Functions gives them."""
        events: Any = self._client.get_execution_history(
            executionArn=execution.arn, reverseOrder=True, maxResults=_HISTORY
        )["events"]
        return events  # type: ignore[no-any-return]
