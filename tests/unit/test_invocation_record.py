"""Invocation records of the publish function, as EventBridge and Lambda write them, as letters."""

from __future__ import annotations

import json
from typing import Any

import pytest

from eventing.cause import Code
from functions.shared.invocation_record import (
    NoInvocationRecord,
    Reference,
    read_records,
    reference,
)
from tests.unit.examples import event_text

BUCKET, KEY = "shop-operations", "aws/lambda/1-2/shardId-0/2026-11-24T09.30.00-3.json"
# Amazon S3, "EventBridge event message structure".
CREATED: dict[str, Any] = {
    "version": "0",
    "id": "17793124-05d4-b198-2fde-7ededc63b103",
    "detail-type": "Object Created",
    "source": "aws.s3",
    "account": "123456789012",
    "time": "2026-11-24T09:30:00Z",
    "region": "eu-north-1",
    "resources": [f"arn:aws:s3:::{BUCKET}"],
    "detail": {"version": "0", "bucket": {"name": BUCKET}, "object": {"key": KEY, "size": 5}},
}
FAILED_AT = "2026-11-24T09:30:00.000Z"
ACCEPTED_AT = "2026-11-24T09:25:00.123Z"


def stream_record(**image: Any) -> dict[str, Any]:
    return {"eventID": "1", "eventName": "INSERT", "dynamodb": {"NewImage": image}}


def stored(event: str, accepted_at: str = ACCEPTED_AT) -> dict[str, Any]:
    image = {"pk": "acme#1", "event": event, "publisher": "acme", "accepted_at": accepted_at}
    return stream_record(**{name: {"S": value} for name, value in image.items()})


def invocation_record(*records: Any, **members: Any) -> bytes:
    # AWS Lambda, "Example S3 invocation record" of a DynamoDB stream.
    content = {
        "requestContext": {
            "requestId": "316aa6d0-8154-xmpl-9af7-85d5f4a6bc81",
            "functionArn": "arn:aws:lambda:eu-north-1:123456789012:function:shop-publish",
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 1,
        },
        "version": "1.0",
        "timestamp": "2026-11-24T09:30:00.000Z",
        "payload": json.dumps({"Records": records}),
    }
    return json.dumps(content | members).encode()


def test_a_reference_says_where_the_record_is_and_when_it_was_written() -> None:
    found = reference(CREATED, bucket=BUCKET)
    assert found == Reference(KEY, FAILED_AT)


@pytest.mark.parametrize(
    "content",
    [
        "",
        [],
        None,
        5,
        {**CREATED, "source": "aws.ec2"},
        {**CREATED, "time": "now"},
        {**CREATED, "time": None},
        {**CREATED, "detail": {"bucket": {"name": "another"}, "object": {"key": KEY}}},
        {**CREATED, "detail": {"bucket": BUCKET}},
        {**CREATED, "detail": []},
        {**CREATED, "detail": {"bucket": {"name": BUCKET}, "object": {"key": None}}},
        {
            **CREATED,
            "detail": {"bucket": {"name": BUCKET}, "object": {"key": "redrive/x/plan.json"}},
        },
        {**CREATED, "detail": {"bucket": {"name": BUCKET}, "object": {"key": f"junk/{KEY}"}}},
    ],
)
def test_anything_else_is_no_reference(content: Any) -> None:
    assert reference(content, bucket=BUCKET) is None


def test_each_event_of_the_batch_becomes_a_letter() -> None:
    events = [event_text(id="1", data=1.50), event_text(id="2")]
    letters = read_records(invocation_record(*map(stored, events)), failed_at=FAILED_AT)
    assert [letter.event for letter in letters] == events
    for letter in letters:
        assert (letter.stage, letter.step, letter.topic) == ("publish", "publish", None)
        assert (letter.publisher, letter.accepted_at) == ("acme", ACCEPTED_AT)
        assert (letter.failed_at, letter.episode) == (FAILED_AT, 0)
        assert letter.cause.code is Code.CRASHED
        assert "RetryAttemptsExhausted" in letter.cause.message
    assert len({letter.fingerprint for letter in letters}) == 1
    assert len({letter.key for letter in letters}) == 2


def test_the_payload_may_be_an_object_as_well() -> None:
    record = invocation_record(payload={"Records": [stored(event_text())]})
    assert len(read_records(record, failed_at=FAILED_AT)) == 1


@pytest.mark.parametrize(
    "record",
    [
        stream_record(),
        stream_record(event={"N": "5"}),
        stored("no JSON"),
        stored("[]"),
        stored('{"id":"1","id":"1"}'),
        stored('{"data":NaN}'),
        stored(event_text(), accepted_at="yesterday"),
        {"eventID": "1"},
    ],
)
def test_an_item_that_ingestion_did_not_write_is_carried_as_it_is(record: Any) -> None:
    (letter,) = read_records(invocation_record(record), failed_at=FAILED_AT)
    assert letter.key
    assert letter.failed_at == FAILED_AT
    assert letter.accepted_at in (ACCEPTED_AT, FAILED_AT)
    image = record.get("dynamodb", {}).get("NewImage", {})
    assert json.loads(letter.event) in ({"item": image}, json.loads(event_text()))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b"[" * 100_000,
        invocation_record(payload="no JSON"),
        invocation_record(payload=None),
        invocation_record(payload={"Records": None}),
        invocation_record(payload={"Records": ["a"]}),
        invocation_record(requestContext="a"),
        invocation_record(stream_record(event="not typed")),
    ],
)
def test_any_other_object_is_no_invocation_record(content: bytes) -> None:
    with pytest.raises(NoInvocationRecord):
        read_records(content, failed_at=FAILED_AT)
