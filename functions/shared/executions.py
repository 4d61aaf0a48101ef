"""The executions of a state machine."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

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


@dataclass(frozen=True)
class Ended:
    """How an execution ended: its output, or an error and its cause."""

    output: Mapping[str, Any]
    error: str
    """Its status, of one that ended otherwise; `SUCCEEDED` of one that did not fail."""
    cause: str


class Executions:
    """The executions of one state machine. The methods raise what the SDK raises."""

    def __init__(self, client: SFNClient, *, state_machine_arn: str) -> None:
        self._client = client
        self._state_machine_arn = state_machine_arn

    def start(self, request: Mapping[str, Any], *, name: str | None = None) -> None:
        """Start one with this input; of one with a name there is no second."""
        # Not name=None, which the SDK refuses.
        named: Any = {} if name is None else {"name": name}
        try:
            self._client.start_execution(
                stateMachineArn=self._state_machine_arn, input=json.dumps(request), **named
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                raise

    def ended(self, name: str) -> Ended | None:
        """How the one with this name ended; None while it runs."""
        prefix = self._state_machine_arn.replace(":stateMachine:", ":execution:")
        found: Any = self._client.describe_execution(executionArn=f"{prefix}:{name}")
        if found["status"] == "RUNNING":
            return None
        output = json.loads(found.get("output") or "{}")
        return Ended(output, found.get("error") or found["status"], found.get("cause", ""))

    def is_running(self, arn: str) -> bool:
        """Tell whether an execution is under way; one that nobody knows any more is not."""
        try:
            return self._client.describe_execution(executionArn=arn)["status"] == "RUNNING"
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionDoesNotExist":
                raise
            return False

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
