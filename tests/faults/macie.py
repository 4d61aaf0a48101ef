"""Macie in memory: its session, a job, and findings; an assertion error for all else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from tests.faults.http import Request, body, json_response, response
from tests.faults.memory import Memory

_PAGE = 2


def read(memory: Memory, request: AWSPreparedRequest) -> Request:
    """What a request asks for."""
    path = unquote(urlsplit(request.url).path)
    content = json.loads(body(request) or b"{}")
    match request.method, path.strip("/").split("/"):
        case "GET", ["macie"]:
            answer = {"status": memory.macie}
            return Request("GetMacieSession", "macie", lambda: _of_macie(memory, answer))
        case "GET", ["jobs", job]:
            return Request("DescribeClassificationJob", job, lambda: _job(memory, job))
        case "POST", ["findings"]:
            return Request("ListFindings", "macie", lambda: _findings(memory, content))
    raise AssertionError(f"{request.method} {path}")


def _of_macie(memory: Memory, answer: Mapping[str, Any]) -> AWSResponse:
    """While it is off Macie answers as if there were no permission (API reference)."""
    if memory.macie is None:
        return _refusal(403, "AccessDeniedException")
    return json_response(dict(answer))


def _job(memory: Memory, job: str) -> AWSResponse:
    if memory.macie and job not in memory.jobs:
        return _refusal(404, "ResourceNotFoundException")
    return _of_macie(memory, {"jobId": job, **memory.jobs.get(job, {})})


def _findings(memory: Memory, content: Mapping[str, Any]) -> AWSResponse:
    criterion = content["findingCriteria"]["criterion"]
    assert criterion["category"] == {"eq": ["CLASSIFICATION"]}
    (bucket,) = criterion["resourcesAffected.s3Bucket.name"]["eq"]
    made = criterion["createdAt"]
    found = [
        finding["id"]
        for finding in memory.findings
        if finding["bucket"] == bucket and made["gte"] <= finding["created"] <= made["lte"]
    ]
    begin = int(content.get("nextToken", 0))
    more = {"nextToken": str(begin + _PAGE)} if begin + _PAGE < len(found) else {}
    return _of_macie(memory, {"findingIds": found[begin : begin + _PAGE], **more})


def _refusal(status: int, code: str) -> AWSResponse:
    return response(status, '{"message": "refused"}', {"x-amzn-ErrorType": code})
