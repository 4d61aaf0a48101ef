"""Lambda in memory: the one event source mapping, and an assertion error for all else."""

from __future__ import annotations

from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from tests.faults.http import Request, json_response, response
from tests.faults.memory import Memory

_MAPPING = "/2015-03-31/event-source-mappings/"


def read(memory: Memory, request: AWSPreparedRequest) -> Request:
    """What a request asks for."""
    path = urlsplit(request.url).path
    assert request.method == "GET", request.method
    assert path.startswith(_MAPPING), path
    uuid = path.removeprefix(_MAPPING)

    def act() -> AWSResponse:
        if memory.mapping is None:
            error = {"x-amzn-ErrorType": "ResourceNotFoundException"}
            return response(404, '{"Type": "User", "Message": "there is none"}', error)
        return json_response({"UUID": uuid, **memory.mapping})

    return Request("GetEventSourceMapping", uuid, act)
