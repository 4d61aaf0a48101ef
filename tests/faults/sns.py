"""SNS in memory: PublishBatch, and an assertion error for all else."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from tests.faults.http import Request, body, error, response
from tests.faults.memory import TOPIC_PREFIX, Memory
from tests.faults.vocabulary import LEFT_OUT, EntryRefusal, Refusal


def read(memory: Memory, request: AWSPreparedRequest) -> Request:
    """What a request asks for."""
    content = {name: values[0] for name, values in parse_qs(body(request).decode()).items()}
    assert content["Action"] == "PublishBatch"
    topic = content["TopicArn"].removeprefix(TOPIC_PREFIX)

    def act() -> AWSResponse:
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
            memory.topics.setdefault(topic, []).append(entry)
            done.append(entry["Id"])
        return response(200, batch_answer(done, failed))

    return Request("PublishBatch", topic, act)


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
    result = f"<Successful>{successful}</Successful><Failed>{refused}</Failed>"
    return (
        f"<PublishBatchResponse><PublishBatchResult>{result}</PublishBatchResult>"
        "</PublishBatchResponse>"
    )


def _size(entry: dict[str, Any]) -> int:
    texts = [entry["Message"]]
    texts += [name + "String" + value for name, value in entry["Attributes"].items()]
    return sum(len(text.encode()) for text in texts)
