"""Copies of events that did not get into the archive, and writing them there again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any

from botocore.exceptions import ClientError

from console.deployed.aws import Aws, error_code
from eventing.archive_line import ArchiveLine, archive_line, folder, undelivered_lines
from functions.contract import Objects

# Of lines that are held before objects are written of them.
_MOST_BYTES = 64 * 1024 * 1024


class Copies:
    """The archive bucket. Its methods raise what the SDK raises."""

    def __init__(self, aws: Aws, *, bucket: str) -> None:
        self._s3 = aws.client("s3")
        self._dynamodb = aws.client("dynamodb")
        self._region = aws.region
        self._bucket = bucket

    def undelivered(self) -> Iterator[str]:
        """The keys of the objects that hold what Firehose could not deliver."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=Objects.UNDELIVERED
        )
        return (found["Key"] for page in pages for found in page.get("Contents", ()))

    def lines(self, key: str) -> Iterator[ArchiveLine]:
        """The lines in an undelivered object; raises `InvalidLine` for what is none."""
        body: Any = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"]
        for line in body.iter_lines():
            yield from undelivered_lines(line.decode(errors="replace"))

    def remove(self, key: str) -> None:
        """Delete an undelivered object when its lines are written; its old version stays for some days."""
        self._s3.delete_object(Bucket=self._bucket, Key=key)

    def accepted(self, table: str, since: str, until: str) -> Iterator[ArchiveLine]:
        """The lines of the events that this region has accepted from `since` on and before `until`.

        It reads the whole table. An event that was erased has no line.
        """
        pages = self._dynamodb.get_paginator("scan").paginate(
            TableName=table,
            ProjectionExpression="#event, #publisher, #at",
            FilterExpression="#region = :region AND #at >= :since AND #at < :until",
            ExpressionAttributeNames={
                "#event": "event",
                "#publisher": "publisher",
                "#at": "accepted_at",
                "#region": "origin_region",
            },
            ExpressionAttributeValues={
                ":region": {"S": self._region},
                ":since": {"S": since},
                ":until": {"S": until},
            },
        )
        for page in pages:
            for item in page["Items"]:
                if "event" in item:
                    members = (item[name]["S"] for name in ("publisher", "accepted_at", "event"))
                    yield ArchiveLine(*members)

    def write(self, lines: Iterable[ArchiveLine]) -> tuple[int, int]:
        """Write lines where they belong; how many they were, and how many objects they are in.

        An object is named by its lines: written again, the same ones are there already.
        """
        held: dict[str, list[bytes]] = defaultdict(list)
        count = objects = size = 0
        for line in lines:
            text = archive_line(
                line.event_text, publisher=line.publisher, accepted_at=line.accepted_at
            ).encode()
            held[folder(line.publisher, line.accepted_at)].append(text)
            count, size = count + 1, size + len(text)
            if size > _MOST_BYTES:
                objects += self._put(held)
                held.clear()
                size = 0
        return count, objects + self._put(held)

    def _put(self, held: dict[str, list[bytes]]) -> int:
        for place, lines in held.items():
            content = b"".join(lines)
            name = f"rewritten-{sha256(content).hexdigest()}.jsonl"
            try:
                self._s3.put_object(
                    Bucket=self._bucket,
                    Key=f"{Objects.EVENTS}{place}{name}",
                    Body=content,
                    ContentType="application/jsonl",
                    IfNoneMatch="*",
                )
            except ClientError as error:
                if error_code(error) != "PreconditionFailed":
                    raise
        return len(held)
