"""API Gateway in memory: the values of API keys, and an assertion error for all else."""

from __future__ import annotations

from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from tests.faults.http import Request, json_response, response
from tests.faults.memory import Memory

_KEY = "/apikeys/"


def read(memory: Memory, request: AWSPreparedRequest) -> Request:
    """What a request asks for."""
    url = urlsplit(request.url)
    assert (request.method, url.query) == ("GET", "includeValue=true"), request.url
    assert url.path.startswith(_KEY), url.path
    id = url.path.removeprefix(_KEY)

    def act() -> AWSResponse:
        if id not in memory.api_keys:
            error = {"x-amzn-ErrorType": "NotFoundException"}
            return response(404, '{"message": "Invalid API Key identifier specified"}', error)
        return json_response({"id": id, "value": memory.api_keys[id], "enabled": True})

    return Request("GetApiKey", id, act)
