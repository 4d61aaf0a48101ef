"""A queue that is subscribed to a topic for as long as it is needed, and leaves nothing behind."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self

from botocore.exceptions import ClientError

from console.deployed.aws import error_code

if TYPE_CHECKING:
    from types_boto3_sns import SNSClient
    from types_boto3_sqs import SQSClient

# Of a queue that is left behind after all: what is in it goes soon.
_RETENTION_SECONDS = 3600
_MOST = 10  # of SQS
_GONE = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "NotFound")


class TemporaryQueue:
    """The queue, while the context is open. Its methods raise what the SDK raises.

    Its name is known before it is made. So whatever an interrupt or a lost answer leaves undone is found and
    removed at the end, which no further interrupt stops.
    """

    def __init__(self, sqs: SQSClient, sns: SNSClient, *, name: str, topic_arn: str) -> None:
        self._sqs = sqs
        self._sns = sns
        self._topic = topic_arn
        self._name = name
        partition, _, region, account = topic_arn.split(":")[1:5]
        self.arn = f"arn:{partition}:sqs:{region}:{account}:{name}"
        self._url = ""

    def __enter__(self) -> Self:
        try:
            self._make()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self._remove()

    def receive(self, *, seconds: int) -> list[str]:
        """Take up to ten messages out of it, as the events were published; wait for the first one so long."""
        return [message["Body"] for message in self._taken(seconds)]

    def receive_redriven(self, *, seconds: int) -> list[tuple[str, bool]]:
        """The same, each with whether it came by a redrive."""
        return [
            (message["Body"], "redrive_episode" in message.get("MessageAttributes", {}))
            for message in self._taken(seconds)
        ]

    def _taken(self, seconds: int) -> list[Any]:
        found: Any = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=_MOST,
            WaitTimeSeconds=seconds,
            MessageAttributeNames=["All"],
        )
        messages: list[Any] = found.get("Messages", [])
        if messages:
            self._sqs.delete_message_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                    for number, message in enumerate(messages)
                ],
            )
        return messages

    def _make(self) -> None:
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": self.arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": self._topic}},
        }
        self._url = self._sqs.create_queue(
            QueueName=self._name,
            Attributes={
                "Policy": json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
                "MessageRetentionPeriod": str(_RETENTION_SECONDS),
            },
        )["QueueUrl"]
        self._sns.subscribe(
            TopicArn=self._topic,
            Protocol="sqs",
            Endpoint=self.arn,
            Attributes={"RawMessageDelivery": "true"},
        )

    def _remove(self) -> None:
        with _uninterrupted():
            pages = self._sns.get_paginator("list_subscriptions_by_topic").paginate(
                TopicArn=self._topic
            )
            for page in pages:
                for one in page["Subscriptions"]:
                    if one["Endpoint"] == self.arn and one["SubscriptionArn"].startswith("arn:"):
                        self._sns.unsubscribe(SubscriptionArn=one["SubscriptionArn"])
            try:
                url = self._url or self._sqs.get_queue_url(QueueName=self._name)["QueueUrl"]
                self._sqs.delete_queue(QueueUrl=url)
            except ClientError as error:
                if error_code(error) not in _GONE:
                    raise


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Meanwhile Ctrl-C and SIGTERM do nothing: what is done takes a second."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, signal.SIG_IGN) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
