"""The state of AWS in memory."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.faults.vocabulary import EntryFaults, no_entry

REGION = "eu-north-1"
QUEUE_URL = f"https://sqs.{REGION}.amazonaws.com/123456789012/"
TOPIC_PREFIX = f"arn:aws:sns:{REGION}:123456789012:shop-topic-"


@dataclass
class Memory:
    """What the services hold; what does not exist yet is made by the first call for it."""

    refuse_entry: EntryFaults = no_entry
    """Applies to batches of any service: the text is a message's body or an item's key."""
    topic_bytes: int = 256 * 1024
    """What SNS takes in one call, attributes included."""
    tables: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    """Items by `pk`, by table."""
    inserted: Counter[str] = field(default_factory=Counter)
    """How often an item was written under a key."""
    buckets: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """Objects by key, by bucket."""
    queues: dict[str, dict[str, str]] = field(default_factory=dict)
    """Messages' bodies by receipt handle, by queue."""
    hidden: dict[str, set[str]] = field(default_factory=dict)
    """Receipt handles of messages that were received and are not deleted, by queue."""
    topics: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Entries that were published, by topic: `Id`, `Message` and `Attributes`."""
    messages_sent: int = 0

    def letters(self, queue: str) -> list[dict[str, Any]]:
        """The messages in a queue, as JSON."""
        return [json.loads(text) for text in self.queues.get(queue, {}).values()]

    def forget(self) -> None:
        """Hold nothing any more."""
        for held in (self.tables, self.buckets, self.queues, self.hidden, self.topics):
            held.clear()
        self.inserted.clear()
