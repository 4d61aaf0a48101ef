"""Tombstones in the Events table: what stays of an event that was erased, so that it is not taken again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from eventing.timestamps import timestamp
from functions.contract import ERASER_MEMBERS

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True)
class Standing:
    """What the table has under an event's key, but never the event."""

    accepted_at: str
    type: str | None
    digest: str | None
    """None in a tombstone."""
    erased_at: str | None
    """None for an event."""


class Tombstones:
    """The Events table, as it is to whoever erases. Its methods raise what the SDK raises."""

    def __init__(self, client: DynamoDBClient, *, table: str) -> None:
        self._client = client
        self._table = table

    def look(self, key: str) -> Standing | None:
        """What is under the key; None when nothing is."""
        item = self._client.get_item(
            TableName=self._table,
            Key={"pk": {"S": key}},
            ConsistentRead=True,
            ProjectionExpression=", ".join(f"#{name}" for name in ERASER_MEMBERS),
            ExpressionAttributeNames={f"#{name}": name for name in ERASER_MEMBERS},
        ).get("Item")
        if not item:
            return None
        type, digest, erased_at = (
            item[name]["S"] if name in item else None for name in ("type", "digest", "erased_at")
        )
        return Standing(item["accepted_at"]["S"], type, digest, erased_at)

    def put(
        self, key: str, publisher: str, *, accepted_at: str, now: datetime, expires_at: int
    ) -> None:
        """Leave a tombstone under the key, also where no event is: it expires with the event, or then.

        What publishes events takes inserts of its own region only: this is none. `accepted_at` and
        `expires_at`, in seconds since 1970, are for where no event is.
        """
        self._client.update_item(
            TableName=self._table,
            Key={"pk": {"S": key}},
            UpdateExpression=(
                "SET erased_at = if_not_exists(erased_at, :now), #publisher = :publisher, "
                "accepted_at = if_not_exists(accepted_at, :accepted_at), "
                "expires_at = if_not_exists(expires_at, :expires_at) "
                "REMOVE #event, #type, digest"
            ),
            ExpressionAttributeNames={f"#{name}": name for name in ("publisher", "event", "type")},
            ExpressionAttributeValues={
                ":now": {"S": timestamp(now)},
                ":accepted_at": {"S": accepted_at},
                ":publisher": {"S": publisher},
                ":expires_at": {"N": str(expires_at)},
            },
        )
