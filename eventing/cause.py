"""Causes: why an event could not make its next step, a closed list, and a table from errors to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, get_args

MAX_MESSAGE_BYTES = 1024
# An error of the SDK has the name of what was called as this attribute, or in its answer's metadata.
RESOURCE = "resource"


class Code(StrEnum):
    """The closed list of causes."""

    THROTTLED = "THROTTLED"
    UNAVAILABLE = "UNAVAILABLE"
    TIMEOUT = "TIMEOUT"
    ACCESS_DENIED = "ACCESS_DENIED"
    NOT_FOUND = "NOT_FOUND"
    TOO_LARGE = "TOO_LARGE"
    NO_ROUTE = "NO_ROUTE"
    INVALID = "INVALID"
    CONFLICT = "CONFLICT"
    CRASHED = "CRASHED"
    REGION_LOST = "REGION_LOST"
    UNKNOWN = "UNKNOWN"


Fault = Literal["event", "system"]
"""Who has to change for a letter to get on: its own event, or the system and what that depends on."""
FAULTS: tuple[Fault, ...] = get_args(Fault)
# The event's own: no dependency's recovery ends them.
OWN_FAULT = (Code.INVALID, Code.NO_ROUTE, Code.TOO_LARGE, Code.CONFLICT)
# Causes of a dependency: what was called, and not the event that it was called for.
_OF_A_DEPENDENCY = frozenset(
    {
        Code.THROTTLED,
        Code.UNAVAILABLE,
        Code.TIMEOUT,
        Code.ACCESS_DENIED,
        Code.NOT_FOUND,
        Code.REGION_LOST,
    }
)
# Causes that go away by themselves: the same call may succeed a little later.
_RETRYABLE = frozenset(
    {Code.THROTTLED, Code.UNAVAILABLE, Code.TIMEOUT, Code.CRASHED, Code.REGION_LOST}
)

# Error codes of AWS services and class names of errors, of botocore's, ours and Python's own.
_CODES: dict[str, Code] = {
    **dict.fromkeys(
        (
            "Throttling",
            "ThrottlingError",
            "ThrottlingException",
            "ThrottledException",
            "Throttled",
            "TooManyRequestsException",
            "ProvisionedThroughputExceededException",
            "ProvisionedThroughputExceeded",
            "RequestLimitExceeded",
            "RequestThrottled",
            "BatchRequestTooFrequent",
            "SlowDown",
            "OverLimit",
            "LimitExceededException",
            "KMSThrottling",
            "KmsThrottled",
        ),
        Code.THROTTLED,
    ),
    **dict.fromkeys(
        (
            "InternalServerError",
            "InternalError",
            "InternalErrorException",
            "InternalFailure",
            "ServiceUnavailable",
            "ServiceUnavailableException",
            "Unavailable",
            "TransactionConflict",
            "TransactionConflictException",
            "EndpointConnectionError",
            "ConnectionError",
            "ConnectionClosedError",
            "HTTPClientError",
            "SSLError",
            "ProxyConnectionError",
            "ReplicatedWriteConflictException",
        ),
        Code.UNAVAILABLE,
    ),
    **dict.fromkeys(
        (
            "RequestTimeout",
            "RequestTimeoutException",
            "ReadTimeoutError",
            "ConnectTimeoutError",
            "TimeoutError",
        ),
        Code.TIMEOUT,
    ),
    **dict.fromkeys(
        (
            "AccessDenied",
            "AccessDeniedException",
            "AuthorizationError",
            "AuthorizationErrorException",
            "UnauthorizedOperation",
            "NotAuthorized",
            "UnrecognizedClientException",
            "InvalidClientTokenId",
            "InvalidSecurity",
            "ExpiredToken",
            "ExpiredTokenException",
            "SignatureDoesNotMatch",
            "InvalidToken",
            "KMSAccessDenied",
            "KmsAccessDenied",
            "NoCredentialsError",
        ),
        Code.ACCESS_DENIED,
    ),
    **dict.fromkeys(
        (
            "ResourceNotFoundException",
            "ResourceNotFound",
            "NotFound",
            "NotFoundException",
            "NoSuchBucket",
            "NoSuchKey",
            "TopicNotFound",
            "QueueDoesNotExist",
            "NonExistentQueue",
            "KMSNotFound",
            "KmsNotFound",
            "KMSDisabled",
            "KmsDisabled",
            "KMSInvalidState",
            "KmsInvalidState",
        ),
        Code.NOT_FOUND,
    ),
    **dict.fromkeys(("BatchRequestTooLong", "EntityTooLarge", "TooLarge"), Code.TOO_LARGE),
    "NoRoute": Code.NO_ROUTE,
    **dict.fromkeys(
        (
            "ValidationException",
            "ValidationError",
            "InvalidParameter",
            "InvalidParameterValue",
            "InvalidParameterException",
            "InvalidMessageContents",
            "ParameterValueInvalid",
            "ParamValidationError",
            "InvalidStoredEvent",
        ),
        Code.INVALID,
    ),
    **dict.fromkeys(("DuplicateItem", "ConditionalCheckFailed", "Conflict"), Code.CONFLICT),
    "Crashed": Code.CRASHED,
}
# Of errors that have no code of their own: SNS, DynamoDB and SQS, in this order.
_TOO_LONG = re.compile(
    r"message too long|item size|maximum allowed size|must be shorter than", re.IGNORECASE
)
# What an HTTP status means where the code is none of the table's.
_STATUSES = {
    401: Code.ACCESS_DENIED,
    403: Code.ACCESS_DENIED,
    404: Code.NOT_FOUND,
    413: Code.TOO_LARGE,
    429: Code.THROTTLED,
}
# Errors of botocore whose text quotes what it was called with.
_QUOTING = ("ParamValidationError", "ValidationError")
# Refusals of who calls, whatever is called.
_OF_THE_CALLER = (
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "InvalidSecurity",
    "ExpiredToken",
    "ExpiredTokenException",
    "SignatureDoesNotMatch",
    "InvalidToken",
    "NoCredentialsError",
)
# What differs between two events that fail for the same reason.
_VARIABLE = re.compile(
    r"[0-9a-f]{8}-[0-9a-f-]{27}|\b[0-9A-Z]{26,}\b|\b[0-9a-f]{16,}\b|\d+", re.IGNORECASE
)


@dataclass(frozen=True)
class Cause:
    """A code of the closed list, the class of the error, and a message without any payload."""

    code: Code
    error_class: str
    message: str
    resource: str | None = None
    """What was called: `table`, `bucket`, `topic`, `queue` or the like, and its name."""

    @property
    def of_a_dependency(self) -> bool:
        """True when what was called failed, and would have for any other event."""
        return self.code in _OF_A_DEPENDENCY

    @property
    def family(self) -> str:
        """The kind of error, whichever words a service and an operation have for it."""
        if self.error_class.upper().startswith("KMS"):
            return "key"
        return "caller" if self.error_class in _OF_THE_CALLER else "resource"

    @property
    def reason(self) -> str:
        """What failed, with which code, and what it said."""
        return f"{self.resource}: {self.code}: {self.message}"

    @property
    def retryable(self) -> bool:
        """True when the same call may succeed later without anybody fixing anything."""
        return self.code in _RETRYABLE

    def pattern(self) -> str:
        """The message without the parts that differ from event to event."""
        return _VARIABLE.sub("*", self.message)


UNPROCESSED = Cause(Code.THROTTLED, "UnprocessedKeys", "the table left keys unprocessed")


class DependencyDown(Exception):  # noqa: N818 - the name that a task fails with
    """What was called did not do what it was asked for; the message names it and says why."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause.reason)
        self.cause = cause


@contextmanager
def naming_dependencies() -> Iterator[None]:
    """Raise `DependencyDown` in place of an error of a call that names its resource."""
    try:
        yield
    except DependencyDown:
        raise
    except Exception as error:
        cause = cause_of(error)
        if cause.resource is None:
            raise
        raise DependencyDown(cause) from error


def fault_of(code: str) -> Fault:
    """Whose fault a cause is, by its code."""
    return "event" if code in OWN_FAULT else "system"


def cause_of(error: BaseException) -> Cause:
    """The cause of an error of ours, of Python's or of an AWS SDK (told by its shape, not its class)."""
    if isinstance(error, DependencyDown):
        return error.cause
    response: Any = getattr(error, "response", None)
    resource: str | None = getattr(error, RESOURCE, None)
    if isinstance(response, dict) and isinstance(response.get("Error"), dict):
        code = str(response["Error"].get("Code", ""))
        metadata = response.get("ResponseMetadata") or {}
        return aws_cause(
            code,
            str(response["Error"].get("Message", "")),
            status=metadata.get("HTTPStatusCode", 0),
            resource=metadata.get(RESOURCE),
        )
    for kind in type(error).__mro__:
        if kind.__name__ in _CODES:
            text = "the SDK refuses the parameters" if kind.__name__ in _QUOTING else str(error)
            return Cause(_CODES[kind.__name__], type(error).__name__, clip(text), resource)
    # The text of an unforeseen error may quote the event.
    return Cause(
        Code.UNKNOWN, type(error).__name__, "an error that the table of causes does not know"
    )


def aws_cause(
    code: str,
    message: str,
    *,
    status: int = 0,
    sender_fault: bool | None = None,
    resource: str | None = None,
) -> Cause:
    """The cause that an AWS error code stands for, alone or in an entry of a batch's answer."""
    # SQS and S3 have these before the codes of old: AWS.SimpleQueueService.NonExistentQueue,
    # KMS.DisabledException.
    name = code.removeprefix("AWS.SimpleQueueService.").replace("KMS.", "KMS")
    found = _CODES.get(name) or _CODES.get(name.removesuffix("Exception"))
    if _TOO_LONG.search(message):
        found = Code.TOO_LARGE
    if found is None:
        found = _STATUSES.get(status, Code.UNKNOWN)
        if status >= 500 or sender_fault is False:
            found = Code.UNAVAILABLE
    return Cause(found, code or "Unknown", clip(message), resource)


def clip(message: str) -> str:
    """At most 1 KiB of UTF-8."""
    return message.encode(errors="replace")[:MAX_MESSAGE_BYTES].decode(errors="ignore")
