"""An execution of the state machine, as its tasks know it, and the objects that it leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from eventing.redrive.request import RedriveRequest, read_request
from functions.shared.operations import run_key


@dataclass(frozen=True)
class Run:
    """An execution with its request."""

    execution: str
    arn: str
    started_at: datetime
    request: RedriveRequest

    @property
    def plan_key(self) -> str:
        """Of the object with its plan."""
        return plan_key(self.execution)

    @property
    def concluded_key(self) -> str:
        """Of the object that says that nothing more is to be told of it."""
        return concluded_key(self.execution)

    def results_key(self, page: int) -> str:
        """Of the object with what became of a page's letters."""
        return run_key(self.execution, f"results-{page}.json")

    @property
    def triage_prefix(self) -> str:
        """Of the objects with what its triage did."""
        return run_key(self.execution, "triage-")


def plan_key(execution: str) -> str:
    """See `Run.plan_key`."""
    return run_key(execution, "plan.json")


def concluded_key(execution: str) -> str:
    """See `Run.concluded_key`."""
    return run_key(execution, "concluded.json")


def run_of(task: Mapping[str, Any]) -> Run:
    """The execution in a task's payload."""
    content = {k: v for k, v in task["request"].items() if k != "stages"}
    return Run(
        task["execution"],
        task["execution_arn"],
        datetime.fromisoformat(task["started_at"]),
        read_request(content),
    )
