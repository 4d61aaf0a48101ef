"""S3 in memory: what the functions ask of it, and an assertion error for all else."""

from __future__ import annotations

from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from functions.contract import Objects
from tests.faults.http import Request, body, error, response
from tests.faults.memory import Memory
from tests.faults.vocabulary import Refusal

# So few that there are many pages.
_KEYS_A_PAGE = 2


def read(memory: Memory, request: AWSPreparedRequest) -> Request:
    """What a request asks for."""
    url = urlsplit(request.url)
    bucket, key = url.netloc.split(".")[0], unquote(url.path[1:])

    def objects() -> dict[str, bytes]:
        return memory.buckets.get(bucket, {})

    def put() -> AWSResponse:
        # The bucket policies refuse a write without it, but for Lambda's own.
        if not key.startswith(Objects.INVOCATION_RECORDS) and request.headers.get(
            "If-None-Match"
        ) not in ("*", b"*"):
            return error(request, Refusal(403, "AccessDenied"))
        if key in objects():
            return error(request, Refusal(412, "PreconditionFailed"))
        memory.buckets.setdefault(bucket, {})[key] = body(request)
        return response(200, "", {"ETag": '"0"'})

    def get() -> AWSResponse:
        if key not in objects():
            return error(request, Refusal(404, "NoSuchKey"))
        return response(200, objects()[key].decode())

    def list_objects() -> AWSResponse:
        asked = {name: values[0] for name, values in parse_qs(url.query).items()}
        assert asked["list-type"] == "2", asked
        found = sorted(key for key in objects() if key.startswith(asked["prefix"]))
        start = int(asked.get("continuation-token", 0))
        end = start + _KEYS_A_PAGE
        keys = "".join(f"<Contents><Key>{escape(key)}</Key></Contents>" for key in found[start:end])
        more = f"<NextContinuationToken>{end}</NextContinuationToken>" if end < len(found) else ""
        cut = f"<IsTruncated>{str(bool(more)).lower()}</IsTruncated>"
        return response(200, f"<ListBucketResult>{cut}{more}{keys}</ListBucketResult>")

    if request.method == "GET" and not key:
        return Request("ListObjectsV2", bucket, list_objects)
    operation, act = {"PUT": ("PutObject", put), "GET": ("GetObject", get)}[str(request.method)]
    return Request(operation, bucket, act)
