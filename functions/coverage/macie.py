"""Macie, as far as it tells what it has examined and found."""

from __future__ import annotations

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
    """Macie's session in this region, the daily job, and what was found in the archive.

    The methods raise what the SDK raises, except as they say.
    """

    def __init__(self, client: Macie2Client, *, job_id: str, bucket: str) -> None:
        self._client = client
        self._job_id = job_id
        self._bucket = bucket

    def is_on(self) -> bool:
        """False while Macie is off or paused. It answers then as if we had no permission."""
        try:
            return self._client.get_macie_session()["status"] == "ENABLED"
        except ClientError as error:
            if _code(error) == _OFF:
                return False
            raise

    def job(self) -> Job | None:
        """The daily job; None when there is none of its id."""
        try:
            found = self._client.describe_classification_job(jobId=self._job_id)
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

    def findings(self, *, since: datetime, until: datetime) -> Iterator[str]:
        """The ids of findings about objects of the archive that were made in this time, the oldest first."""
        token: dict[str, Any] = {}
        while True:
            page = self._client.list_findings(
                findingCriteria={
                    "criterion": {
                        # The other category is about the bucket's settings.
                        "category": {"eq": ["CLASSIFICATION"]},
                        "resourcesAffected.s3Bucket.name": {"eq": [self._bucket]},
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
