"""S3 in memory: what the functions ask of it, and an assertion error for all else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from functions.contract import Objects
from tests.faults.http import Request, body, error, response
from tests.faults.memory import Memory
from tests.faults.vocabulary import Refusal

# So few that there are many pages.
_KEYS_A_PAGE = 2
# Of every object, which is written once.
VERSION = "v1"
_TAG = re.compile("<Tag><Key>(.*?)</Key><Value>(.*?)</Value></Tag>")


def read(memory: Memory, request: AWSPreparedRequest) -> Request:
    """What a request asks for."""
    url = urlsplit(request.url)
    bucket, key = url.netloc.split(".")[0], unquote(url.path[1:])
    query = parse_qs(url.query, keep_blank_values=True)
    asked = {name: values[0] for name, values in query.items()}
    if request.method == "GET" and not key:
        return Request("ListObjectsV2", bucket, lambda: _list(memory, bucket, asked))
    if request.method == "PUT" and "tagging" in asked:
        return Request(
            "PutObjectTagging", bucket, lambda: _tag(memory, request, bucket, key, asked)
        )
    if request.method == "PUT":
        return Request("PutObject", bucket, lambda: _put(memory, request, bucket, key))
    assert request.method == "GET", request.method
    return Request("GetObject", bucket, lambda: _get(memory, request, bucket, key, asked))


def _put(memory: Memory, request: AWSPreparedRequest, bucket: str, key: str) -> AWSResponse:
    # The bucket policies refuse a write without it, but for Lambda's own.
    if not key.startswith(Objects.INVOCATION_RECORDS) and request.headers.get(
        "If-None-Match"
    ) not in ("*", b"*"):
        return error(request, Refusal(403, "AccessDenied"))
    objects = memory.buckets.setdefault(bucket, {})
    if key in objects:
        return error(request, Refusal(412, "PreconditionFailed"))
    objects[key] = body(request)
    return response(200, "", {"ETag": '"0"'})


def _missing(memory: Memory, bucket: str, key: str, asked: Mapping[str, str]) -> Refusal | None:
    """The refusal of a call for an object, or for a version of it, that is not there."""
    if key not in memory.buckets.get(bucket, {}):
        return Refusal(404, "NoSuchKey")
    if asked.get("versionId", VERSION) != VERSION:
        return Refusal(404, "NoSuchVersion")
    return None


def _get(
    memory: Memory, request: AWSPreparedRequest, bucket: str, key: str, asked: Mapping[str, str]
) -> AWSResponse:
    if refused := _missing(memory, bucket, key, asked):
        return error(request, refused)
    content = memory.buckets[bucket][key]
    headers = {"Content-Length": str(len(content)), "x-amz-version-id": VERSION}
    return response(200, content.decode(), headers)


def _tag(
    memory: Memory, request: AWSPreparedRequest, bucket: str, key: str, asked: Mapping[str, str]
) -> AWSResponse:
    if refused := _missing(memory, bucket, key, asked):
        return error(request, refused)
    memory.tags[bucket, key] = dict(_TAG.findall(body(request).decode()))
    return response(200, "", {"x-amz-version-id": VERSION})


def _list(memory: Memory, bucket: str, asked: Mapping[str, str]) -> AWSResponse:
    assert asked["list-type"] == "2", asked
    found = sorted(key for key in memory.buckets.get(bucket, {}) if key.startswith(asked["prefix"]))
    start = int(asked.get("continuation-token", 0))
    end = start + _KEYS_A_PAGE
    keys = "".join(f"<Contents><Key>{escape(key)}</Key></Contents>" for key in found[start:end])
    more = f"<NextContinuationToken>{end}</NextContinuationToken>" if end < len(found) else ""
    cut = f"<IsTruncated>{str(bool(more)).lower()}</IsTruncated>"
    return response(200, f"<ListBucketResult>{cut}{more}{keys}</ListBucketResult>")
