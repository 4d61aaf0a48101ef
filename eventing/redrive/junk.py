"""Junk: messages of a dead-letter queue that triage can't take for dead letters, by what they are instead."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from eventing.dead_letter import SCHEMA_VERSION, DeadLetter, NoDeadLetter, read_dead_letter
from eventing.json_text import Document, parse_if_json

# Of the counts of a resubmission: what could not be sent begins like this, followed by why.
_LEFT = "left: "
NOT_LOOKED_AT = "not_looked_at"
"""Of these counts: what there was no time for."""
# An envelope in an envelope in an envelope: more are none that AWS's services make.
_MOST_ENVELOPES = 3


class JunkKind(StrEnum):
    """The kinds of junk; each is a word of an object's key."""

    NEWER_LETTER = "newer-letter"
    LETTER = "letter"
    S3_TEST_EVENT = "s3-test-event"
    SNS_ENVELOPE = "sns-envelope"
    LAMBDA_RECORD = "lambda-record"
    LAMBDA_EVENT = "lambda-event"
    EVENTBRIDGE_EVENT = "eventbridge-event"
    UNKNOWN_JSON = "unknown-json"
    NOT_JSON = "not-json"

    @property
    def called(self) -> str:
        """The kind in words."""
        return _TITLES[self]


_TITLES: Mapping[JunkKind, str] = {
    JunkKind.NEWER_LETTER: "dead letter of a newer schema version",
    JunkKind.LETTER: "faulty dead letter",
    JunkKind.S3_TEST_EVENT: "test event of S3",
    JunkKind.SNS_ENVELOPE: "SNS envelope",
    JunkKind.LAMBDA_RECORD: "Lambda invocation record",
    JunkKind.LAMBDA_EVENT: "Lambda event",
    JunkKind.EVENTBRIDGE_EVENT: "EventBridge event",
    JunkKind.UNKNOWN_JSON: "unknown JSON",
    JunkKind.NOT_JSON: "not JSON",
}


def left_for(code: str) -> str:
    """The name that junk is counted by that could not be sent, by the code of its cause."""
    return f"{_LEFT}{code}"


def left_over(counts: Mapping[str, int]) -> int:
    """How much junk a resubmission could not send, or had no time for; what is no letter still is not."""
    return sum(n for name, n in counts.items() if name.startswith(_LEFT) or name == NOT_LOOKED_AT)


def kind_of(body: str) -> JunkKind:
    """The kind of a message that is junk."""
    document = parse_if_json(body)
    return _kind(document.value) if document else JunkKind.NOT_JSON


def letters_in(body: str, *, envelopes: int = _MOST_ENVELOPES) -> list[DeadLetter]:
    """The dead letters that a message is or wraps; raises `NoDeadLetter` unless all in it are some.

    Nothing wrapped may be trusted by itself: anybody who may send to what wraps it can have written it.
    """
    try:
        return [read_dead_letter(body)]
    except NoDeadLetter:
        inner = _inner(body) if envelopes else []
        if not inner:
            raise
    return [letter for text in inner for letter in letters_in(text, envelopes=envelopes - 1)]


def _kind(content: Any) -> JunkKind:
    if not isinstance(content, Mapping):
        return JunkKind.UNKNOWN_JSON
    version = content.get("schema_version")
    if isinstance(version, int) and not isinstance(version, bool) and "event" in content:
        return JunkKind.NEWER_LETTER if version > SCHEMA_VERSION else JunkKind.LETTER
    has = content.keys().__ge__
    if content.get("Event") == "s3:TestEvent":
        return JunkKind.S3_TEST_EVENT
    if has({"Type", "TopicArn", "Message"}):
        return JunkKind.SNS_ENVELOPE
    if has({"requestContext"}) and content.keys() & {
        "requestPayload",
        "payload",
        "DDBStreamBatchInfo",
        "KinesisBatchInfo",
    }:
        return JunkKind.LAMBDA_RECORD
    if has({"detail-type", "source", "detail"}):
        return JunkKind.EVENTBRIDGE_EVENT
    if isinstance(content.get("Records"), list):
        return JunkKind.LAMBDA_EVENT
    return JunkKind.UNKNOWN_JSON


def _inner(body: str) -> list[str]:
    """The texts that an envelope wraps; none for what is no envelope, or wraps something else."""
    document = parse_if_json(body)
    if document is None:
        return []
    match _kind(document.value):
        case JunkKind.SNS_ENVELOPE:
            return _texts(document, "Message")
        case JunkKind.EVENTBRIDGE_EVENT:
            return _texts(document, "detail")
        case JunkKind.LAMBDA_RECORD:
            return _texts(document, "requestPayload")
        case JunkKind.LAMBDA_EVENT:
            records = document.member("Records").items
            return [text for record in records for text in _record(record)]
        case _:
            return []


def _record(record: Document) -> list[str]:
    """The texts in a record of SQS or SNS, as Lambda is given them."""
    if not isinstance(record.value, Mapping):
        return []
    if isinstance(record.value.get("Sns"), Mapping):
        return _texts(record.member("Sns"), "Message")
    return _texts(record, "body")


def _texts(document: Document, name: str) -> list[str]:
    """A member that is a text or an object, as a text."""
    value = document.value.get(name)
    if isinstance(value, str):
        return [value]
    return [document.member(name).text] if isinstance(value, Mapping) else []
