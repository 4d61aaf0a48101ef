"""What is in a dead-letter queue and no dead letter is named, and letters are found in it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from eventing.cause import Cause, Code
from eventing.dead_letter import DeadLetter, NoDeadLetter
from eventing.redrive.junk import JunkKind, kind_of, letters_in
from tests.unit.examples import event_text

LETTER = DeadLetter(
    stage="publish",
    step="publish",
    publisher="acme",
    event=event_text(data={"price": 1}),
    accepted_at="2026-11-24T09:29:59.000Z",
    cause=Cause(Code.ACCESS_DENIED, "AuthorizationError", "not authorized"),
    failed_at="2026-11-24T09:30:00.000Z",
    topic="customers",
)
BODY = LETTER.text()
# As AWS's guides show them.
S3_TEST = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2026-11-24T09:30:00Z",
           "Bucket": "archive", "RequestId": "5582815E1AEA5ADF", "HostId": "8cLeGAm"}  # fmt: skip


def sns(message: str, **members: Any) -> str:
    return json.dumps(
        {"Type": "Notification", "MessageId": "1", "TopicArn": "arn:aws:sns:us-east-1:1:t",
         "Message": message, "Timestamp": "2026-11-24T09:30:00Z", **members}
    )  # fmt: skip


def destination(payload: Any) -> str:
    """What Lambda sends to the destination of an asynchronous invocation."""
    return json.dumps(
        {"version": "1.0", "timestamp": "2026-11-24T09:30:00Z",
         "requestContext": {"condition": "RetriesExhausted"}, "requestPayload": payload,
         "responseContext": {"statusCode": 200}, "responsePayload": None}
    )  # fmt: skip


def eventbridge(detail: Any) -> str:
    return json.dumps({"version": "0", "id": "1", "detail-type": "x", "source": "y",
                       "account": "1", "resources": [], "detail": detail})  # fmt: skip


def sqs_event(*bodies: str) -> str:
    return json.dumps({"Records": [{"messageId": "1", "body": body} for body in bodies]})


def changed(**members: Any) -> str:
    return json.dumps(json.loads(BODY) | members)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (json.dumps(S3_TEST), JunkKind.S3_TEST_EVENT),
        (sns("hello"), JunkKind.SNS_ENVELOPE),
        (sns("token", Type="SubscriptionConfirmation"), JunkKind.SNS_ENVELOPE),
        (destination({"a": 1}), JunkKind.LAMBDA_RECORD),
        (json.dumps({"requestContext": {}, "DDBStreamBatchInfo": {}}), JunkKind.LAMBDA_RECORD),
        (json.dumps({"requestContext": {}, "payload": "{}"}), JunkKind.LAMBDA_RECORD),
        (eventbridge({}), JunkKind.EVENTBRIDGE_EVENT),
        (sqs_event("hello"), JunkKind.LAMBDA_EVENT),
        (changed(schema_version=2), JunkKind.NEWER_LETTER),
        (changed(schema_version=2, event="another form"), JunkKind.NEWER_LETTER),
        (changed(failed_at="yesterday"), JunkKind.LETTER),
        (changed(schema_version=True), JunkKind.UNKNOWN_JSON),
        (json.dumps({"schema_version": 2}), JunkKind.UNKNOWN_JSON),
        ("{}", JunkKind.UNKNOWN_JSON),
        ("[]", JunkKind.UNKNOWN_JSON),
        ('"text"', JunkKind.UNKNOWN_JSON),
        ('{"Records": 5}', JunkKind.UNKNOWN_JSON),
        ("hello", JunkKind.NOT_JSON),
        ("", JunkKind.NOT_JSON),
        ("[" * 100_000, JunkKind.NOT_JSON),
    ],
)
def test_junk_is_named(body: str, kind: JunkKind) -> None:
    assert kind_of(body) is kind
    assert kind.called


@pytest.mark.parametrize(
    "body",
    [
        BODY,
        sns(BODY),
        sns(sns(BODY)),
        destination(json.loads(BODY)),
        destination({"Records": [{"body": BODY}]}),
        destination({"Records": [{"Sns": {"Message": BODY}}]}),
        eventbridge(json.loads(BODY)),
        sqs_event(BODY),
    ],
)
def test_a_letter_is_found_in_what_wraps_it(body: str) -> None:
    (letter,) = letters_in(body)
    assert letter == LETTER


def test_all_letters_of_a_batch_are_found() -> None:
    assert letters_in(sqs_event(BODY, sns(BODY))) == [LETTER, LETTER]


def test_numbers_are_as_they_were() -> None:
    spelled = BODY.replace('"price":1', '"price":0.10000000000000000001')
    assert "0.10000000000000000001" in spelled
    (letter,) = letters_in(f'{{"detail-type": "x", "source": "y", "detail": {spelled}}}')
    assert "0.10000000000000000001" in letter.event


@pytest.mark.parametrize(
    "body",
    [
        "hello",
        json.dumps(S3_TEST),
        sns("hello"),
        sns(changed(schema_version=2)),
        sns(sns(sns(sns(BODY)))),
        sqs_event(BODY, "hello"),
        sqs_event(),
        destination(None),
        json.dumps({"Records": [5]}),
        changed(schema_version=2),
    ],
)
def test_what_is_or_wraps_anything_else_is_no_letter(body: str) -> None:
    with pytest.raises(NoDeadLetter):
        letters_in(body)
