"""Publishes messages to this deployment's SNS topics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from eventing.cause import Cause, aws_cause, cause_of
from eventing.message import Message

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient

# Of SNS (PublishBatch): the bytes are those of all entries of a call, attributes included.
ENTRIES_PER_CALL = 10
BYTES_PER_CALL = 256 * 1024


class Topics:
    """The topics of the catalogue in this region."""

    def __init__(self, client: SNSClient, *, arn_prefix: str) -> None:
        self._client = client
        self._arn_prefix = arn_prefix

    def publish(self, topic: str, messages: Sequence[Message]) -> list[Cause | None]:
        """One PublishBatch of at most 10 messages and 256 KiB; for each, None or why it was not taken."""
        try:
            response = self._client.publish_batch(
                TopicArn=self._arn_prefix + topic,
                PublishBatchRequestEntries=[
                    {
                        "Id": str(number),
                        "Message": message.body,
                        "MessageAttributes": {
                            name: {"DataType": "String", "StringValue": value}
                            for name, value in message.attributes.items()
                        },
                    }
                    for number, message in enumerate(messages)
                ],
            )
        except Exception as error:
            return [cause_of(error)] * len(messages)
        fates: list[Cause | None] = [None] * len(messages)
        for failed in response.get("Failed", ()):
            fates[int(failed["Id"])] = aws_cause(
                failed["Code"], failed.get("Message", ""), sender_fault=failed["SenderFault"]
            )
        return fates
