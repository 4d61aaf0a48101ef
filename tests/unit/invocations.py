"""What all functions meet: the invocation's context, and the causes that faults are noted as."""

from __future__ import annotations

from dataclasses import dataclass

from tests.faults.vocabulary import Fault

CODES: dict[Fault, str] = {
    "throttle": "THROTTLED",
    "timeout": "TIMEOUT",
    "done-then-timeout": "TIMEOUT",
    "denied": "ACCESS_DENIED",
    "500": "UNAVAILABLE",
    "missing": "NOT_FOUND",
    "unreachable": "UNAVAILABLE",
}
"""The cause in a dead letter, by what happened to the call."""


@dataclass
class Context:
    """Lambda's, of an invocation that may take so many seconds."""

    seconds: float
    aws_request_id: str = "invocation"

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)
