"""Calls the task that a state machine names, and logs how it went."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools import Logger

from eventing.cause import DependencyDown, naming_dependencies
from eventing.input import InvalidInput


def call_task(
    tasks: Mapping[str, Callable[..., Any]],
    task: Mapping[str, Any],
    *,
    logger: Logger,
    told: Callable[[Any], Mapping[str, Any]],
    refusals: tuple[type[Exception], ...] = (InvalidInput,),
) -> Any:
    """The result of the one of `tasks` that the member `task` names; raises ValueError where there is none.

    Logged are names, and of a result what `told` gives. `refusals` are operators' errors and what is refused
    to them: no failure of ours.
    """
    name, execution = task["task"], task.get("execution")
    if name not in tasks:
        raise ValueError(f"there is no task {name!r}")
    try:
        with naming_dependencies():
            result = tasks[name](task)
    except refusals as refusal:
        logger.info(name, execution=execution, refused=type(refusal).__name__)
        raise
    except DependencyDown as down:
        resource, code = down.cause.resource, down.cause.code
        logger.error(name, execution=execution, resource=resource, code=code)
        raise
    logger.info(name, execution=execution, **told(result))
    return result
