"""Reads what the tables of a region have of one event, and never the event itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eventing.publishers.inquiry import LetterState, Proof, Stored
from eventing.receipts import partition_of, topic_of
from eventing.timestamps import read_moment
from functions.contract import EVENT_MEMBERS, LEDGER_EVENT_INDEX, LETTER_STATE_MEMBERS

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True)
class EventItem:
    """An event's item; `stored` is what its publisher is told by."""

    stored: Stored
    type: str | None
    """None once it is erased."""
    expires_at: int
    """In seconds since 1970."""


class EventRecords:
    """The Events table, the ledger's index by event, and the receipts.

    `key` is the event's in the Events table. The methods raise what the SDK raises.
    """

    def __init__(self, client: DynamoDBClient, *, events: str, ledger: str, receipts: str) -> None:
        self._client = client
        self._events = events
        self._ledger = ledger
        self._receipts = receipts

    def item(self, key: str) -> EventItem | None:
        """What the Events table has of it; None: nothing."""
        item = self._client.get_item(
            TableName=self._events,
            Key={"pk": {"S": key}},
            ConsistentRead=True,
            ProjectionExpression=", ".join(f"#{name}" for name in EVENT_MEMBERS),
            ExpressionAttributeNames={f"#{name}": name for name in EVENT_MEMBERS},
        ).get("Item")
        if not item:
            return None
        stored = Stored(
            accepted_at=item["accepted_at"]["S"],
            region=item["origin_region"]["S"],
            digest=_text(item, "digest"),
            erased_at=_text(item, "erased_at"),
        )
        return EventItem(stored, _text(item, "type"), int(item["expires_at"]["N"]))

    def letters(self, key: str) -> dict[str, LetterState]:
        """Its dead letters in this region, by their ids."""
        answer = self._client.query(
            TableName=self._ledger,
            IndexName=LEDGER_EVENT_INDEX,
            KeyConditionExpression="#event_key = :event_key",
            ExpressionAttributeNames={"#event_key": "event_key"},
            ExpressionAttributeValues={":event_key": {"S": key}},
        )
        return {
            item["pk"]["S"]: LetterState(
                **{name: _text(item, name) for name in LETTER_STATE_MEMBERS}
            )
            for item in answer["Items"]
        }

    def proofs(self, key: str, stored: Stored) -> list[Proof]:
        """What the receipts of the region that took it say: several where it was published again."""
        partition = partition_of(
            key, accepted_at=read_moment(stored.accepted_at), region=stored.region
        )
        pages = self._client.get_paginator("query").paginate(
            TableName=self._receipts,
            KeyConditionExpression="pk = :pk",
            ProjectionExpression="#topics, #published_at",
            ExpressionAttributeNames={"#topics": "topics", "#published_at": "published_at"},
            ExpressionAttributeValues={":pk": {"S": partition}},
        )
        found = [
            Proof(topic, item["published_at"]["S"])
            for page in pages
            for item in page["Items"]
            if (topic := topic_of(key, _hashes(item)))
        ]
        return sorted(found, key=lambda proof: proof.published_at)


def _text(item: Mapping[str, Any], name: str) -> Any:
    return item.get(name, {}).get("S")


def _hashes(item: Mapping[str, Any]) -> Mapping[str, bytes]:
    return {topic: packed["B"] for topic, packed in item["topics"]["M"].items()}
