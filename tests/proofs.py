"""What the items of the receipts' table prove."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from eventing.receipts import partition_of, topic_of


def proven(
    items: Iterable[Mapping[str, Any]], key: str, *, accepted_at: datetime, region: str
) -> str | None:
    """The topic that a receipt says the region has published an event to; `key` is the event's."""
    partition = partition_of(key, accepted_at=accepted_at, region=region)
    return next(
        (
            topic
            for item in items
            if item["pk"]["S"] == partition
            if (topic := topic_of(key, hashes_in(item)))
        ),
        None,
    )


def hashes_in(item: Mapping[str, Any]) -> Mapping[str, bytes]:
    """By topic, the hashes in an item, as the SDK gives it or as it is on the wire."""
    return {
        topic: packed["B"] if isinstance(packed["B"], bytes) else b64decode(packed["B"])
        for topic, packed in item["topics"]["M"].items()
    }
