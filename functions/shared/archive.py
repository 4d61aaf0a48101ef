"""The archive bucket, where Amazon Macie looks for sensitive data: copies of events are written into it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from eventing.archive_line import folder
from eventing.cause import Cause, cause_of
from functions.contract import Objects
from functions.shared.first_write import is_taken
from functions.shared.resources import resource_of

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


class Archive:
    """The archive bucket of this region."""

    def __init__(self, client: S3Client, *, bucket: str) -> None:
        self._client = client
        self._bucket = bucket
        self.resource = resource_of({"Bucket": bucket})
        """The name that its causes have for it."""

    def put(
        self, lines: Sequence[bytes], *, publisher: str, accepted_at: str, name: str
    ) -> Cause | None:
        """Write one JSON Lines object; why it failed, or None when it is there.

        `lines` are of `archive_line`, encoded; the publisher and a time of theirs choose the object's place.
        `name` must be that of these very lines alone, and not of a publisher's choice: what has the
        name already stays, and counts as written by an attempt before this one.
        """
        try:
            self._client.put_object(
                Bucket=self._bucket,
                Key=object_key(publisher, accepted_at, name),
                Body=b"".join(lines),
                ContentType="application/jsonl",
                IfNoneMatch="*",
            )
        except Exception as error:
            if is_taken(error):
                return None
            return cause_of(error)
        return None

    def undelivered(self) -> int:
        """The number of objects that hold what Firehose could not deliver, a thousand at most.

        Raises what the SDK raises.
        """
        found = self._client.list_objects_v2(Bucket=self._bucket, Prefix=Objects.UNDELIVERED)
        return len(found.get("Contents", ()))


def object_key(publisher: str, accepted_at: str, name: str) -> str:
    """Names the publisher, so that a finding does; ends as Macie needs it to read JSON Lines."""
    return f"{Objects.EVENTS}{folder(publisher, accepted_at)}{name}.jsonl"


def hour_prefix(publisher: str, moment: str) -> str:
    """What the keys of a publisher's objects of an hour begin with; those of later hours come after it."""
    return f"{Objects.EVENTS}{folder(publisher, moment)}"


def publisher_prefix(publisher: str) -> str:
    """What the keys of all objects of a publisher begin with."""
    return f"{Objects.EVENTS}{publisher}/"
