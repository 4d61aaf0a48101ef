"""Reads objects of the archive as a stream of lines, and puts them under quarantine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from functions.contract import QUARANTINE, Objects

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

# No line that the system writes comes near: an event has 240 KiB at most.
MAX_LINE_BYTES = 1024 * 1024
_CHUNK_BYTES = 256 * 1024
_KEY = re.compile(
    rf"(?P<prefix>{re.escape(Objects.EVENTS)}(?P<publisher>[^/]+)/"
    r"date=(?P<day>\d{4}-\d\d-\d\d)/(?P<hour>\d\d)/)[^/]+"
)
# The object or this version of it is gone, or what is there is the mark that it was deleted.
_GONE = ("NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed", "405")


@dataclass(frozen=True)
class Hour:
    """What an object's key says: the publisher and the hour of its events."""

    publisher: str
    day: str
    """As `2026-11-28`."""
    text: str
    """The hour as `2026-11-28T14`, in UTC."""
    prefix: str
    """With which the keys of all objects of that publisher and hour begin."""


def hour_of(key: str) -> Hour | None:
    """The publisher and hour in a key that `object_key` makes; None for any other."""
    found = _KEY.fullmatch(key)
    if found is None:
        return None
    return Hour(
        found["publisher"], found["day"], f"{found['day']}T{found['hour']}", found["prefix"]
    )


@dataclass(frozen=True)
class Opened:
    """An object as it is read; it is read once, from its beginning."""

    version: str | None
    size: int
    """Bytes."""
    lines: Iterator[bytes] = field(repr=False)
    """Without their line feeds; of a line that is too long for one of ours nothing."""


class ArchiveObjects:
    """The archive bucket of this region, to read in. The methods raise what the SDK raises."""

    def __init__(self, client: S3Client, *, bucket: str) -> None:
        self._client = client
        self.bucket = bucket

    def open(self, key: str, version: str | None) -> Opened | None:
        """Open an object, in this version of it or the latest; None when it is gone."""
        try:
            found: Any = self._client.get_object(Bucket=self.bucket, Key=key, **_versioned(version))
        except ClientError as error:
            if error.response["Error"]["Code"] not in _GONE:
                raise
            return None
        body = found["Body"]
        stream = lines(body.iter_chunks(_CHUNK_BYTES))
        return Opened(found.get("VersionId"), found["ContentLength"], _until_closed(stream, body))

    def keys(self, prefix: str, *, most: int) -> tuple[list[str], bool]:
        """At most so many keys that begin like this, and whether these are all."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=prefix
        )
        found: list[str] = []
        for page in pages:
            found += [entry["Key"] for entry in page.get("Contents", ())]
            if len(found) > most:
                return found[:most], False
        return found, True

    def quarantine(self, key: str, version: str | None, *, case: str) -> bool:
        """Put the tag of a case on an object, which the bucket's policy then keeps from readers; False when
        it is gone. An object has no other tags."""
        try:
            self._client.put_object_tagging(
                Bucket=self.bucket,
                Key=key,
                Tagging={"TagSet": [{"Key": QUARANTINE, "Value": case}]},
                **_versioned(version),
            )
        except ClientError as error:
            if error.response["Error"]["Code"] not in _GONE:
                raise
            return False
        return True


def lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines in a stream, without their line feeds; one that is too long is empty."""
    pending = b""
    too_long = False
    for chunk in chunks:
        first, *others = chunk.split(b"\n")
        pending = b"" if too_long else pending + first
        for other in others:
            yield b"" if too_long else pending
            pending, too_long = other, False
        if len(pending) > MAX_LINE_BYTES:
            pending, too_long = b"", True
    if pending or too_long:
        yield pending


def _until_closed(stream: Iterator[bytes], body: Any) -> Iterator[bytes]:
    """The lines; whoever stops reading lets go of the connection."""
    with closing(body):
        yield from stream


def _versioned(version: str | None) -> Any:
    # Not VersionId=None, which the SDK refuses.
    return {} if version is None else {"VersionId": version}
