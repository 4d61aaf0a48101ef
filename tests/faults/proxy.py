"""Faults between a function's SDK and the emulator: an HTTP proxy.

It answers in AWS's place, or not at all. (`microburst`, from PyPI, does much of this, but knows no
batches in which one entry fails.)
"""

from __future__ import annotations

import json
import re
import select
import socket
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import urllib3

from tests.faults.http import error_text
from tests.faults.sdk import HANG_SECONDS
from tests.faults.sns import batch_answer, batch_entries, parameters
from tests.faults.vocabulary import (
    Call,
    EntryFaults,
    EntryRefusal,
    Fault,
    Service,
    no_entry,
    nothing,
    refusal,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.deployment import Deployment

# Services whose requests name their operation in a header, by what it begins with.
_TARGETS: Mapping[str, Service] = {
    "DynamoDB_20120810": "dynamodb",
    "Firehose_20150804": "firehose",
    "AmazonSQS": "sqs",
    "AWSStepFunctions": "states",
}
_STATEMENT_TABLE = re.compile(r'(?:INTO|UPDATE) \\"([^"\\]+)')
# Set by who sits at one end of a connection, for that connection.
_HOP_BY_HOP = ("connection", "content-length", "expect", "proxy-connection", "transfer-encoding")


@dataclass(frozen=True)
class Received:
    """A request of an SDK, as it came."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def function(self) -> str:
        """The function whose SDK it is, where that has been told (`put_in_the_way`)."""
        found = re.search(r"\bapp/([\w-]+)", self.headers.get("User-Agent", ""))
        return found[1] if found else ""


@dataclass(frozen=True)
class FunctionCall(Call):
    """A call that a function makes, where that is known."""

    function: str = ""


Faults = Callable[[FunctionCall], Fault | None]
"""Decides what happens to a call; None: it goes through."""
Hears = Callable[[FunctionCall], None]
"""Hears of a call that was done, and whose function was gone before it could be answered."""


@dataclass(frozen=True)
class Answer:
    """What the SDK gets to see."""

    status: int
    headers: Mapping[str, str]
    content: bytes


@dataclass
class Proxy:
    """A proxy before a deployment's services; `kill` ends the processes of a function, for such faults."""

    deployment: Deployment
    kill: Callable[[str], None] = lambda function: None
    url: str = ""
    _fault: Faults = nothing
    _refuse_entry: EntryFaults = no_entry
    _unheard: Hears = lambda call: None
    _released: threading.Event = field(default_factory=threading.Event)
    _counts: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(maxsize=20))

    @contextmanager
    def failing(
        self,
        fault: Faults = nothing,
        *,
        refuse_entry: EntryFaults = no_entry,
        unheard: Hears = lambda call: None,
    ) -> Iterator[None]:
        """Meanwhile these decide, and calls are counted anew; calls that hang are let go of at the end.

        Entries are refused in batches for topics and tables.
        """
        self._counts.clear()
        self._released.clear()
        self._fault, self._refuse_entry, self._unheard = fault, refuse_entry, unheard
        try:
            yield
        finally:
            self._fault, self._refuse_entry, self._unheard = nothing, no_entry, lambda call: None
            self._released.set()

    @contextmanager
    def serving(self) -> Iterator[Proxy]:
        """Serve on a free port of 127.0.0.1."""
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def _serve(self) -> None:
                length = int(self.headers.get("content-length", 0))
                content = self.rfile.read(length)
                received = Received(self.command, self.path, dict(self.headers), content)
                # Who is killed while sending has asked for nothing.
                whole = len(content) == length
                answer = proxy._answer(received, self.connection) if whole else None
                if answer is None:
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if self.command != "HEAD":
                    self.send_header("content-length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            do_DELETE = do_GET = do_HEAD = do_POST = do_PUT = _serve  # noqa: N815 - the base class's names

            def handle_one_request(self) -> None:
                # Whoever asked may be gone by now: timed out, or killed.
                self.close_connection = True
                with suppress(ConnectionError):
                    super().handle_one_request()

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

    def put_in_the_way(self, function: str) -> None:
        """Have the calls of a function go through here, and its SDK say whose they are."""
        lambdas = self.deployment.client("lambda")
        found = lambdas.get_function_configuration(FunctionName=function)
        variables = {
            **found["Environment"]["Variables"],
            # The emulator answers to its own name only, so the proxy is none of its endpoints.
            "http_proxy": self.url,
            "no_proxy": "",
            "AWS_SDK_UA_APP_ID": function,
        }
        lambdas.update_function_configuration(
            FunctionName=function, Environment={"Variables": variables}
        )

    def _answer(self, received: Received, connection: socket.socket) -> Answer | None:
        call = self._read(received)
        answer = self._made(received, call)
        if answer and _is_closed(connection):
            self._unheard(call)
        return answer

    def _made(self, received: Received, call: FunctionCall) -> Answer | None:
        fault = self._fault(call)
        match fault:
            case None:
                refused = self._refused_entries(call)
                return self._do_others(call, refused) if refused else self._send(received)
            case "hang":
                self._released.wait(HANG_SECONDS)
                return None
            case "done-then-timeout":
                self._send(received)
                self._released.wait(HANG_SECONDS)
                return None
            case "killed":
                self.kill(call.function)
                return None
            case "done-then-killed":
                self._send(received)
                self.kill(call.function)
                return None
        refusing = refusal(fault, call.service)
        assert refusing, f"a proxy can't do {fault!r}"
        text, more = error_text(received.headers, received.body, refusing)
        return Answer(refusing.status, more, text.encode())

    def _read(self, received: Received) -> FunctionCall:
        service, operation, target = _meant(received)
        with self._lock:
            self._counts[target] += 1
            number = self._counts[target]
        text = received.body.decode(errors="replace")
        return FunctionCall(service, operation, target, number, text, received.function)

    def _send(self, received: Received) -> Answer:
        # The host is the emulator's already, and part of what was signed.
        url = f"{self.deployment.cloud.endpoint_url}{_path(received.url)}"
        headers = {k: v for k, v in received.headers.items() if k.lower() not in _HOP_BY_HOP}
        response = self._pool.request(
            received.method, url, body=received.body, headers=headers, retries=False
        )
        answered = {k: v for k, v in response.headers.items() if k.lower() not in _HOP_BY_HOP}
        return Answer(response.status, answered, response.data)

    def _refused_entries(self, call: Call) -> dict[str, EntryRefusal]:
        match call.operation:
            case "PublishBatch":
                entries = {e["Id"]: e["Message"] for e in batch_entries(parameters(call.body))}
            case "BatchExecuteStatement":
                statements = json.loads(call.body)["Statements"]
                entries = {str(n): json.dumps(statement) for n, statement in enumerate(statements)}
            case _:
                return {}
        judged = {id: self._refuse_entry(call.target, text) for id, text in entries.items()}
        return {id: refused for id, refused in judged.items() if refused}

    def _do_others(self, call: Call, refused: dict[str, EntryRefusal]) -> Answer:
        """Do what is not refused, and answer as the service does."""
        return (self._publish if call.service == "sns" else self._execute)(call, refused)

    def _publish(self, call: Call, refused: dict[str, EntryRefusal]) -> Answer:
        content = parameters(call.body)
        entries = [entry for entry in batch_entries(content) if entry["Id"] not in refused]
        if entries:
            self.deployment.client("sns").publish_batch(
                TopicArn=content["TopicArn"],
                PublishBatchRequestEntries=[
                    {
                        "Id": entry["Id"],
                        "Message": entry["Message"],
                        "MessageAttributes": {
                            name: {"DataType": "String", "StringValue": value}
                            for name, value in entry["Attributes"].items()
                        },
                    }
                    for entry in entries
                ],
            )
        answer = batch_answer([entry["Id"] for entry in entries], refused)
        return Answer(200, {"content-type": "text/xml"}, answer.encode())

    def _execute(self, call: Call, refused: dict[str, EntryRefusal]) -> Answer:
        statements = json.loads(call.body)["Statements"]
        others = [s for n, s in enumerate(statements) if str(n) not in refused]
        done = iter(
            self.deployment.client("dynamodb").batch_execute_statement(Statements=others)[
                "Responses"
            ]
            if others
            else ()
        )
        responses = [
            {"Error": {"Code": refused[str(n)].code, "Message": "an injected fault"}}
            if str(n) in refused
            else next(done)
            for n in range(len(statements))
        ]
        text = json.dumps({"Responses": responses})
        return Answer(200, {"content-type": "application/x-amz-json-1.0"}, text.encode())


def _meant(received: Received) -> tuple[Service, str, str]:
    """Service, operation and target of a request."""
    named, _, operation = received.headers.get("X-Amz-Target", "").partition(".")
    text = received.body.decode(errors="replace")
    if service := _TARGETS.get(named):
        content = json.loads(text)
        if service == "firehose":
            return service, operation, content["DeliveryStreamName"]
        if service == "sqs":
            return service, operation, content["QueueUrl"].rpartition("/")[2]
        if service == "states":
            arn = content.get("stateMachineArn") or content.get("executionArn", "")
            return service, operation, arn.rpartition(":")[2]
        tables = [content.get("TableName"), *content.get("RequestItems", ())]
        tables += _STATEMENT_TABLE.findall(text)
        return service, operation, next(filter(None, tables))
    if "Action=" in text and "TopicArn" in (content := parameters(text)):
        topic = content["TopicArn"]
        return "sns", content["Action"], re.split(r"-topic-|:", topic)[-1]
    path = _path(received.url)
    if named or "Action=" in text:
        return "monitoring", operation, ""
    if re.match(r"/20\d\d-", path):
        return "lambda", received.method, ""
    return "s3", received.method, path.split("/")[1].partition("?")[0]


def _is_closed(connection: socket.socket) -> bool:
    """Whether who asked has hung up."""
    if not select.select([connection], [], [], 0)[0]:
        return False
    try:
        return not connection.recv(1, socket.MSG_PEEK)
    except ConnectionError:
        return True


def _path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
