"""AWS at the SDK's HTTP layer, in memory: what it holds, what it was asked, and faults on demand.

botocore asks `before-send` handlers before it opens a connection, and takes an answer from them: all of
the SDK but the network runs, its retries and time-outs included.
"""

from __future__ import annotations

import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast
from unittest.mock import patch
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from functions.shared.clients import Clients

REGION = "eu-north-1"
QUEUE_URL = f"https://sqs.{REGION}.amazonaws.com/123456789012/"
TOPIC_PREFIX = f"arn:aws:sns:{REGION}:123456789012:shop-topic-"


class Killed(BaseException):
    """The process died just now."""


@dataclass(frozen=True)
class Call:
    """One HTTP request that the SDK made."""

    service: str
    operation: str
    target: str
    """The table, bucket, queue or topic."""
    attempt: int
    """How often this operation has been sent to this target, this time included."""


Fault = str
# A refusal of an entry that the answer does not tell of.
LEFT_OUT = ("", False)
_DENIED = {
    "dynamodb": "AccessDeniedException",
    "s3": "AccessDenied",
    "sqs": "AccessDenied",
    "sns": "AuthorizationError",
}
_THROTTLED = {
    "dynamodb": "ThrottlingException",
    "s3": "SlowDown",
    "sqs": "RequestThrottled",
    "sns": "Throttled",
}
_BROKEN = dict.fromkeys(_DENIED, "InternalError")
_MISSING = {
    "dynamodb": "ResourceNotFoundException",
    "s3": "NoSuchBucket",
    "sqs": "AWS.SimpleQueueService.NonExistentQueue",
    "sns": "NotFound",
}
_REFUSALS = {
    "throttle": (400, _THROTTLED),
    "denied": (403, _DENIED),
    "missing": (404, _MISSING),
    "500": (500, _BROKEN),
}


@dataclass
class FakeAws:
    """The services' state; `fault` says what befalls a call, None for nothing."""

    fault: Callable[[Call], Fault | None] = lambda call: None
    refuse_entry: Callable[[str, str], tuple[str, bool] | None] = lambda target, body: None
    """For an entry of a batch: an error code and whether the sender is at fault, or None."""
    topic_bytes: int = 256 * 1024
    """What SNS takes in one call, attributes included."""
    tables: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    buckets: dict[str, dict[str, bytes]] = field(default_factory=dict)
    queues: dict[str, dict[str, str]] = field(default_factory=dict)
    hidden: dict[str, set[str]] = field(default_factory=dict)
    topics: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    inserted: Counter[str] = field(default_factory=Counter)
    """How often an item was written under a key."""
    slept: float = 0.0
    released: threading.Event = field(default_factory=threading.Event)
    """Set it to let go of calls that hang."""
    _attempts: Counter[tuple[str, str]] = field(default_factory=Counter)
    _message_ids: int = 0
    _lock: threading.RLock = field(default_factory=threading.RLock)
    """A service does one call after the other, each whole."""

    @contextmanager
    def installed(self) -> Iterator[Clients]:
        """Clients whose calls come here; pauses between retries are counted, not waited for."""
        clients = Clients()
        session: botocore.session.Session = clients._session
        session.set_credentials("test", "test")
        session.set_config_variable("region", REGION)
        session.register("before-send", cast("Any", self._answer))

        def sleep(seconds: float) -> None:
            self.slept += seconds

        with patch("botocore.retries.standard.time.sleep", sleep):
            yield clients

    def forget(self) -> None:
        """Begin anew, with the same clients."""
        for held in (self.tables, self.buckets, self.queues, self.hidden, self.topics):
            held.clear()
        self.inserted.clear()
        self.calls.clear()
        self._attempts.clear()

    def letters(self, queue: str) -> list[dict[str, Any]]:
        """The messages in a queue, as JSON."""
        return [json.loads(text) for text in self.queues.get(queue, {}).values()]

    def count(self, *operations: str) -> int:
        """How many HTTP requests of these operations were made; of all, when none is named."""
        return sum(not operations or call.operation in operations for call in self.calls)

    def _answer(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        service = re.match(r"https://(?:[^/]*\.)?(dynamodb|s3|sqs|sns)\.", request.url)
        assert service, request.url
        handle = getattr(self, f"_{service[1]}")
        operation, target, act = cast("tuple[str, str, Callable[[], AWSResponse]]", handle(request))
        with self._lock:
            self._attempts[operation, target] += 1
            call = Call(service[1], operation, target, self._attempts[operation, target])
            self.calls.append(call)
        fault = self.fault(call)
        if fault is None:
            with self._lock:
                return act()
        if fault in _REFUSALS:
            status, codes = _REFUSALS[fault]
            return self._error(service[1], status, codes[service[1]])
        return self._befall(fault, act, request.url)

    def _befall(self, fault: Fault, act: Callable[[], AWSResponse], url: str) -> AWSResponse:
        match fault:
            case "unreachable":
                raise EndpointConnectionError(endpoint_url=url)
            case "killed":
                raise Killed
            case "done-then-killed":
                with self._lock:
                    act()
                raise Killed
            case "done-then-timeout":
                with self._lock:
                    act()
            case "hang":
                self.released.wait(timeout=10)
        raise ReadTimeoutError(endpoint_url=url)

    def _error(self, service: str, status: int, code: str) -> AWSResponse:
        if service in ("dynamodb", "sqs"):
            body = json.dumps({"__type": f"com.amazonaws#{code}", "message": "an injected fault"})
            headers = {"x-amzn-query-error": f"{code};Sender"} if service == "sqs" else {}
            return _response(status, body, headers)
        error = f"<Error><Code>{code}</Code><Message>an injected fault</Message></Error>"
        wrapped = f"<ErrorResponse>{error}</ErrorResponse>" if service == "sns" else error
        return _response(status, wrapped)

    def _dynamodb(self, request: AWSPreparedRequest) -> tuple[str, str, Callable[[], AWSResponse]]:
        operation = _header(request, "X-Amz-Target").split(".")[1]
        content = json.loads(_body(request))
        if operation == "PutItem":
            return operation, content["TableName"], lambda: self._put_item(content)
        if operation == "BatchExecuteStatement":
            table = re.match(r'INSERT INTO "([^"]+)"', content["Statements"][0]["Statement"])
            assert table
            return operation, table[1], lambda: self._insert(table[1], content["Statements"])
        assert operation == "BatchGetItem", operation
        ((table_name, wanted),) = content["RequestItems"].items()
        return operation, table_name, lambda: self._batch_get(table_name, wanted)

    def _put_item(self, content: dict[str, Any]) -> AWSResponse:
        table = self.tables.setdefault(content["TableName"], {})
        key = content["Item"]["pk"]["S"]
        if key in table:
            assert content["ConditionExpression"] == "attribute_not_exists(pk)"
            error = {"__type": "com.amazonaws#ConditionalCheckFailedException", "Item": table[key]}
            return _response(400, json.dumps(error))
        table[key] = content["Item"]
        self.inserted[key] += 1
        return _response(200, "{}")

    def _insert(self, table_name: str, statements: list[dict[str, Any]]) -> AWSResponse:
        assert len(statements) <= 25
        table = self.tables.setdefault(table_name, {})
        answers: list[dict[str, Any]] = []
        for statement in statements:
            names = re.findall(r"'(\w+)':\?", statement["Statement"])
            item = dict(zip(names, statement["Parameters"], strict=True))
            key = item["pk"]["S"]
            refused = self.refuse_entry(table_name, key)
            if refused:
                answers.append({"Error": {"Code": refused[0], "Message": "injected"}})
            elif key in table:
                answers.append({"Error": {"Code": "DuplicateItem", "Message": "injected"}})
            else:
                table[key] = item
                self.inserted[key] += 1
                answers.append({"TableName": table_name})
        return _response(200, json.dumps({"Responses": answers}))

    def _batch_get(self, table_name: str, wanted: dict[str, Any]) -> AWSResponse:
        assert wanted["ConsistentRead"]
        table = self.tables.setdefault(table_name, {})
        names = [name.strip() for name in wanted["ProjectionExpression"].split(",")]
        keys = [key["pk"]["S"] for key in wanted["Keys"]]
        # Half of what was asked for, to see that the rest is asked for again.
        now, later = (
            (keys[: len(keys) // 2], keys[len(keys) // 2 :]) if len(keys) > 3 else (keys, [])
        )
        found = [{name: table[key][name] for name in names} for key in now if key in table]
        rest = {**wanted, "Keys": [{"pk": {"S": key}} for key in later]}
        unprocessed = {table_name: rest} if later else {}
        return _response(
            200, json.dumps({"Responses": {table_name: found}, "UnprocessedKeys": unprocessed})
        )

    def _s3(self, request: AWSPreparedRequest) -> tuple[str, str, Callable[[], AWSResponse]]:
        url = urlsplit(request.url)
        bucket, key = url.netloc.split(".")[0], unquote(url.path[1:])

        def put() -> AWSResponse:
            self.buckets.setdefault(bucket, {})[key] = _body(request)
            return _response(200, "", {"ETag": '"0"'})

        assert request.method == "PUT"
        return "PutObject", bucket, put

    def _sqs(self, request: AWSPreparedRequest) -> tuple[str, str, Callable[[], AWSResponse]]:
        operation = _header(request, "X-Amz-Target").split(".")[1]
        content = json.loads(_body(request))
        name = content["QueueUrl"].rsplit("/", 1)[1]
        queue = self.queues.setdefault(name, {})
        hidden = self.hidden.setdefault(name, set())

        def act() -> AWSResponse:
            match operation:
                case "SendMessageBatch":
                    return self._send_batch(name, content["Entries"])
                case "ReceiveMessage":
                    most = content.get("MaxNumberOfMessages", 1)
                    seen = [handle for handle in queue if handle not in hidden][:most]
                    hidden.update(seen)
                    messages = [
                        {"MessageId": h, "ReceiptHandle": h, "Body": queue[h]} for h in seen
                    ]
                    return _response(200, json.dumps({"Messages": messages} if messages else {}))
                case "DeleteMessage":
                    queue.pop(content["ReceiptHandle"], None)
                case "ChangeMessageVisibility":
                    assert content["VisibilityTimeout"] == 0
                    hidden.discard(content["ReceiptHandle"])
                case _:
                    raise AssertionError(operation)
            return _response(200, "{}")

        return operation, name, act

    def _send_batch(self, queue: str, entries: list[dict[str, Any]]) -> AWSResponse:
        assert len(entries) <= 10
        assert sum(len(entry["MessageBody"].encode()) for entry in entries) <= 1024 * 1024
        done, failed = [], []
        for entry in entries:
            if refused := self.refuse_entry(queue, entry["MessageBody"]):
                code, sender = refused
                if refused is LEFT_OUT:
                    continue
                failed.append({"Id": entry["Id"], "Code": code, "SenderFault": sender})
                continue
            self._message_ids += 1
            self.queues[queue][f"m{self._message_ids}"] = entry["MessageBody"]
            done.append({"Id": entry["Id"], "MessageId": "0", "MD5OfMessageBody": _md5(entry)})
        return _response(200, json.dumps({"Successful": done, "Failed": failed}))

    def _sns(self, request: AWSPreparedRequest) -> tuple[str, str, Callable[[], AWSResponse]]:
        content = {name: values[0] for name, values in parse_qs(_body(request).decode()).items()}
        assert content["Action"] == "PublishBatch"
        topic = content["TopicArn"].removeprefix(TOPIC_PREFIX)

        def act() -> AWSResponse:
            entries = _sns_entries(content)
            assert len(entries) <= 10
            if sum(map(_sns_size, entries)) > self.topic_bytes:
                return self._error("sns", 400, "BatchRequestTooLong")
            done, failed = "", ""
            for entry in entries:
                if refused := self.refuse_entry(topic, entry["Message"]):
                    code, sender = refused
                    if refused is LEFT_OUT:
                        continue
                    failed += (
                        f"<member><Id>{entry['Id']}</Id><Code>{code}</Code>"
                        f"<Message>injected</Message><SenderFault>{str(sender).lower()}</SenderFault></member>"
                    )
                    continue
                self.topics.setdefault(topic, []).append(entry)
                done += f"<member><Id>{escape(entry['Id'])}</Id><MessageId>0</MessageId></member>"
            result = f"<Successful>{done}</Successful><Failed>{failed}</Failed>"
            return _response(
                200,
                f"<PublishBatchResponse><PublishBatchResult>{result}</PublishBatchResult>"
                "</PublishBatchResponse>",
            )

        return "PublishBatch", topic, act


def _sns_entries(content: dict[str, str]) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    while (prefix := f"PublishBatchRequestEntries.member.{len(entries) + 1}") + ".Id" in content:
        attributes: dict[str, str] = {}
        while (a := f"{prefix}.MessageAttributes.entry.{len(attributes) + 1}") + ".Name" in content:
            attributes[content[f"{a}.Name"]] = content[f"{a}.Value.StringValue"]
        entries.append(
            {
                "Id": content[f"{prefix}.Id"],
                "Message": content[f"{prefix}.Message"],
                "Attributes": attributes,
            }
        )
    return entries


def _sns_size(entry: dict[str, Any]) -> int:
    texts = [entry["Message"]]
    texts += [name + "String" + value for name, value in entry["Attributes"].items()]
    return sum(len(text.encode()) for text in texts)


def _md5(entry: dict[str, Any]) -> str:
    from hashlib import md5

    return md5(entry["MessageBody"].encode(), usedforsecurity=False).hexdigest()


def _header(request: AWSPreparedRequest, name: str) -> str:
    value = request.headers[name]
    return value.decode() if isinstance(value, bytes) else str(value)


def _body(request: AWSPreparedRequest) -> bytes:
    body: Any = request.body
    if hasattr(body, "read"):
        body = body.read()
    content = body if isinstance(body, bytes) else str(body or "").encode()
    if "aws-chunked" in str(request.headers.get("Content-Encoding", "")):
        # Chunks with their lengths, then trailers; the SDK sends what we send as one chunk.
        length, _, rest = content.partition(b"\r\n")
        content = rest[: int(length, 16)]
    return content


class _Raw:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self._content


def _response(status: int, body: str, headers: dict[str, str] | None = None) -> AWSResponse:
    raw = cast("Any", _Raw(body.encode()))
    return AWSResponse("https://aws.test", status, cast("Any", headers or {}), raw)
