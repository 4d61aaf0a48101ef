"""The faults that a call of AWS can have, and AWS's words for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Service = Literal[
    "apigateway",
    "dynamodb",
    "firehose",
    "lambda",
    "macie2",
    "monitoring",
    "s3",
    "sqs",
    "sns",
    "states",
]
"""As in the host names of AWS."""

Fault = Literal[
    "throttle",
    "denied",
    "missing",
    "too-large",
    "500",
    "unreachable",
    "timeout",
    "hang",
    "killed",
    "done-then-killed",
    "done-then-timeout",
]
"""AWS refuses the call (`throttle`, `denied`, `missing`, `too-large`, `500`); it can't be reached; its
answer doesn't come (`timeout` at once, `hang` when the test lets go); the process dies (`killed`).
`done-then-...`: AWS does what it was asked before that."""


class Killed(BaseException):
    """The process died just now."""


@dataclass(frozen=True)
class Call:
    """One HTTP request of the SDK."""

    service: str
    operation: str
    target: str
    """The table, bucket, queue or topic; empty where it is not looked for."""
    number: int
    """How often this operation has been sent to this target, this time included."""
    body: str = ""


@dataclass(frozen=True)
class Refusal:
    """AWS's answer to a call that it refuses."""

    status: int
    code: str


_REFUSALS: dict[Fault, Refusal] = {
    "throttle": Refusal(400, "ThrottlingException"),
    "denied": Refusal(403, "AccessDeniedException"),
    "missing": Refusal(404, "ResourceNotFoundException"),
    "too-large": Refusal(400, "ValidationException"),
    "500": Refusal(500, "InternalError"),
}
# Services that have words of their own.
_OWN: dict[tuple[Fault, str], Refusal] = {
    ("throttle", "apigateway"): Refusal(429, "TooManyRequestsException"),
    ("throttle", "firehose"): Refusal(503, "ServiceUnavailableException"),
    ("throttle", "s3"): Refusal(503, "SlowDown"),
    ("throttle", "sqs"): Refusal(400, "RequestThrottled"),
    ("throttle", "sns"): Refusal(429, "Throttled"),
    ("denied", "s3"): Refusal(403, "AccessDenied"),
    ("denied", "sqs"): Refusal(403, "AccessDenied"),
    ("denied", "sns"): Refusal(403, "AuthorizationError"),
    ("missing", "s3"): Refusal(404, "NoSuchBucket"),
    ("missing", "sqs"): Refusal(400, "AWS.SimpleQueueService.NonExistentQueue"),
    ("missing", "sns"): Refusal(404, "NotFound"),
    ("too-large", "s3"): Refusal(400, "EntityTooLarge"),
    ("too-large", "sqs"): Refusal(400, "AWS.SimpleQueueService.BatchRequestTooLong"),
    ("too-large", "sns"): Refusal(400, "BatchRequestTooLong"),
}


def refusal(fault: Fault, service: str) -> Refusal | None:
    """The answer of a service that refuses a call; None: this fault is no refusal."""
    return _OWN.get((fault, service)) or _REFUSALS.get(fault)


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
