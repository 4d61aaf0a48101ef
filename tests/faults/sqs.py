"""SQS in memory: what the functions ask of it, and an assertion error for all else."""

from __future__ import annotations

from hashlib import md5
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from tests.faults.http import Request, json_body, json_response
from tests.faults.memory import Memory
from tests.faults.vocabulary import LEFT_OUT


def read(memory: Memory, request: AWSPreparedRequest) -> Request:
    """What a request asks for."""
    operation, content = json_body(request)
    name = content["QueueUrl"].rsplit("/", 1)[1]
    queue = memory.queues.setdefault(name, {})
    hidden = memory.hidden.setdefault(name, set())

    def act() -> AWSResponse:
        match operation:
            case "SendMessage":
                return _send(memory, name, content)
            case "SendMessageBatch":
                return _send_batch(memory, name, content["Entries"])
            case "ReceiveMessage":
                most = content.get("MaxNumberOfMessages", 1)
                seen = [handle for handle in queue if handle not in hidden][:most]
                hidden.update(seen)
                messages = [_received(memory, handle, queue[handle]) for handle in seen]
                return json_response({"Messages": messages} if messages else {})
            case "DeleteMessage":
                queue.pop(content["ReceiptHandle"], None)
            case "DeleteMessageBatch":
                return _delete_batch(queue, content["Entries"])
            case "GetQueueAttributes":
                visible = sum(handle not in hidden for handle in queue)
                known = {
                    "ApproximateNumberOfMessages": visible,
                    "ApproximateNumberOfMessagesNotVisible": len(queue) - visible,
                }
                attributes = {wanted: str(known[wanted]) for wanted in content["AttributeNames"]}
                return json_response({"Attributes": attributes})
            case "ChangeMessageVisibilityBatch":
                assert 1 <= len(content["Entries"]) <= 10
                assert all(entry["VisibilityTimeout"] == 0 for entry in content["Entries"])
                hidden.difference_update(entry["ReceiptHandle"] for entry in content["Entries"])
            case "ChangeMessageVisibility":
                assert content["VisibilityTimeout"] == 0
                hidden.discard(content["ReceiptHandle"])
            case _:
                raise AssertionError(operation)
        return json_response({})

    return Request(operation, name, act)


def _send(memory: Memory, queue: str, content: dict[str, Any]) -> AWSResponse:
    memory.messages_sent += 1
    handle, text = f"m{memory.messages_sent}", content["MessageBody"]
    memory.queues[queue][handle] = text
    memory.attributes[handle] = content.get("MessageAttributes", {})
    digest = md5(text.encode(), usedforsecurity=False).hexdigest()
    return json_response({"MessageId": handle, "MD5OfMessageBody": digest})


def _received(memory: Memory, handle: str, text: str) -> dict[str, Any]:
    message = {"MessageId": handle, "ReceiptHandle": handle, "Body": text}
    attributes = memory.attributes.get(handle)
    return {**message, "MessageAttributes": attributes} if attributes else message


def _delete_batch(queue: dict[str, str], entries: list[dict[str, Any]]) -> AWSResponse:
    assert 1 <= len(entries) <= 10
    for entry in entries:
        queue.pop(entry["ReceiptHandle"], None)
    return json_response({"Successful": [{"Id": entry["Id"]} for entry in entries], "Failed": []})


def _send_batch(memory: Memory, queue: str, entries: list[dict[str, Any]]) -> AWSResponse:
    assert len(entries) <= 10
    assert sum(len(entry["MessageBody"].encode()) for entry in entries) <= 1024 * 1024
    done, failed = [], []
    for entry in entries:
        id, text = entry["Id"], entry["MessageBody"]
        refused = memory.refuse_entry(queue, text)
        if refused is LEFT_OUT:
            continue
        if refused:
            failed.append({"Id": id, "Code": refused.code, "SenderFault": refused.sender_fault})
            continue
        memory.messages_sent += 1
        memory.queues[queue][f"m{memory.messages_sent}"] = text
        digest = md5(text.encode(), usedforsecurity=False).hexdigest()
        done.append({"Id": id, "MessageId": "0", "MD5OfMessageBody": digest})
    return json_response({"Successful": done, "Failed": failed})
