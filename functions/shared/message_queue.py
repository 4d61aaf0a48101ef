"""A queue: messages are received from it, and stay until they are deleted."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

# Of SQS (ReceiveMessage, and all calls that are batches).
ENTRIES_PER_CALL = 10


@dataclass(frozen=True)
class Received:
    """A message that was received, and stays in the queue until it is deleted."""

    id: str
    body: str = field(repr=False)
    receipt: str = field(repr=False)
    attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    """Its message attributes: `{"type", "value"}`, a binary value as base64."""


class MessageQueue:
    """A queue of SQS."""

    def __init__(self, client: SQSClient, *, url: str) -> None:
        self._client = client
        self._url = url

    def receive(self, *, wait_seconds: int) -> list[Received]:
        """At most ten messages, waited for if there are none; raises what the SDK raises."""
        messages: Any = self._client.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=ENTRIES_PER_CALL,
            WaitTimeSeconds=wait_seconds,
            MessageAttributeNames=["All"],
        ).get("Messages", ())
        return [
            Received(m["MessageId"], m["Body"], m["ReceiptHandle"], _attributes(m))
            for m in messages
        ]

    def delete(self, messages: Sequence[Received]) -> None:
        """Delete at most ten messages; raises what the SDK raises.

        One that stays all the same is received again.
        """
        if messages:
            self._client.delete_message_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(n), "ReceiptHandle": message.receipt}
                    for n, message in enumerate(messages)
                ],
            )


def _attributes(message: Mapping[str, Any]) -> dict[str, Mapping[str, str]]:
    attributes: Mapping[str, Mapping[str, Any]] = message.get("MessageAttributes", {})
    return {
        name: {
            "type": str(value["DataType"]),
            "value": b64encode(value["BinaryValue"]).decode()
            if "BinaryValue" in value
            else str(value.get("StringValue", "")),
        }
        for name, value in attributes.items()
    }
