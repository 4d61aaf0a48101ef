"""What is done to a publisher: asked of the state machine that changes publishers, and awaited."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eventing.foreign_text import plain
from eventing.input import MAX_NAME
from eventing.publishers.request import MAX_REASON
from eventing.sensitive_data.decision import Choice
from functions.contract import Refusal
from functions.shared.executions import Executions

# An execution that failed is begun anew, so often in all.
_ATTEMPTS = 3
# Looks at one execution, with waits of 1, 2, 4 ... seconds between them: a quarter of an hour.
_LOOKS = 35
_LONGEST_WAIT_SECONDS = 30

Position = Mapping[str, int]
"""Which attempt it is, and how often it was looked at, each from 0."""


class Measures:
    """Suspends and throttles by executions in the primary region, each with a name of its own.

    Done again with the same position it finds the execution that it began before.
    """

    def __init__(self, changes: Executions) -> None:
        self._changes = changes

    def take(
        self,
        *,
        name: str,
        publisher: str,
        choice: Choice,
        reason: str,
        by: str,
        position: Position,
    ) -> dict[str, Any]:
        """Begin what was chosen, or look how far it is.

        `done` says that it is over, one way or another; until then it is to be called again with `position`
        in `wait` seconds. Raises what the SDK raises.
        """
        if choice.measure == "quarantine":
            return _over("done")
        attempt, looks = position["attempt"], position["looks"]
        execution = f"{name}-{attempt + 1}"
        if looks == 0:
            request: dict[str, Any] = {
                "action": choice.measure,
                "name": publisher,
                "reason": plain(reason, MAX_REASON),
                "started_by": plain(by, MAX_NAME),
            }
            if choice.rate_per_second is not None:
                request["limits"] = {"rate_per_second": choice.rate_per_second}
            self._changes.start(request, name=execution)
            return _again(attempt, 1, wait=1)
        ended = self._changes.ended(execution)
        if ended is None:
            if looks >= _LOOKS:
                return _over("not ended", f"{execution} takes too long; it goes on")
            wait = min(_LONGEST_WAIT_SECONDS, 2 ** (looks - 1))
            return _again(attempt, looks + 1, wait=wait)
        if ended.error == "SUCCEEDED":
            failures = ended.output.get("failures", [])
            return _over(str(ended.output.get("outcome", "done")), failures=failures)
        if ended.error == Refusal.INVALID_INPUT or attempt + 1 >= _ATTEMPTS:
            return _over("failed", f"{ended.error}: {plain(ended.cause)}")
        return _again(attempt + 1, 0, wait=1)


def _again(attempt: int, looks: int, *, wait: int) -> dict[str, Any]:
    return {"done": False, "wait": wait, "position": {"attempt": attempt, "looks": looks}}


def _over(outcome: str, cause: str = "", failures: Any = ()) -> dict[str, Any]:
    return {
        "done": True,
        "wait": 0,
        "outcome": outcome,
        "cause": cause,
        "failures": list(failures),
        "position": {"attempt": 0, "looks": 0},
    }
