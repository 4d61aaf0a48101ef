"""S3 in memory: what the functions ask of it, and an assertion error for all else."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from tests.faults.http import Request, body, error, response
from tests.faults.memory import Memory
from tests.faults.vocabulary import Refusal


def read(memory: Memory, request: AWSPreparedRequest) -> Request:
    """What a request asks for."""
    url = urlsplit(request.url)
    bucket, key = url.netloc.split(".")[0], unquote(url.path[1:])

    def put() -> AWSResponse:
        # The bucket policies refuse a write without it.
        if request.headers.get("If-None-Match") not in ("*", b"*"):
            return error(request, Refusal(403, "AccessDenied"))
        objects = memory.buckets.setdefault(bucket, {})
        if key in objects:
            return error(request, Refusal(412, "PreconditionFailed"))
        objects[key] = body(request)
        return response(200, "", {"ETag": '"0"'})

    def get() -> AWSResponse:
        return response(200, memory.buckets[bucket][key].decode())

    act = {"PUT": ("PutObject", put), "GET": ("GetObject", get)}[str(request.method)]
    return Request(act[0], bucket, act[1])
