"""Looks up what the tables of this region have of one event, and never the event itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from eventing.publishers.inquiry import LetterState, Proof, Stored
from eventing.receipts import partition_of, topic_of
from eventing.timestamps import read_moment
from functions.contract import LEDGER_EVENT_INDEX, LETTER_STATE_MEMBERS, STORED_MEMBERS

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

MOST_PAGES = 20
"""Of a partition of receipts, 1 MB each with some 7,000 receipts: of a minute in which half a million events
came one by one, or many millions in batches."""


class ReceiptsUnread(Exception):  # noqa: N818 - what was found
    """The event may be in a receipt that was not read: there are more than can be looked through."""


class EventRecords:
    """Reads the Events table, the ledger and the receipts. Its methods raise what the SDK raises.

    `key` is the event's in the Events table.
    """

    def __init__(self, client: DynamoDBClient, *, events: str, ledger: str, receipts: str) -> None:
        self._client = client
        self._events = events
        self._ledger = ledger
        self._receipts = receipts

    def stored(self, key: str) -> Stored | None:
        """What the Events table has of it, a moment ago included; None: nothing."""
        item: Any = self._client.get_item(
            TableName=self._events,
            Key={"pk": {"S": key}},
            ConsistentRead=True,
            ProjectionExpression=", ".join(f"#{name}" for name in STORED_MEMBERS),
            ExpressionAttributeNames={f"#{name}": name for name in STORED_MEMBERS},
        ).get("Item")
        if not item:
            return None
        return Stored(
            accepted_at=item["accepted_at"]["S"],
            region=item["origin_region"]["S"],
            digest=_text(item, "digest"),
            erased_at=_text(item, "erased_at"),
        )

    def letters(self, key: str) -> list[LetterState]:
        """Its dead letters, eventually consistent. There are few: one for each step, and what differed."""
        answer: Any = self._client.query(
            TableName=self._ledger,
            IndexName=LEDGER_EVENT_INDEX,
            KeyConditionExpression="#event_key = :event_key",
            ExpressionAttributeNames={"#event_key": "event_key"},
            ExpressionAttributeValues={":event_key": {"S": key}},
        )
        return [
            LetterState(**{name: _text(item, name) for name in LETTER_STATE_MEMBERS})
            for item in answer["Items"]
        ]

    def proof(self, key: str, stored: Stored) -> Proof | None:
        """What a receipt of the region that took the event says; None: it has no receipt.

        Raises `ReceiptsUnread` after `MOST_PAGES`.
        """
        partition = partition_of(
            key, accepted_at=read_moment(stored.accepted_at), region=stored.region
        )
        start: Any = {}
        for _ in range(MOST_PAGES):
            page: Any = self._client.query(
                TableName=self._receipts,
                KeyConditionExpression="pk = :pk",
                ProjectionExpression="#topics, #published_at",
                ExpressionAttributeNames={"#topics": "topics", "#published_at": "published_at"},
                ExpressionAttributeValues={":pk": {"S": partition}},
                **start,
            )
            for item in page["Items"]:
                hashes = {topic: packed["B"] for topic, packed in item["topics"]["M"].items()}
                if topic := topic_of(key, hashes):
                    return Proof(topic, item["published_at"]["S"])
            if "LastEvaluatedKey" not in page:
                return None
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
        raise ReceiptsUnread


def _text(item: Mapping[str, Any], name: str) -> Any:
    return item.get(name, {}).get("S")
