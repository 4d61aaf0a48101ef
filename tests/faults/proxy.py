"""Faults between a function's SDK and the emulator: an HTTP proxy, for functions that call SNS and SQS only.

It answers in AWS's place, or not at all. (`microburst`, from PyPI, does much of this, but knows no
batches in which one entry fails.)
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import urllib3

from tests.faults.http import error_text
from tests.faults.sdk import HANG_SECONDS
from tests.faults.sns import batch_answer, batch_entries
from tests.faults.vocabulary import (
    Call,
    EntryFaults,
    EntryRefusal,
    Faults,
    no_entry,
    nothing,
    refusal,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from local.deployment import Deployment


@dataclass(frozen=True)
class Answer:
    """What the SDK gets to see."""

    status: int
    headers: Mapping[str, str]
    content: bytes


@dataclass
class Proxy:
    """A proxy before a deployment's SNS and SQS, for the calls `PublishBatch` and `SendMessageBatch`."""

    deployment: Deployment
    url: str = ""
    _fault: Faults = nothing
    _refuse_entry: EntryFaults = no_entry
    _released: threading.Event = field(default_factory=threading.Event)
    _counts: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(maxsize=20))

    @contextmanager
    def failing(
        self, fault: Faults = nothing, *, refuse_entry: EntryFaults = no_entry
    ) -> Iterator[None]:
        """Meanwhile these decide, and calls are counted anew; calls that hang are let go of at the end.

        Entries are refused in batches for topics.
        """
        self._counts.clear()
        self._released.clear()
        self._fault, self._refuse_entry = fault, refuse_entry
        try:
            yield
        finally:
            self._fault, self._refuse_entry = nothing, no_entry
            self._released.set()

    @contextmanager
    def serving(self) -> Iterator[Proxy]:
        """Serve on a free port of 127.0.0.1."""
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                answer = proxy._answer(dict(self.headers), body)
                if answer is None:
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

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

    def _answer(self, headers: dict[str, str], body: bytes) -> Answer | None:
        call = self._read(headers, body)
        fault = self._fault(call)
        match fault:
            case None:
                refused = self._refused_entries(call)
                return self._publish_others(call, refused) if refused else self._send(headers, body)
            case "hang":
                self._released.wait(HANG_SECONDS)
                return None
            case "done-then-timeout":
                self._send(headers, body)
                self._released.wait(HANG_SECONDS)
                return None
        refusing = refusal(fault, call.service)
        assert refusing, f"a proxy can't do {fault!r}"
        text, more = error_text(headers, body, refusing)
        return Answer(refusing.status, more, text.encode())

    def _read(self, headers: dict[str, str], body: bytes) -> Call:
        text = body.decode()
        if "X-Amz-Target" in headers:
            service, operation = "sqs", headers["X-Amz-Target"].rpartition(".")[2]
            target = json.loads(text)["QueueUrl"].rpartition("/")[2]
        else:
            service, operation = "sns", "PublishBatch"
            target = parse_qs(text)["TopicArn"][0].rpartition("-topic-")[2]
        with self._lock:
            self._counts[target] += 1
            return Call(service, operation, target, self._counts[target], text)

    def _send(self, headers: dict[str, str], body: bytes) -> Answer:
        # The host is the emulator's already, and part of what was signed.
        url = self.deployment.cloud.endpoint_url
        response = self._pool.request("POST", url, body=body, headers=headers, retries=False)
        kind = {"content-type": response.headers["content-type"]}
        return Answer(response.status, kind, response.data)

    def _refused_entries(self, call: Call) -> dict[str, EntryRefusal]:
        if call.service != "sns":
            return {}
        judged = {
            entry["Id"]: self._refuse_entry(call.target, entry["Message"])
            for entry in batch_entries(_parameters(call))
        }
        return {id: refused for id, refused in judged.items() if refused}

    def _publish_others(self, call: Call, refused: dict[str, EntryRefusal]) -> Answer:
        """Publish the entries that are not refused, and answer as SNS does."""
        parameters = _parameters(call)
        entries = [
            {"Id": entry["Id"], "Message": entry["Message"]}
            for entry in batch_entries(parameters)
            if entry["Id"] not in refused
        ]
        if entries:
            self.deployment.client("sns").publish_batch(
                TopicArn=parameters["TopicArn"], PublishBatchRequestEntries=entries
            )
        answer = batch_answer([entry["Id"] for entry in entries], refused)
        return Answer(200, {"content-type": "text/xml"}, answer.encode())


def _parameters(call: Call) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(call.body).items()}
