"""SNS in memory: what the functions ask of it, and an assertion error for all else."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from tests.faults.http import Request, body, error, response
from tests.faults.memory import TOPIC_PREFIX, Memory
from tests.faults.vocabulary import LEFT_OUT, EntryRefusal, Refusal


def read(memory: Memory, request: AWSPreparedRequest) -> Request:
    """What a request asks for."""
    content = parameters(body(request).decode())
    topic = content["TopicArn"].removeprefix(TOPIC_PREFIX)
    actions: Mapping[str, Callable[[], AWSResponse]] = {
        "GetTopicAttributes": lambda: _answer("GetTopicAttributes", _attributes(memory, topic)),
        "ListSubscriptionsByTopic": lambda: _answer(
            "ListSubscriptionsByTopic", _subscriptions(memory, topic, content)
        ),
        "Publish": lambda: _publish(memory, content),
        "PublishBatch": lambda: _publish_batch(memory, request, topic, content),
    }
    act = actions[content["Action"]]

    def act_if_there() -> AWSResponse:
        return error(request, Refusal(404, "NotFound")) if topic in memory.deleted_topics else act()

    return Request(content["Action"], topic, act_if_there)


def parameters(text: str) -> dict[str, str]:
    """What the body of a request says."""
    return {name: values[0] for name, values in parse_qs(text).items()}


def _attributes(memory: Memory, topic: str) -> str:
    confirmed = memory.subscriptions.get(topic, 1)
    entry = f"<entry><key>SubscriptionsConfirmed</key><value>{confirmed}</value></entry>"
    return f"<Attributes>{entry}</Attributes>"


def _subscriptions(memory: Memory, topic: str, content: dict[str, str]) -> str:
    """A page of a hundred, as SNS has them."""
    start = int(content.get("NextToken", 0))
    found = memory.subscribers.get(topic, [])
    members = "".join(
        f"<member><Protocol>{protocol}</Protocol><Owner>{owner}</Owner>"
        "<Endpoint>somewhere-of-nobodys-business</Endpoint></member>"
        for protocol, owner in found[start : start + 100]
    )
    more = f"<NextToken>{start + 100}</NextToken>" if start + 100 < len(found) else ""
    return f"<Subscriptions>{members}</Subscriptions>{more}"


def _publish(memory: Memory, content: dict[str, str]) -> AWSResponse:
    subject, message = content["Subject"], content["Message"]
    assert 1 <= len(subject) < 100
    assert subject.isascii()
    assert subject.isprintable()
    assert len(message.encode()) <= memory.topic_bytes
    # Of any protocol that has no text of its own.
    structured = content.get("MessageStructure") == "json"
    memory.told.append((subject, json.loads(message)["default"] if structured else message))
    return _answer("Publish", "<MessageId>0</MessageId>")


def _publish_batch(
    memory: Memory, request: AWSPreparedRequest, topic: str, content: dict[str, str]
) -> AWSResponse:
    entries = batch_entries(content)
    assert len(entries) <= 10
    if sum(map(_size, entries)) > memory.topic_bytes:
        return error(request, Refusal(400, "BatchRequestTooLong"))
    done: list[str] = []
    failed: dict[str, EntryRefusal] = {}
    for entry in entries:
        if refused := memory.refuse_entry(topic, entry["Message"]):
            if refused is not LEFT_OUT:
                failed[entry["Id"]] = refused
            continue
        if memory.subscriptions.get(topic, 1):
            memory.topics.setdefault(topic, []).append(entry)
        done.append(entry["Id"])
    return response(200, batch_answer(done, failed))


def batch_entries(content: dict[str, str]) -> list[dict[str, Any]]:
    """The entries of a PublishBatch: `Id`, `Message` and `Attributes`."""
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


def batch_answer(done: list[str], failed: dict[str, EntryRefusal]) -> str:
    """The body of PublishBatch's answer, by entries' ids."""
    successful = "".join(
        f"<member><Id>{escape(id)}</Id><MessageId>0</MessageId></member>" for id in done
    )
    refused = "".join(
        f"<member><Id>{escape(id)}</Id><Code>{refusal.code}</Code><Message>an injected fault</Message>"
        f"<SenderFault>{str(refusal.sender_fault).lower()}</SenderFault></member>"
        for id, refusal in failed.items()
    )
    return _text("PublishBatch", f"<Successful>{successful}</Successful><Failed>{refused}</Failed>")


def _answer(action: str, result: str) -> AWSResponse:
    return response(200, _text(action, result))


def _text(action: str, result: str) -> str:
    return f"<{action}Response><{action}Result>{result}</{action}Result></{action}Response>"


def _size(entry: dict[str, Any]) -> int:
    texts = [entry["Message"]]
    texts += [name + "String" + value for name, value in entry["Attributes"].items()]
    return sum(len(text.encode()) for text in texts)
