"""Macie in this region: its session, a job of it, and what it found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from eventing.sensitive_data.coverage import Job

if TYPE_CHECKING:
    from types_boto3_macie2 import Macie2Client

_PAGE = 50  # of ListFindings, at most
# What Macie answers to any call while it is off (API reference: "Macie is not enabled").
_OFF = "AccessDeniedException"
_NO_SUCH_JOB = ("ResourceNotFoundException", "ValidationException")


class Macie:
    """Macie in this region. The methods raise what the SDK raises, except as they say."""

    def __init__(self, client: Macie2Client) -> None:
        self._client = client

    def is_on(self) -> bool:
        """False while Macie is off or paused. It answers then as if we had no permission."""
        try:
            return self._client.get_macie_session()["status"] == "ENABLED"
        except ClientError as error:
            if _code(error) == _OFF:
                return False
            raise

    def job(self, id: str) -> Job | None:
        """A job that runs regularly; None when there is none of this id."""
        try:
            found = self._client.describe_classification_job(jobId=id)
        except ClientError as error:
            if _code(error) in _NO_SUCH_JOB:
                return None
            raise
        return Job(
            status=found["jobStatus"],
            created=found["createdAt"],
            last_run=found.get("lastRunTime") or found["createdAt"],
            had_errors=found.get("lastRunErrorStatus", {}).get("code") == "ERROR",
        )

    def finding(self, id: str) -> Any:
        """The finding as events have it, None where there is none."""
        found = self._client.get_findings(findingIds=[id])["findings"]
        # The SDK has read its times.
        return json.loads(json.dumps(found[0], default=str)) if found else None

    def findings(self, *, bucket: str, since: datetime, until: datetime) -> Iterator[str]:
        """The ids of findings about objects of a bucket that were made in this time, the oldest first."""
        token: dict[str, Any] = {}
        while True:
            page = self._client.list_findings(
                findingCriteria={
                    "criterion": {
                        # The other category is about the bucket's settings.
                        "category": {"eq": ["CLASSIFICATION"]},
                        "resourcesAffected.s3Bucket.name": {"eq": [bucket]},
                        "createdAt": {"gte": _milliseconds(since), "lte": _milliseconds(until)},
                    }
                },
                sortCriteria={"attributeName": "createdAt", "orderBy": "ASC"},
                maxResults=_PAGE,
                **token,
            )
            yield from page["findingIds"]
            if not page.get("nextToken"):
                return
            token = {"nextToken": page["nextToken"]}


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _code(error: ClientError) -> str:
    return error.response["Error"]["Code"]
