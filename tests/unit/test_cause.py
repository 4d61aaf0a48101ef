"""From errors to causes: what AWS services, botocore and the domain raise."""

from __future__ import annotations

from typing import Any

import botocore.exceptions as sdk
import pytest
from botocore.exceptions import ClientError

from eventing.cause import MAX_MESSAGE_BYTES, Cause, Code, aws_cause, cause_of, clip
from eventing.routing import NoRoute


def client_error(operation: str, code: str, status: int, message: str = "") -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, operation)


# As the services answer: operation, error code, HTTP status, message, and the cause that it stands for.
ANSWERS: list[tuple[str, str, int, str, Code]] = [
    # DynamoDB
    ("PutItem", "ProvisionedThroughputExceededException", 400, "", Code.THROTTLED),
    (
        "PutItem",
        "ThrottlingException",
        400,
        "Throughput exceeds the current capacity",
        Code.THROTTLED,
    ),
    ("PutItem", "RequestLimitExceeded", 400, "", Code.THROTTLED),
    ("PutItem", "InternalServerError", 500, "", Code.UNAVAILABLE),
    ("PutItem", "ServiceUnavailable", 503, "", Code.UNAVAILABLE),
    ("PutItem", "TransactionConflictException", 400, "", Code.UNAVAILABLE),
    ("PutItem", "ReplicatedWriteConflictException", 400, "", Code.UNAVAILABLE),
    ("PutItem", "ResourceNotFoundException", 400, "Requested resource not found", Code.NOT_FOUND),
    ("PutItem", "AccessDeniedException", 400, "User: arn is not authorized", Code.ACCESS_DENIED),
    ("PutItem", "UnrecognizedClientException", 400, "The security token is", Code.ACCESS_DENIED),
    ("PutItem", "ExpiredTokenException", 400, "", Code.ACCESS_DENIED),
    (
        "PutItem",
        "ValidationException",
        400,
        "Item size has exceeded the maximum allowed size",
        Code.TOO_LARGE,
    ),
    ("PutItem", "ValidationException", 400, "One or more parameter values", Code.INVALID),
    ("BatchExecuteStatement", "413", 413, "Request Entity Too Large", Code.TOO_LARGE),
    # S3
    ("PutObject", "SlowDown", 503, "Please reduce your request rate.", Code.THROTTLED),
    ("PutObject", "InternalError", 500, "We encountered an internal error", Code.UNAVAILABLE),
    ("PutObject", "503", 503, "Service Unavailable", Code.UNAVAILABLE),
    ("PutObject", "500", 500, "", Code.UNAVAILABLE),
    ("PutObject", "RequestTimeout", 400, "Your socket connection", Code.TIMEOUT),
    ("PutObject", "AccessDenied", 403, "Access Denied", Code.ACCESS_DENIED),
    ("PutObject", "InvalidAccessKeyId", 403, "", Code.ACCESS_DENIED),
    ("PutObject", "InvalidToken", 400, "", Code.ACCESS_DENIED),
    ("PutObject", "ExpiredToken", 400, "", Code.ACCESS_DENIED),
    ("PutObject", "SignatureDoesNotMatch", 403, "", Code.ACCESS_DENIED),
    ("PutObject", "NoSuchBucket", 404, "", Code.NOT_FOUND),
    ("PutObject", "404", 404, "Not Found", Code.NOT_FOUND),
    ("PutObject", "KMS.DisabledException", 400, "", Code.NOT_FOUND),
    ("PutObject", "EntityTooLarge", 400, "", Code.TOO_LARGE),
    # SNS
    ("PublishBatch", "Throttling", 400, "Rate exceeded", Code.THROTTLED),
    ("PublishBatch", "Throttled", 429, "", Code.THROTTLED),
    ("PublishBatch", "KMSThrottling", 400, "", Code.THROTTLED),
    ("PublishBatch", "InternalError", 500, "", Code.UNAVAILABLE),
    ("PublishBatch", "InternalFailure", 500, "", Code.UNAVAILABLE),
    ("PublishBatch", "AuthorizationError", 403, "not authorized to perform", Code.ACCESS_DENIED),
    ("PublishBatch", "InvalidClientTokenId", 403, "", Code.ACCESS_DENIED),
    ("PublishBatch", "KMSAccessDenied", 400, "", Code.ACCESS_DENIED),
    ("PublishBatch", "NotFound", 404, "Topic does not exist", Code.NOT_FOUND),
    ("PublishBatch", "KMSDisabled", 400, "", Code.NOT_FOUND),
    ("PublishBatch", "KMSInvalidState", 400, "", Code.NOT_FOUND),
    ("PublishBatch", "BatchRequestTooLong", 400, "", Code.TOO_LARGE),
    ("Publish", "InvalidParameter", 400, "Invalid parameter: Message too long", Code.TOO_LARGE),
    ("Publish", "InvalidParameter", 400, "Invalid parameter: TopicArn", Code.INVALID),
    ("Publish", "ParameterValueInvalid", 400, "", Code.INVALID),
    # SQS
    ("SendMessageBatch", "RequestThrottled", 403, "", Code.THROTTLED),
    ("SendMessageBatch", "KmsThrottled", 400, "", Code.THROTTLED),
    ("SendMessageBatch", "KMS.ThrottlingException", 400, "", Code.THROTTLED),
    ("ReceiveMessage", "OverLimit", 403, "", Code.THROTTLED),
    ("SendMessageBatch", "ServiceUnavailable", 503, "", Code.UNAVAILABLE),
    ("SendMessageBatch", "AccessDenied", 403, "", Code.ACCESS_DENIED),
    ("SendMessageBatch", "InvalidSecurity", 403, "", Code.ACCESS_DENIED),
    ("SendMessageBatch", "KMS.AccessDeniedException", 400, "", Code.ACCESS_DENIED),
    (
        "SendMessageBatch",
        "AWS.SimpleQueueService.NonExistentQueue",
        400,
        "The specified queue does not exist.",
        Code.NOT_FOUND,
    ),
    ("SendMessageBatch", "QueueDoesNotExist", 400, "", Code.NOT_FOUND),
    ("SendMessageBatch", "KmsNotFound", 400, "", Code.NOT_FOUND),
    ("SendMessageBatch", "AWS.SimpleQueueService.BatchRequestTooLong", 400, "", Code.TOO_LARGE),
    (
        "SendMessage",
        "InvalidParameterValue",
        400,
        "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.",
        Code.TOO_LARGE,
    ),
    ("SendMessage", "InvalidParameterValue", 400, "Value is invalid", Code.INVALID),
    ("SendMessage", "InvalidMessageContents", 400, "", Code.INVALID),
    # none that the table knows
    ("PutItem", "SomethingNew", 400, "", Code.UNKNOWN),
    ("PutItem", "SomethingNew", 500, "", Code.UNAVAILABLE),
    ("PutItem", "SomethingNew", 503, "", Code.UNAVAILABLE),
    ("PutItem", "SomethingNew", 401, "", Code.ACCESS_DENIED),
    ("PutItem", "SomethingNew", 429, "", Code.THROTTLED),
    ("PutItem", "", 400, "", Code.UNKNOWN),
]


@pytest.mark.parametrize(("operation", "code", "status", "message", "expected"), ANSWERS)
def test_answers_of_services(
    operation: str, code: str, status: int, message: str, expected: Code
) -> None:
    cause = cause_of(client_error(operation, code, status, message))
    assert cause == Cause(expected, code or "Unknown", message)


# Further words for the same, which services, their older protocols and the SDK have.
WORDS: dict[Code, tuple[str, ...]] = {
    Code.THROTTLED: (
        "BatchRequestTooFrequent", "LimitExceededException", "ThrottledException",
        "TooManyRequestsException",
    ),
    Code.UNAVAILABLE: (
        "ConnectionError", "InternalErrorException", "ServiceUnavailableException", "Unavailable",
    ),
    Code.TIMEOUT: ("RequestTimeoutException",),
    Code.ACCESS_DENIED: (
        "AuthorizationErrorException", "KmsAccessDenied", "NotAuthorized", "UnauthorizedOperation",
    ),
    Code.NOT_FOUND: (
        "KMSNotFound", "KmsDisabled", "KmsInvalidState", "NoSuchKey", "NotFoundException",
        "TopicNotFound",
    ),
    Code.INVALID: ("InvalidParameterException", "InvalidStoredEvent"),
    Code.TOO_LARGE: ("TooLarge",),
    Code.CONFLICT: ("Conflict",),
    Code.CRASHED: ("Crashed",),
}  # fmt: skip


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [
        *((code, message, expected) for _, code, _, message, expected in ANSWERS
          if code and not code.isdigit() and code not in ("SomethingNew", "InvalidAccessKeyId")),
        *((word, "", code) for code, words in WORDS.items() for word in words),
    ],
)  # fmt: skip
def test_a_word_says_it_without_a_status(code: str, message: str, expected: Code) -> None:
    assert aws_cause(code, message) == Cause(expected, code, message)


# As entries of batches have them: no status, and SNS and SQS say whose fault it is.
ENTRIES: list[tuple[str, str, bool | None, Code]] = [
    ("ProvisionedThroughputExceeded", "", None, Code.THROTTLED),
    ("ThrottlingError", "", None, Code.THROTTLED),
    ("RequestLimitExceeded", "", None, Code.THROTTLED),
    ("InternalServerError", "", None, Code.UNAVAILABLE),
    ("TransactionConflict", "", None, Code.UNAVAILABLE),
    ("ResourceNotFound", "", None, Code.NOT_FOUND),
    ("AccessDenied", "", None, Code.ACCESS_DENIED),
    ("ValidationError", "The statement is faulty", None, Code.INVALID),
    ("ValidationError", "Item size has exceeded the maximum allowed size", None, Code.TOO_LARGE),
    ("ConditionalCheckFailed", "", None, Code.CONFLICT),
    ("DuplicateItem", "", None, Code.CONFLICT),
    ("InternalError", "", False, Code.UNAVAILABLE),
    ("SomethingNew", "", False, Code.UNAVAILABLE),
    ("SomethingNew", "", True, Code.UNKNOWN),
    ("SomethingNew", "", None, Code.UNKNOWN),
    # The code says more than whose fault it is.
    ("AuthorizationError", "", False, Code.ACCESS_DENIED),
]


@pytest.mark.parametrize(("code", "message", "sender_fault", "expected"), ENTRIES)
def test_entries_of_batches(
    code: str, message: str, sender_fault: bool | None, expected: Code
) -> None:
    cause = aws_cause(code, message, sender_fault=sender_fault)
    assert cause == Cause(expected, code, message)


URL = "https://sns.eu-north-1.amazonaws.com/"
RAISED: list[tuple[BaseException, Code]] = [
    (sdk.ReadTimeoutError(endpoint_url=URL), Code.TIMEOUT),
    (sdk.ConnectTimeoutError(endpoint_url=URL), Code.TIMEOUT),
    (TimeoutError("no answer"), Code.TIMEOUT),
    (sdk.EndpointConnectionError(endpoint_url=URL), Code.UNAVAILABLE),
    (sdk.ConnectionClosedError(endpoint_url=URL), Code.UNAVAILABLE),
    (sdk.SSLError(endpoint_url=URL, error=Exception("handshake")), Code.UNAVAILABLE),
    (sdk.ProxyConnectionError(proxy_url=URL), Code.UNAVAILABLE),
    (sdk.HTTPClientError(error="broken"), Code.UNAVAILABLE),
    (ConnectionResetError("reset"), Code.UNAVAILABLE),
    (sdk.NoCredentialsError(), Code.ACCESS_DENIED),
    (NoRoute("no topic takes it"), Code.NO_ROUTE),
]


@pytest.mark.parametrize(("error", "expected"), RAISED, ids=[type(e).__name__ for e, _ in RAISED])
def test_what_is_raised(error: BaseException, expected: Code) -> None:
    assert cause_of(error) == Cause(expected, type(error).__name__, str(error))


def test_the_list_of_codes_is_closed() -> None:
    assert [code.value for code in Code] == [
        "THROTTLED",
        "UNAVAILABLE",
        "TIMEOUT",
        "ACCESS_DENIED",
        "NOT_FOUND",
        "TOO_LARGE",
        "NO_ROUTE",
        "INVALID",
        "CONFLICT",
        "CRASHED",
        "REGION_LOST",
        "UNKNOWN",
    ]


class Ours(NoRoute):
    """A class that the table does not name, of a kind that it does."""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyError("confidential"), Code.UNKNOWN),
        (ValueError("confidential"), Code.UNKNOWN),
        (UnicodeEncodeError("utf-8", "confidential", 0, 1, "x"), Code.UNKNOWN),
        (sdk.ParamValidationError(report="Invalid type, value: confidential"), Code.INVALID),
        (sdk.ValidationError(value="confidential", param="p", type_name="t"), Code.INVALID),
    ],
)
def test_no_message_quotes_what_an_error_may_have_of_the_event(
    error: BaseException, code: Code
) -> None:
    cause = cause_of(error)
    assert (cause.code, cause.error_class) == (code, type(error).__name__)
    assert cause.message
    assert "confidential" not in cause.message


def test_a_subclass_has_the_cause_of_its_kind() -> None:
    assert cause_of(Ours("x")) == Cause(Code.NO_ROUTE, "Ours", "x")


@pytest.mark.parametrize("code", list(Code))
def test_only_what_goes_away_by_itself_is_retryable(code: Code) -> None:
    transient = {"THROTTLED", "UNAVAILABLE", "TIMEOUT", "CRASHED", "REGION_LOST"}
    assert Cause(code, "", "").retryable == (code.value in transient)


@pytest.mark.parametrize("character", ["a", "é", "客", "😀", "\ud800"])
def test_messages_are_clipped_to_1_kib_of_whole_characters(character: str) -> None:
    assert MAX_MESSAGE_BYTES == 1024
    cause = cause_of(client_error("PutItem", "X", 400, "x" + character * 2_000))
    size = len(cause.message.encode())
    assert 1024 - 4 < size <= 1024
    assert clip("é" * 512) == "é" * 512


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Rate exceeded for account 123456789012", "Rate exceeded for account 210987654321", True),
        ("request 6e8bc430-9c3a-11d9-9669-0800200c9a66 failed", "request 0-0 failed", False),
        (
            "request 6e8bc430-9c3a-11d9-9669-0800200c9a66 failed",
            "request 7f8bc430-9c3a-11d9-9669-0800200c9a67 failed",
            True,
        ),
        (
            "id 0123456789ABCDEFGHIJKLMNOPQRSTUVWX",
            "id ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
            True,
        ),
        ("of 300 bytes", "of 4096 bytes", True),
        ("Topic does not exist", "Queue does not exist", False),
        ("the condition of topic orders", "the condition of topic payments", False),
    ],
)
def test_a_pattern_leaves_out_what_differs_from_event_to_event(
    one: str, other: str, same: bool
) -> None:
    patterns = [Cause(Code.UNKNOWN, "X", message).pattern() for message in (one, other)]
    assert (patterns[0] == patterns[1]) == same
