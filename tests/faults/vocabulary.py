"""The faults that a call of AWS can have, and AWS's words for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Service = Literal["dynamodb", "s3", "sqs", "sns"]

Fault = Literal[
    "throttle",
    "denied",
    "missing",
    "500",
    "unreachable",
    "timeout",
    "hang",
    "killed",
    "done-then-killed",
    "done-then-timeout",
]
"""AWS refuses the call (`throttle`, `denied`, `missing`, `500`); it can't be reached; its answer doesn't
come (`timeout` at once, `hang` when the test lets go); the process dies (`killed`). `done-then-...`: AWS
does what it was asked before that."""


class Killed(BaseException):
    """The process died just now."""


@dataclass(frozen=True)
class Call:
    """One HTTP request of the SDK."""

    service: Service
    operation: str
    target: str
    """The table, bucket, queue or topic."""
    number: int
    """How often this operation has been sent to this target, this time included."""


@dataclass(frozen=True)
class Refusal:
    """AWS's answer to a call that it refuses."""

    status: int
    code: str


REFUSALS: dict[Fault, dict[Service, Refusal]] = {
    "throttle": {
        "dynamodb": Refusal(400, "ThrottlingException"),
        "s3": Refusal(400, "SlowDown"),
        "sqs": Refusal(400, "RequestThrottled"),
        "sns": Refusal(400, "Throttled"),
    },
    "denied": {
        "dynamodb": Refusal(403, "AccessDeniedException"),
        "s3": Refusal(403, "AccessDenied"),
        "sqs": Refusal(403, "AccessDenied"),
        "sns": Refusal(403, "AuthorizationError"),
    },
    "missing": {
        "dynamodb": Refusal(404, "ResourceNotFoundException"),
        "s3": Refusal(404, "NoSuchBucket"),
        "sqs": Refusal(404, "AWS.SimpleQueueService.NonExistentQueue"),
        "sns": Refusal(404, "NotFound"),
    },
    "500": {
        "dynamodb": Refusal(500, "InternalError"),
        "s3": Refusal(500, "InternalError"),
        "sqs": Refusal(500, "InternalError"),
        "sns": Refusal(500, "InternalError"),
    },
}


@dataclass(frozen=True)
class EntryRefusal:
    """AWS's answer about one entry of a batch that it refuses, while it takes the others."""

    code: str
    sender_fault: bool = False


# A refusal that the answer doesn't tell of.
LEFT_OUT = EntryRefusal("")

Faults = Callable[[Call], Fault | None]
"""Decides what happens to a call; None: it goes through."""
EntryFaults = Callable[[str, str], EntryRefusal | None]
"""Decides by target and text (or key) what happens to an entry of a batch; None: it is taken."""


def nothing(call: Call) -> None:
    """No fault at all."""


def no_entry(target: str, text: str) -> None:
    """No entry of a batch is refused."""
