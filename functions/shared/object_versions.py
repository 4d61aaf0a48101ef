"""The versions of a bucket's objects: listed, read, replaced by what is left of them, deleted for good."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlencode

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

CHUNK_BYTES = 1024 * 1024
# Of S3 (PutObject, DeleteObject with If-Match).
_CHANGED = ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey")


@dataclass(frozen=True)
class Version:
    """One version of an object; those that are only marks of a deletion are none."""

    key: str
    id: str
    etag: str
    size: int
    modified: datetime
    is_current: bool


class Contended(Exception):  # noqa: N818 - what was found
    """The object is not what was read any more: it has to be listed and read again."""


class ObjectVersions:
    """A bucket with versions. Its methods raise what the SDK raises.

    Its objects are written over only as long as they are what was read: whoever else erases at the same time
    loses nothing.
    """

    def __init__(self, client: S3Client, *, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def page(self, prefix: str, *, after: str = "") -> tuple[list[Version], str | None]:
        """All versions of the next thousand objects or fewer, by their keys, and where to go on.

        They begin with `prefix`, and come after the key `after`. The second is the key to go on after,
        and None at the end.
        """
        found: list[Version] = []
        marker: dict[str, str] = {"KeyMarker": after} if after else {}
        while True:
            answer: Any = self._client.list_object_versions(
                Bucket=self._bucket,
                Prefix=prefix,
                **marker,  # type: ignore[arg-type]
            )
            found += map(_version, answer.get("Versions", ()))
            if not answer["IsTruncated"]:
                return found, None
            cut = answer["NextKeyMarker"]
            whole = [version for version in found if version.key != cut]
            if whole:
                # Those of the last key may go on: they begin the next page.
                return whole, max(version.key for version in whole)
            marker = {"KeyMarker": cut, "VersionIdMarker": answer["NextVersionIdMarker"]}

    def chunks(self, version: Version) -> Iterator[bytes]:
        """What is in it, a piece at a time; nothing when it is gone by now."""
        try:
            answer = self._client.get_object(
                Bucket=self._bucket, Key=version.key, VersionId=version.id
            )
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("NoSuchKey", "NoSuchVersion"):
                raise
            return
        yield from answer["Body"].iter_chunks(CHUNK_BYTES)

    def replace(self, version: Version, content: BinaryIO) -> None:
        """Write this over the current version, with its tags, type and metadata; raises `Contended`."""
        named: Any = {"Bucket": self._bucket, "Key": version.key}
        head = self._client.head_object(**named, VersionId=version.id)
        tags = self._client.get_object_tagging(**named, VersionId=version.id)["TagSet"]
        tagging = {tag["Key"]: tag["Value"] for tag in tags}
        if tagging:
            named["Tagging"] = urlencode(tagging)
        with _as_it_was_read():
            self._client.put_object(
                **named,
                Body=content,
                ContentType=head["ContentType"],
                Metadata=head["Metadata"],
                IfMatch=version.etag,
            )

    def hide(self, version: Version) -> None:
        """Mark the object as deleted, whose current version this is; raises `Contended`."""
        with _as_it_was_read():
            self._client.delete_object(Bucket=self._bucket, Key=version.key, IfMatch=version.etag)

    def remove(self, version: Version) -> None:
        """Delete this version for good. One that is gone by now stays so."""
        self._client.delete_object(Bucket=self._bucket, Key=version.key, VersionId=version.id)


@contextmanager
def _as_it_was_read() -> Iterator[None]:
    """Raise `Contended` where S3 refuses a write because the object has changed."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] not in _CHANGED:
            raise
        raise Contended from error


def _version(found: Any) -> Version:
    return Version(
        key=found["Key"],
        id=found["VersionId"],
        etag=found["ETag"],
        size=found["Size"],
        modified=found["LastModified"],
        is_current=found["IsLatest"],
    )
