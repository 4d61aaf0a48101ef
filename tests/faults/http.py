"""Requests and answers as botocore has them just before and after the network."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, cast

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from tests.faults.vocabulary import Refusal


@dataclass(frozen=True)
class Request:
    """A request that a service has read, and not answered yet."""

    operation: str
    target: str
    """The table, bucket, queue or topic."""
    act: Callable[[], AWSResponse]
    """Does what was asked for, once."""


def header(request: AWSPreparedRequest, name: str) -> str:
    """A header's text."""
    value = request.headers[name]
    return value.decode() if isinstance(value, bytes) else str(value)


def body(request: AWSPreparedRequest) -> bytes:
    """What is sent, without the framing of chunks."""
    sent: Any = request.body
    if hasattr(sent, "read"):
        stream, sent = sent, sent.read()
        stream.seek(0)  # it is read again by who sends it
    content = sent if isinstance(sent, bytes) else str(sent or "").encode()
    if "aws-chunked" in str(request.headers.get("Content-Encoding", "")):
        # Chunks with their lengths, then trailers; the SDK sends what we send as one chunk.
        length, _, rest = content.partition(b"\r\n")
        content = rest[: int(length, 16)]
    return content


def json_body(request: AWSPreparedRequest) -> tuple[str, dict[str, Any]]:
    """The operation, and its input, of a service that speaks JSON."""
    return header(request, "X-Amz-Target").split(".")[1], json.loads(body(request))


class _Raw(BytesIO):
    """A body that comes at once, or is read by the SDK's caller."""

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self.read()


def response(status: int, text: str, headers: dict[str, str] | None = None) -> AWSResponse:
    """An answer as the network would have brought it."""
    raw = cast("Any", _Raw(text.encode()))
    return AWSResponse("https://aws.test", status, cast("Any", headers or {}), raw)


def json_response(content: dict[str, Any], status: int = 200) -> AWSResponse:
    """An answer of a service that speaks JSON."""
    return response(status, json.dumps(content))


def error(request: AWSPreparedRequest, refusal: Refusal) -> AWSResponse:
    """A refusal, in the protocol of the request."""
    if "//macie2." in request.url:  # it speaks JSON without a target
        more = {"x-amzn-ErrorType": refusal.code}
        return response(refusal.status, '{"message": "an injected fault"}', more)
    headers = {name: header(request, name) for name in request.headers}
    text, more = error_text(headers, body(request), refusal)
    return response(refusal.status, text, more)


def error_text(
    headers: Mapping[str, str], sent: bytes, refusal: Refusal
) -> tuple[str, dict[str, str]]:
    """A refusal's body and headers, in the protocol of the request."""
    message = "an injected fault"
    if "X-Amz-Target" in headers:
        text = json.dumps({"__type": f"com.amazonaws#{refusal.code}", "message": message})
        in_query_mode = "x-amzn-query-mode" in {name.lower() for name in headers}
        return text, {"x-amzn-query-error": f"{refusal.code};Sender"} if in_query_mode else {}
    text = f"<Error><Code>{refusal.code}</Code><Message>{message}</Message></Error>"
    return f"<ErrorResponse>{text}</ErrorResponse>" if b"Action=" in sent else text, {}
