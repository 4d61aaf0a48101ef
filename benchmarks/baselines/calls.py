"""Targets 4 to 6: the calls that samples make, in the order in which samples make them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import boto3


class PutAndPut:
    """Each event of a request is put into the table, then into the archive."""

    def __init__(self) -> None:
        self._dynamodb = boto3.client("dynamodb")
        self._s3 = boto3.client("s3")

    def __call__(self, request: Mapping[str, Any]) -> None:
        """Take the events of an API Gateway request."""
        content = json.loads(request["body"])
        for event in content if isinstance(content, list) else [content]:
            text, accepted_at = json.dumps(event), datetime.now(UTC).isoformat()
            self._dynamodb.put_item(
                TableName="events",
                Item={
                    "pk": {"S": f"{event['source']}#{event['id']}"},
                    "event": {"S": text},
                    "type": {"S": event["type"]},
                    "accepted_at": {"S": accepted_at},
                },
                ConditionExpression="attribute_not_exists(pk)",
            )
            self._s3.put_object(
                Bucket="archive", Key=f"{accepted_at[:10]}/{event['id']}.json", Body=text.encode()
            )


# As the catalogue routes the benchmark's events.
_TOPICS = {
    "com.example.shop.order.placed.v1": "orders",
    "com.example.shop.payment.failed.v1": "payments-failed",
    "com.example.shop.payment.captured.v1": "payments",
    "com.example.shop.customer.registered.v1": "customers",
}


def _topic(event: Mapping[str, Any]) -> str:
    return "orders-priority" if event["data"].get("total", 0) >= 500 else _TOPICS[event["type"]]


def _attributes(event: Mapping[str, Any], publisher: str) -> Any:
    texts = {
        "type": event["type"],
        "source": event["source"],
        "publisher": publisher,
        "subject": event["subject"],
    }
    return {name: {"DataType": "String", "StringValue": text} for name, text in texts.items()}


class PublishEach:
    """Each record of a stream batch is published by itself."""

    def __init__(self, arn_prefix: str) -> None:
        self._sns = boto3.client("sns")
        self._arn_prefix = arn_prefix

    def __call__(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Publish the records of a stream batch."""
        for record in records:
            image = record["dynamodb"]["NewImage"]
            event = json.loads(image["event"]["S"])
            self._sns.publish(
                TopicArn=self._arn_prefix + _topic(event),
                Message=image["event"]["S"],
                MessageAttributes=_attributes(event, image["publisher"]["S"]),
            )


class PublishBatches:
    """Records are gathered by topic and published by tens, one call after the other."""

    def __init__(self, arn_prefix: str) -> None:
        self._sns = boto3.client("sns")
        self._arn_prefix = arn_prefix

    def __call__(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Publish the records of a stream batch."""
        by_topic: dict[str, list[Any]] = defaultdict(list)
        for record in records:
            image = record["dynamodb"]["NewImage"]
            event = json.loads(image["event"]["S"])
            by_topic[_topic(event)].append(
                {
                    "Id": record["dynamodb"]["SequenceNumber"],
                    "Message": image["event"]["S"],
                    "MessageAttributes": _attributes(event, image["publisher"]["S"]),
                }
            )
        for topic, entries in by_topic.items():
            for start in range(0, len(entries), 10):
                response = self._sns.publish_batch(
                    TopicArn=self._arn_prefix + topic,
                    PublishBatchRequestEntries=entries[start : start + 10],
                )
                assert not response.get("Failed")
