"""S3 in memory: what the functions ask of it, and an assertion error for all else."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from tests.faults.http import Request, body, response
from tests.faults.memory import Memory


def read(memory: Memory, request: AWSPreparedRequest) -> Request:
    """What a request asks for."""
    url = urlsplit(request.url)
    bucket, key = url.netloc.split(".")[0], unquote(url.path[1:])

    def put() -> AWSResponse:
        memory.buckets.setdefault(bucket, {})[key] = body(request)
        return response(200, "", {"ETag": '"0"'})

    assert request.method == "PUT"
    return Request("PutObject", bucket, put)
