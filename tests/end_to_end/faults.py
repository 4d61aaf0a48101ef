"""What befalls calls of AWS: a proxy between a function's SDK and the emulator.

It answers in AWS's place, or not at all. (`microburst`, from PyPI, does much of this, but knows no
batches in which one entry fails.)
"""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qs

import urllib3

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from local.deployment import Deployment

Fault = Literal["throttle", "500", "hang", "lose answer", "refuse", "limit"]

# In the words of SNS and of SQS.
_ANSWERS = {
    "throttle": (429, "Throttled", "RequestThrottled"),
    "500": (500, "InternalError", "InternalError"),
    "limit": (400, "BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong"),
}
REFUSED = "refuse this one"
LIMIT = 4000


@dataclass(frozen=True)
class Call:
    """A call of PublishBatch or SendMessageBatch."""

    target: str
    """The topic or queue."""
    number: int
    """The how manieth call of this target it is since the fault was set."""
    large: bool
    """Whether it is larger than `LIMIT`."""


@dataclass
class Faults:
    """`befall` says what happens to a call; None: it goes through."""

    deployment: Deployment
    url: str = ""
    _befall: Callable[[Call], Fault | None] = lambda call: None
    _released: threading.Event = field(default_factory=threading.Event)
    _counts: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(maxsize=20))

    @contextmanager
    def befalling(self, befall: Callable[[Call], Fault | None]) -> Iterator[None]:
        """Meanwhile `befall` decides; calls that hang are let go of at the end."""
        self._counts.clear()
        self._released.clear()
        self._befall = befall
        try:
            yield
        finally:
            self._befall = lambda call: None
            self._released.set()

    @contextmanager
    def serving(self) -> Iterator[Faults]:
        """A proxy on a free port of 127.0.0.1."""
        faults = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                answer = faults._answer(dict(self.headers), body)
                if answer is None:
                    self.close_connection = True
                    return
                status, kind, content = answer
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, daemon=True).start()
            self.url = f"http://127.0.0.1:{server.server_port}"
            try:
                yield self
            finally:
                self._released.set()
                server.shutdown()

    def _answer(self, headers: dict[str, str], body: bytes) -> tuple[int, str, bytes] | None:
        queue = "X-Amz-Target" in headers
        parameters = {} if queue else parse_qs(body.decode())
        target: str = json.loads(body)["QueueUrl"] if queue else parameters["TopicArn"][0]
        with self._lock:
            number = self._counts[target] = self._counts.get(target, 0) + 1
        call = Call(target.rpartition("/" if queue else "-topic-")[2], number, len(body) > LIMIT)
        fault = self._befall(call)
        if fault == "hang":
            self._released.wait(10)
            return None
        if fault == "refuse" and REFUSED.replace(" ", "+").encode() in body:
            return 200, "text/xml", self._publish_without_refused(parameters)
        if fault in _ANSWERS:
            status, of_sns, of_sqs = _ANSWERS[fault]
            if queue:
                return status, "application/x-amz-json-1.0", json.dumps({"__type": of_sqs}).encode()
            error = f"<Error><Code>{of_sns}</Code><Message>a fault of this test</Message></Error>"
            return status, "text/xml", f"<ErrorResponse>{error}</ErrorResponse>".encode()
        # The host is part of what was signed, so it stays.
        response = self._pool.request(
            "POST", self.deployment.cloud.endpoint_url, body=body, headers=headers, retries=False
        )
        if fault == "lose answer":
            self._released.wait(10)
            return None
        return response.status, response.headers["content-type"], response.data

    def _publish_without_refused(self, parameters: dict[str, list[str]]) -> bytes:
        """Publish the other entries, and answer as SNS does when one is at fault."""
        ids: list[str] = []
        entries = []
        while (prefix := f"PublishBatchRequestEntries.member.{len(ids) + 1}") + ".Id" in parameters:
            (id,), (message,) = parameters[f"{prefix}.Id"], parameters[f"{prefix}.Message"]
            ids.append(id)
            if REFUSED not in message:
                entries.append({"Id": id, "Message": message})
        if entries:
            self.deployment.client("sns").publish_batch(
                TopicArn=parameters["TopicArn"][0], PublishBatchRequestEntries=entries
            )
        taken = {entry["Id"] for entry in entries}
        done = "".join(f"<member><Id>{id}</Id><MessageId>0</MessageId></member>" for id in taken)
        failed = "".join(
            f"<member><Id>{id}</Id><Code>InvalidParameter</Code><Message>a fault of this test"
            "</Message><SenderFault>true</SenderFault></member>"
            for id in ids
            if id not in taken
        )
        result = f"<Successful>{done}</Successful><Failed>{failed}</Failed>"
        return (
            f"<PublishBatchResponse><PublishBatchResult>{result}</PublishBatchResult>"
            "</PublishBatchResponse>"
        ).encode()
