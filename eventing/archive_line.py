"""The line of an event in the archive: JSON Lines, the same in every object whoever writes it.

A line names its publisher, so that it does wherever it lies, and Firehose finds the object's prefix in it.
"""

from __future__ import annotations

import json
from base64 import b64decode
from binascii import Error as NoBase64
from collections.abc import Sequence
from datetime import UTC, datetime
from json.encoder import encode_basestring_ascii as quoted
from typing import NamedTuple

from eventing.json_text import InvalidJson, parse

MEMBERS = ("publisher", "accepted_at", "event")
# From either on, an object of their own costs less than so many records of a delivery stream, or about
# as much (decision 29).
LARGE_EVENTS, LARGE_BYTES = 32, 128 * 1024


class InvalidLine(ValueError):  # noqa: N818 - named for what it says of a line
    """The text is no line of the archive; the message says why, without its content."""


class ArchiveLine(NamedTuple):
    """A line as read."""

    publisher: str
    accepted_at: str
    """Of the request that brought the event this time: of a duplicate not the one in the table."""
    event_text: str
    """The event in its JSON format, as it was written."""


def archive_line(event_text: str, *, publisher: str, accepted_at: str) -> str:
    """The line, with its line feed; `event_text` is compact JSON, which has no line feed of its own."""
    return (
        f'{{"publisher":{quoted(publisher)},"accepted_at":{quoted(accepted_at)},'
        f'"event":{event_text}}}\n'
    )


def is_small(sizes: Sequence[int]) -> bool:
    """Tell whether lines of so many bytes, those of one request, go through the delivery stream."""
    return len(sizes) < LARGE_EVENTS and sum(sizes) < LARGE_BYTES


def read_line(text: str) -> ArchiveLine:
    """Read a line, with or without its line feed; raises `InvalidLine`."""
    try:
        read = parse(text)
    except InvalidJson:
        raise InvalidLine("the line is not JSON") from None
    members = read.members if isinstance(read.exact, dict) else {}
    if members.keys() != set(MEMBERS):
        raise InvalidLine(f"the line is not an object of {', '.join(MEMBERS)}")
    publisher, accepted_at = members["publisher"], members["accepted_at"]
    if not (isinstance(publisher, str) and isinstance(accepted_at, str)):
        raise InvalidLine("publisher and accepted_at are not both texts")
    if not isinstance(members["event"], dict):
        raise InvalidLine("the event is not an object")
    return ArchiveLine(publisher, accepted_at, read.member("event").text)


def folder(publisher: str, accepted_at: str) -> str:
    """The place of a line among the events of the archive: by publisher, day and hour."""
    moment = datetime.fromisoformat(accepted_at).astimezone(UTC)
    return f"{publisher}/date={moment:%Y-%m-%d}/{moment:%H}/"


def undelivered_lines(text: str) -> list[ArchiveLine]:
    """Read a line of an object of what Firehose could not deliver; raises `InvalidLine`.

    It is a line of ours, or Firehose's account of a failure, with what it was given in Base64 (`rawData`).
    """
    try:
        account = json.loads(text)
        given = account.get("rawData") if isinstance(account, dict) else None
        texts = b64decode(given, validate=True).decode() if isinstance(given, str) else text
    except (ValueError, NoBase64):
        raise InvalidLine("the line is neither ours nor Firehose's") from None
    return [read_line(line) for line in texts.splitlines() if line]
