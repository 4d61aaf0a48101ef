"""Runs an execution of a state machine to its end, for commands whose answer is its output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from console.shell.failure import ExitCode, Failure, Misuse
from eventing.foreign_text import plain

if TYPE_CHECKING:
    from console.deployed.deployment import Deployment
    from console.deployed.executions import Execution, Executions
    from console.shell.screen import Screen
    from console.shell.surroundings import Surroundings


def executed(
    screen: Screen,
    deployment: Deployment,
    surroundings: Surroundings,
    executions: Executions,
    request: Mapping[str, Any],
    *,
    afterwards: str = "",
) -> Execution:
    """The execution with this input when it has succeeded; raises `Failure` where it has not.

    `afterwards` says what it does at its end, for whoever does not wait for that.
    """
    from console.commands.following import until_ended

    name = executions.new_name(str(request["action"]), surroundings.now())
    executions.start(name, request)
    screen.note(f"{request['action']} {name} on {deployment}")
    try:
        ended = until_ended(executions, name, sleep=surroundings.sleep, wait=lambda: None)
    except KeyboardInterrupt:
        raise Failure(
            f"Not followed any more. {name} goes on{afterwards}.", ExitCode.PARTIAL
        ) from None
    if ended.status == "SUCCEEDED":
        return ended
    why = plain(ended.cause or ended.error or ended.status, most=2000)
    raise (Misuse(why) if ended.error == "InvalidInput" else Failure(why))
