"""An execution of the state machine, as its tasks know it, and the objects that it leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from eventing.cause import clip
from eventing.redrive.request import RedriveRequest, read_request
from functions.contract import Objects
from functions.shared.executions import Executions
from functions.shared.operations import run_key


@dataclass(frozen=True)
class Run:
    """An execution with its request."""

    execution: str
    arn: str
    started_at: datetime
    request: RedriveRequest


def plan_key(execution: str) -> str:
    """The key of the object with an execution's plan."""
    return run_key(execution, "plan.json")


def results_key(execution: str, page: int) -> str:
    """The key of the object with what became of a page's letters."""
    return run_key(execution, f"results-{page}.json")


def triage_prefix(execution: str) -> str:
    """The beginning of the keys of the objects with what an execution's triage did."""
    return run_key(execution, "triage-")


def concluded_key(execution: str) -> str:
    """The key of the object that says that nothing more is to be told of an execution."""
    return run_key(execution, Objects.CONCLUDED)


def run_of(task: Mapping[str, Any]) -> Run:
    """The execution in a task's payload."""
    content = {k: v for k, v in task["request"].items() if k != "stages"}
    return Run(
        task["execution"],
        task["execution_arn"],
        datetime.fromisoformat(task["started_at"]),
        read_request(content),
    )


def why_it_ended(task: Mapping[str, Any], executions: Executions) -> str:
    """The status that an execution ended with, and what its operator said on that, if it can be read."""
    status = str(task["status"]).lower().replace("_", " ")
    try:
        # EventBridge tells the status alone.
        said = " ".join(executions.cause(task["execution_arn"]).split())
    except Exception:  # its letters wait for the report, which is worth more than its cause
        said = ""
    ended = f"the execution was {status}"
    return clip(f"{ended}: {said}") if said else ended
