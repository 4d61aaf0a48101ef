"""The operations bucket: what was reported of executions and asked of approvers, and junk."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from console.deployed.aws import error_code
from eventing.dead_letter import STAGES, Stage
from functions.contract import Objects as Names

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_THREADS = 8


@dataclass(frozen=True)
class Junk:
    """A message of a dead-letter queue that is no dead letter. Its body stays where it is."""

    stage: Stage
    key: str
    kept_at: datetime
    reason: str


class Objects:
    """The operations bucket. Its methods raise what the SDK raises."""

    def __init__(self, client: S3Client, *, bucket: str) -> None:
        self._client = client
        self.bucket = bucket

    def report(self, execution: str) -> Mapping[str, Any] | None:
        """The report of an execution by its name; None as long as there is none."""
        concluded = self._read(f"{Names.RUNS}{execution}/{Names.CONCLUDED}")
        if concluded is None:
            return None
        return self._read(str(concluded["report"]).removeprefix(f"s3://{self.bucket}/"))

    def reports(self, since: datetime, now: datetime) -> Iterator[Mapping[str, Any]]:
        """The reports of executions that have ended since then, the latest first."""
        with ThreadPoolExecutor(_THREADS) as workers:
            day = now
            while day.date() >= since.date():
                keys = [key for key, _ in self._keys(f"{Names.REPORTS}{day:%Y-%m-%d}/")]
                read = (report for report in workers.map(self._read, keys) if report)
                ordered = sorted(read, key=lambda report: str(report["finished_at"]))
                # One that was written again stands beside the first; the last one counts.
                found = {str(report["execution"]): report for report in ordered}.values()
                yield from (
                    report
                    for report in reversed(found)
                    if datetime.fromisoformat(report["finished_at"]) >= since
                )
                day -= timedelta(days=1)

    def asked(self, execution: str) -> dict[str, Mapping[str, Any]]:
        """What an execution has asked its approvers, by the objects' keys, the latest first."""
        keys = [key for key, _ in self._keys(f"{Names.APPROVALS}{execution}/")]
        read = {key: self._read(key) for key in sorted(keys, reverse=True)}
        return {key: content for key, content in read.items() if content}

    def junk(self, most: int) -> tuple[list[Junk], int]:
        """The latest junk with its reasons, and how much there is in all."""
        found = sorted(
            (kept_at, key, stage)
            for stage in STAGES
            for key, kept_at in self._keys(f"{Names.JUNK}{stage}/")
        )
        latest = found[-most:][::-1]
        with ThreadPoolExecutor(_THREADS) as workers:
            contents = list(workers.map(lambda entry: self._read(entry[1]), latest))
        return [
            Junk(stage, key, kept_at, str((content or {}).get("reason", "")))
            for (kept_at, key, stage), content in zip(latest, contents, strict=True)
        ], len(found)

    def _keys(self, prefix: str) -> list[tuple[str, datetime]]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=prefix
        )
        return [
            (entry["Key"], entry["LastModified"])
            for page in pages
            for entry in page.get("Contents", ())
        ]

    def _read(self, key: str) -> Mapping[str, Any] | None:
        try:
            body = self._client.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error_code(error) not in ("NoSuchKey", "404"):
                raise
            return None
        content: Mapping[str, Any] = json.loads(body)
        return content
