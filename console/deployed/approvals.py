"""What waits for an approval: read, and answered, by those who may."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from console.deployed.aws import error_code
from console.deployed.executions import Execution, Executions
from console.deployed.objects import Objects
from console.shell.failure import Failure, Misuse
from eventing.foreign_text import plain

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient

# Of a token that takes no answer: its task was answered, has timed out, was stopped, or was begun anew.
_NO_TASK = ("TaskDoesNotExist", "TaskTimedOut", "InvalidToken")


@dataclass(frozen=True)
class Question:
    """A plan that waits for its answer."""

    execution: str
    run: str
    """The name of the execution that it asks for."""
    request: Mapping[str, Any]
    summary: Mapping[str, Any]
    groups: Sequence[Mapping[str, Any]]
    hash: str
    because: str
    """Why it needs an approval."""
    asked_at: str
    ends_at: str
    tokens: Mapping[str, str] = field(repr=False)
    """By the keys of the objects that have them, the latest first: a task that was begun anew has another."""


class Approvals:
    """The approvals of one kind in one deployment. Its methods raise what the SDK raises.

    `asking` are the executions that ask, each for one of `runs`: of the same name where it asks for letters.
    """

    def __init__(
        self, client: SFNClient, *, asking: Executions, runs: Executions, objects: Objects
    ) -> None:
        self._client = client
        self._asking = asking
        self._runs = runs
        self._objects = objects

    def waiting(self) -> list[Question]:
        """Those that wait for an answer, the latest first."""
        found = [self._read(name) for name in self._asking.running()]
        return [one for one in found if one and self._runs.describe(one.run).is_running]

    def find(self, name: str) -> Question:
        """The one of this execution; raises `Misuse`, which says why none is waited for."""
        found = self._read(name)
        run = self._runs.describe(found.run if found else name)
        if not run.is_running:
            raise Misuse(f"{name} waits for no approval: {self._how_it_ended(name, run)}.")
        outcome = self.outcome(name)
        if outcome is not None:
            raise Misuse(f"{name} waits for no approval: {_told(outcome)}")
        if found is None:
            raise Misuse(f"{name} waits for no approval, or not yet: `eventing approvals` tells.")
        return found

    def answer(self, question: Question, output: Mapping[str, Any]) -> bool:
        """Answer; False when no task takes an answer any more."""
        for token in question.tokens.values():
            try:
                self._client.send_task_success(taskToken=token, output=json.dumps(output))
            except ClientError as error:
                if error_code(error) not in _NO_TASK:
                    raise
            else:
                return True
        return False

    def outcome(self, name: str) -> Mapping[str, Any] | None:
        """What became of the question; None as long as nothing has."""
        try:
            asking = self._asking.describe(name)
        except Misuse:
            return None
        if asking.is_running:
            return None
        return asking.output or {"approved": False, "cause": f"it was {asking.status.lower()}."}

    def _how_it_ended(self, name: str, run: Execution) -> str:
        outcome = self.outcome(name)
        ended = f"it has ended ({plain(run.status.lower())})"
        return f"{ended}; {_told(outcome).removesuffix('.')}" if outcome else ended

    def _read(self, name: str) -> Question | None:
        asked = self._objects.asked(name)
        if not asked:
            return None
        latest = next(iter(asked.values()))
        try:
            return Question(
                execution=name,
                run=latest["execution_arn"].rpartition(":")[2],
                **{
                    member: latest[member]
                    for member in ("request", "summary", "groups", "hash", "because")
                },
                asked_at=latest["asked_at"],
                ends_at=latest["ends_at"],
                tokens={key: content["token"] for key, content in asked.items()},
            )
        except KeyError as error:
            raise Failure(f"{name} was asked by another version than this command.") from error


def _told(outcome: Mapping[str, Any]) -> str:
    if outcome.get("approved"):
        return f"it was approved by {plain(outcome.get('approver'))}."
    return plain(outcome.get("cause") or "it was not approved.")
