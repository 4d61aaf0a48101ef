"""The executions of the redrive state machine: started, looked at, stopped."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from console.deployed.aws import error_code
from console.shell.failure import Misuse
from eventing.foreign_text import plain

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient

# Of Step Functions (StartExecution, "name").
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
# The states of workflows/redrive.asl.json that tell how far an execution is.
PLAN_STATE = "Plan"
PAGE_STATE = "Work off a page"
ASK_STATE = "Ask for approval"
# A page of work leaves seven events; the last two are in these.
_LATEST = 20
_PAGE = 100


@dataclass(frozen=True)
class Progress:
    """How far an execution is. Its figures are those of the last page of work, of at most 50 s."""

    state: str | None = None
    """The state it is in, by its name in the state machine."""
    letters: int | None = None
    """How many its plan has; None as long as there is no plan."""
    done: int = 0
    failed: int = 0
    rate: float = 0.0
    """Letters a second."""

    @property
    def waits_for_approval(self) -> bool:
        """True while it is an operator's turn."""
        return self.state == ASK_STATE


@dataclass(frozen=True)
class Execution:
    """An execution, as Step Functions describes it."""

    name: str
    arn: str
    status: str
    started_at: datetime
    stopped_at: datetime | None = None
    request: Mapping[str, Any] = field(default_factory=dict)
    """The input it was started with."""
    output: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None
    cause: str | None = None

    @property
    def is_running(self) -> bool:
        """True until it has ended."""
        return self.status == "RUNNING"


class Executions:
    """Those of one state machine. Its methods raise what the SDK raises."""

    def __init__(self, client: SFNClient, *, state_machine_arn: str) -> None:
        self._client = client
        self.state_machine_arn = state_machine_arn

    def new_name(self, action: str, now: datetime) -> str:
        """A name that no other execution has, and that tells what it is."""
        return f"{action}-{now:%Y%m%d-%H%M%S}-{token_hex(3)}"

    def start(self, name: str, request: Mapping[str, Any]) -> None:
        """Start one under a new name. Asked again by the SDK, it is the one that has begun."""
        try:
            self._client.start_execution(
                stateMachineArn=self.state_machine_arn, name=name, input=json.dumps(request)
            )
        except ClientError as error:
            if error_code(error) != "ExecutionAlreadyExists":
                raise

    def stop(self, name: str, *, cause: str) -> None:
        """Stop one; the state machine's rule then gives up its lock and reopens its letters."""
        self._client.stop_execution(executionArn=self.arn(name), cause=cause)

    def arn(self, name: str) -> str:
        """The ARN of the execution with this name."""
        return f"{self.state_machine_arn.replace(':stateMachine:', ':execution:')}:{name}"

    def name(self, given: str) -> str:
        """The name in an execution's name or ARN; raises `Misuse` for anything else."""
        name = given.removeprefix(self.arn(""))
        if not _NAME.fullmatch(name):
            raise Misuse(
                f"{plain(given)} is no name of an execution: `eventing status` lists them."
            )
        return name

    def describe(self, name: str) -> Execution:
        """The execution; raises `Misuse` when there is none of this name."""
        try:
            found: Any = self._client.describe_execution(executionArn=self.arn(name))
        except ClientError as error:
            if error_code(error) != "ExecutionDoesNotExist":
                raise
            raise Misuse(f"There is no execution {name}.") from error
        return Execution(
            name=found["name"],
            arn=found["executionArn"],
            status=found["status"],
            started_at=found["startDate"],
            stopped_at=found.get("stopDate"),
            request=_object(found.get("input")),
            output=_object(found.get("output")),
            error=found.get("error"),
            cause=found.get("cause"),
        )

    def running(self) -> list[str]:
        """The names of those under way, the latest first, 100 at most."""
        found: Any = self._client.list_executions(
            stateMachineArn=self.state_machine_arn, statusFilter="RUNNING", maxResults=_PAGE
        )
        return [entry["name"] for entry in found["executions"]]

    def progress(self, name: str, *, letters: int | None = None) -> Progress:
        """How far it is; `letters` is what an earlier look has found its plan to have."""
        state, position = None, None
        for event in self._latest(name):
            if state is None and "stateEnteredEventDetails" in event:
                state = event["stateEnteredEventDetails"]["name"]
            exited = event.get("stateExitedEventDetails", {})
            if exited.get("name") == PAGE_STATE:
                position = _object(exited.get("output")).get("position")
                break
        if letters is None:
            letters = self._planned(name)
        taken = position if isinstance(position, Mapping) else {}
        return Progress(
            state=state,
            letters=letters,
            done=int(taken.get("next", 0)),
            failed=int(taken.get("failed", 0)),
            rate=float(taken.get("rate", 0)),
        )

    def left(self, name: str, state: str) -> Mapping[str, Any]:
        """What came out of a state when it was left for the last time; empty when it never was."""
        found: Mapping[str, Any] = {}
        for event in self._whole_history(name):
            exited = event.get("stateExitedEventDetails", {})
            if exited.get("name") == state:
                found = _object(exited.get("output"))
        return found

    def _planned(self, name: str) -> int | None:
        for event in self._whole_history(name):
            exited = event.get("stateExitedEventDetails", {})
            if exited.get("name") == PLAN_STATE:
                payload = _object(exited.get("output")).get("Payload", {})
                return int(payload["count"]) if "count" in payload else None
        return None

    def _latest(self, name: str) -> list[Any]:
        found: Any = self._client.get_execution_history(
            executionArn=self.arn(name), reverseOrder=True, maxResults=_LATEST
        )
        return list(found["events"])

    def _whole_history(self, name: str) -> Iterator[Any]:
        request: dict[str, Any] = {"executionArn": self.arn(name), "maxResults": _PAGE}
        while True:
            page: Any = self._client.get_execution_history(**request)
            yield from page["events"]
            if not page.get("nextToken"):
                return
            request["nextToken"] = page["nextToken"]


def _object(text: str | None) -> Mapping[str, Any]:
    """The JSON object in a text; an empty one for anything else, as an input may be."""
    try:
        content = json.loads(text or "{}")
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
