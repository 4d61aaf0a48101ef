"""Publishes messages to this deployment's SNS topics."""

from __future__ import annotations

from collections.abc import Sequence
from random import uniform
from time import sleep
from typing import TYPE_CHECKING

from eventing.cause import Cause, aws_cause, cause_of
from eventing.message import Message

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient

# Of SNS (PublishBatch).
ENTRIES_PER_CALL = 10


# Pauses before an entry that SNS itself failed on is sent again; half of each is left to chance.
_PAUSES = (0.1, 0.4)


class Topics:
    """The topics of the catalogue in this region."""

    def __init__(self, client: SNSClient, *, arn_prefix: str) -> None:
        self._client = client
        self._arn_prefix = arn_prefix

    def publish(self, topic: str, messages: Sequence[Message]) -> list[Cause | None]:
        """One PublishBatch of at most 10 messages; for each, None or why SNS has not taken it.

        A call that fails has been tried again by the SDK. Entries that fail in an answer are sent
        again here, as long as their causes are transient, twice at most.
        """
        fates: list[Cause | None] = [None] * len(messages)
        waiting = list(range(len(messages)))
        for pause in (*_PAUSES, None):
            try:
                answers = self._publish(topic, [messages[n] for n in waiting])
            except Exception as error:
                answers, pause = [cause_of(error)] * len(waiting), None
            for number, cause in zip(waiting, answers, strict=True):
                fates[number] = cause
            waiting = [n for n in waiting if (cause := fates[n]) and cause.retryable]
            if not waiting or pause is None:
                break
            sleep(pause * uniform(0.5, 1))
        return fates

    def _publish(self, topic: str, messages: Sequence[Message]) -> list[Cause | None]:
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
        fates: list[Cause | None] = [None] * len(messages)
        for failed in response.get("Failed", ()):
            fates[int(failed["Id"])] = aws_cause(
                failed["Code"], failed.get("Message", ""), sender_fault=failed["SenderFault"]
            )
        return fates
