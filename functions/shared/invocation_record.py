"""Invocation records: what the publish function crashed or timed out on for good, as letters.

Lambda writes them into the operations bucket (AWS Lambda, "Retain discarded records for a DynamoDB event
source"), and EventBridge puts a reference to each into the publish dead-letter queue.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eventing.cause import Cause, Code, clip
from eventing.dead_letter import DeadLetter
from eventing.json_text import parse, parse_if_json
from eventing.timestamps import read_timestamp
from functions.contract import Objects


class NoInvocationRecord(ValueError):  # noqa: N818 - what was found in the bucket
    """The object is no invocation record of a DynamoDB stream."""


@dataclass(frozen=True)
class Reference:
    """The key of an invocation record's object, and the time when it was written."""

    key: str
    time: str


def reference(content: Any, *, bucket: str) -> Reference | None:
    """The reference in an "Object Created" event of EventBridge, or None when the value is none.

    Nothing but an invocation record is one: whoever may send to the queue could name any object.
    """
    try:
        detail, key = content["detail"], content["detail"]["object"]["key"]
        if content["source"] != "aws.s3" or detail["bucket"]["name"] != bucket:
            return None
        if not key.startswith(Objects.INVOCATION_RECORDS):
            return None
        return Reference(key, read_timestamp(content["time"]))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        return None


def read_records(content: bytes, *, failed_at: str) -> list[DeadLetter]:
    """A letter for each stream record of the batch; raises `NoInvocationRecord`.

    They failed when Lambda says so, or else at `failed_at`. So a record that is written once more, without an
    event that was erased, is no news.
    """
    try:
        record = json.loads(content)
        payload = record["payload"]
        # Lambda writes the payload as a JSON text inside of the JSON.
        batch = json.loads(payload) if isinstance(payload, str) else payload
        condition = str(record.get("requestContext", {}).get("condition", ""))
        failed_at = _given_up_at(record) or failed_at
        return [_letter(one, condition, failed_at) for one in batch["Records"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise NoInvocationRecord(f"no invocation record: {type(error).__name__}") from None


def _given_up_at(record: Mapping[str, Any]) -> str | None:
    try:
        return read_timestamp(record["timestamp"])
    except (ValueError, KeyError, TypeError):
        return None


def _letter(record: Mapping[str, Any], condition: str, failed_at: str) -> DeadLetter:
    image: Any = record.get("dynamodb", {}).get("NewImage", {})
    text, accepted_at = (image.get(name, {}).get("S") for name in ("event", "accepted_at"))
    document = parse_if_json(text) if isinstance(text, str) else None
    if document is None or not isinstance(document.value, dict):
        # What is no event of ours is carried as it is.
        text = json.dumps({"item": image})
        document = parse(text)
    try:
        accepted_at = read_timestamp(accepted_at)
    except (ValueError, TypeError):
        accepted_at = failed_at
    return DeadLetter(
        stage="publish",
        step="publish",
        publisher=image.get("publisher", {}).get("S", "unknown"),
        event=text,
        accepted_at=accepted_at,
        cause=Cause(Code.CRASHED, "Crashed", clip(f"the publish function gave up: {condition}")),
        failed_at=failed_at,
    ).carrying(document)
