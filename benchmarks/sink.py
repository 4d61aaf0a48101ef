"""AWS as fast as it gets: takes every call that the functions make, waits, answers, and counts.

It keeps nothing. Delays and refusals are set, and counts are taken, over HTTP under `/-/`; see
`Sink.settings`. Run as a process of its own, it prints its two ports, and writes the certificate
that its TLS port shows.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

CERTIFICATE = "certificate.pem"
_ENTRY_IDS = re.compile(rb"member\.\d+\.Id=([^&]+)")


@dataclass
class Sink:
    """What the sink was told, and what it has counted since."""

    delays: dict[str, float] = field(default_factory=dict)
    """Seconds by operation; `*` stands for all others."""
    refuse_every: dict[str, int] = field(default_factory=dict)
    """By operation: every so many entries of batches one is refused, as a fault of the sender."""
    item: dict[str, Any] | None = None
    """What BatchGetItem finds under every key; nothing when there is none."""
    content: str = ""
    """What is in every object, and in every message of a queue."""
    counts: Counter[str] = field(default_factory=Counter)
    entries: Counter[str] = field(default_factory=Counter)

    def settings(self, content: dict[str, Any]) -> None:
        """Start anew with these delays and refusals."""
        self.delays = content.get("delays", {})
        self.refuse_every = content.get("refuse_every", {})
        self.item = content.get("item")
        self.content = content.get("content", "")
        self.counts.clear()
        self.entries.clear()

    def delay(self, operation: str) -> float:
        """How long this operation takes."""
        return self.delays.get(operation, self.delays.get("*", 0.0))

    def refuses(self, operation: str) -> bool:
        """Whether the next entry of a batch of this operation is refused."""
        self.entries[operation] += 1
        every = self.refuse_every.get(operation, 0)
        return every > 0 and self.entries[operation] % every == 0

    def answer(self, head: bytes, body: bytes) -> tuple[str, bytes]:
        """The operation that a request calls, and the body of its answer."""
        target = _header(head, b"x-amz-target")
        if target is not None:
            operation = target.rpartition(b".")[2].decode()
            return operation, _JSON[operation](self, json.loads(body))
        if head.startswith(b"PUT "):
            return "PutObject", b""
        if head.startswith(b"GET "):
            return "GetObject", self.content.encode()
        operation = body.partition(b"Action=")[2].partition(b"&")[0].decode()
        return operation, _QUERY[operation](self, body)


def _execute(sink: Sink, content: Any) -> bytes:
    refused = {"Error": {"Code": "ThrottlingError", "Message": "refused"}}
    return json.dumps(
        {
            "Responses": [
                refused if sink.refuses("BatchExecuteStatement") else {"TableName": "events"}
                for _ in content["Statements"]
            ]
        }
    ).encode()


def _get_items(sink: Sink, content: Any) -> bytes:
    found = {
        table: [{**sink.item, **key} for key in wanted["Keys"]] if sink.item else []
        for table, wanted in content["RequestItems"].items()
    }
    return json.dumps({"Responses": found}).encode()


def _receive(sink: Sink, _content: Any) -> bytes:
    message = {"MessageId": "0", "ReceiptHandle": "0", "Body": sink.content}
    return json.dumps({"Messages": [message]}).encode()


def _nothing(_sink: Sink, _content: Any) -> bytes:
    return b"{}"


def _put_records(_sink: Sink, content: Any) -> bytes:
    answers = [{"RecordId": "0"}] * len(content["Records"])
    return json.dumps({"FailedPutCount": 0, "RequestResponses": answers}).encode()


def _send_messages(sink: Sink, content: Any) -> bytes:
    done, failed = [], []
    for entry in content["Entries"]:
        if sink.refuses("SendMessageBatch"):
            failed.append({"Id": entry["Id"], "Code": "InternalError", "SenderFault": False})
        else:
            done.append({"Id": entry["Id"], "MessageId": "0"})
    return json.dumps({"Successful": done, "Failed": failed}).encode()


def _publish(_sink: Sink, _body: bytes) -> bytes:
    return b"<PublishResponse><PublishResult><MessageId>0</MessageId></PublishResult></PublishResponse>"


def _publish_batch(sink: Sink, body: bytes) -> bytes:
    done, failed = b"", b""
    for name in _ENTRY_IDS.findall(body):
        if sink.refuses("PublishBatch"):
            failed += (
                b"<member><Id>%b</Id><Code>InvalidParameter</Code><Message>refused</Message>"
                b"<SenderFault>true</SenderFault></member>" % name
            )
        else:
            done += b"<member><Id>%b</Id><MessageId>0</MessageId></member>" % name
    result = b"<Successful>%b</Successful><Failed>%b</Failed>" % (done, failed)
    return (
        b"<PublishBatchResponse><PublishBatchResult>%b</PublishBatchResult></PublishBatchResponse>"
        % result
    )


_JSON: dict[str, Callable[[Sink, Any], bytes]] = {
    "PutItem": _nothing,
    "GetItem": _nothing,
    "ExecuteStatement": _nothing,
    "BatchExecuteStatement": _execute,
    "BatchGetItem": _get_items,
    "PutRecordBatch": _put_records,
    "SendMessageBatch": _send_messages,
    "UpdateItem": _nothing,
    "ReceiveMessage": _receive,
    "DeleteMessage": _nothing,
}
_QUERY: dict[str, Callable[[Sink, bytes], bytes]] = {
    "Publish": _publish,
    "PublishBatch": _publish_batch,
}


class Connection(asyncio.Protocol):
    """One keep-alive connection; its client waits for each answer before it asks again."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._received = bytearray()
        self._continued = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count it: each new connection over TLS costs its client a handshake."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._sink.counts["connections"] += 1

    def data_received(self, data: bytes) -> None:
        """Answer as soon as a request is complete."""
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        head, rest = bytes(self._received[:end]), bytes(self._received[end + 4 :])
        if _header(head, b"expect") and not self._continued:
            self._continued = True
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = _body(head, rest)
        if body is None:
            return
        self._received.clear()
        self._continued = False
        if head.startswith((b"POST /-/", b"GET /-/")):
            self._control(head, body)
            return
        operation, answer = self._sink.answer(head, body)
        self._sink.counts[operation] += 1
        delay = self._sink.delay(operation)
        if delay:
            asyncio.get_running_loop().call_later(delay, self._send, answer)
        else:
            self._send(answer)

    def _control(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"POST"):
            self._sink.settings(json.loads(body))
        self._send(json.dumps(self._sink.counts).encode())

    def _send(self, body: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(
                b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
            )


def _header(head: bytes, name: bytes) -> bytes | None:
    match = re.search(rb"\r\n%b:[ ]*([^\r]*)" % re.escape(name), head, re.IGNORECASE)
    return match[1] if match else None


def _body(head: bytes, rest: bytes) -> bytes | None:
    """The request's body, None while some of it is still to come."""
    if (_header(head, b"transfer-encoding") or b"").lower() == b"chunked":
        return rest if _ends(rest) else None
    length = int(_header(head, b"content-length") or 0)
    return rest[:length] if len(rest) >= length else None


def _ends(chunked: bytes) -> bool:
    """Whether the chunks go as far as the last, which is empty."""
    position = 0
    while (line_end := chunked.find(b"\r\n", position)) >= 0:
        size = int(chunked[position:line_end], 16)
        if not size:
            return chunked.find(b"\r\n\r\n", line_end) >= 0
        position = line_end + 2 + size + 2
    return False


def make_certificate(folder: Path) -> ssl.SSLContext:
    """A server's TLS with a new certificate for 127.0.0.1, which is left in `folder`."""
    # Not among the imports of the module: only the sink's own process has the library.
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "benchmarks")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    (folder / CERTIFICATE).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file = folder / "key.pem"
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / CERTIFICATE, key_file)
    return context


async def serve(folder: Path) -> None:
    """Serve until the process is ended; print the ports when they are open."""
    sink = Sink()
    loop = asyncio.get_running_loop()
    servers = [
        await loop.create_server(lambda: Connection(sink), "127.0.0.1", 0, ssl=tls)
        for tls in (None, make_certificate(folder))
    ]
    ports = [server.sockets[0].getsockname()[1] for server in servers]
    print(json.dumps(dict(zip(("http", "https"), ports, strict=True))), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
