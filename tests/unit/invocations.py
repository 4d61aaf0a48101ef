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

LOGGERS_OWN = {
    "level", "location", "timestamp", "service", "cold_start", "function_arn", "function_memory_size",
    "function_name", "function_request_id", "xray_trace_id",
}  # fmt: skip
"""Fields that Powertools writes into each line of a log."""


@dataclass
class Context:
    """Lambda's, of an invocation that may take so many seconds."""

    seconds: float
    aws_request_id: str = "invocation"

    def get_remaining_time_in_millis(self) -> int:
        return int(self.seconds * 1000)
