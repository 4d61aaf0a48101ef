"""The state of AWS in memory."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.faults.vocabulary import EntryFaults, no_entry

REGION = "eu-north-1"
QUEUE_URL = f"https://sqs.{REGION}.amazonaws.com/123456789012/"
TOPIC_PREFIX = f"arn:aws:sns:{REGION}:123456789012:shop-topic-"


@dataclass(frozen=True)
class Index:
    """A secondary index of a table whose key is `pk`."""

    partition: str
    sort: str
    projected: frozenset[str]
    """The attributes that it has besides the keys."""

    def key(self, item: Mapping[str, Any]) -> dict[str, Any]:
        """The key by which a query goes on after an item."""
        return {name: item[name] for name in (self.partition, self.sort, "pk")}

    def position(self, item: Mapping[str, Any]) -> tuple[str, str]:
        """Where an item is in its partition."""
        return item[self.sort]["S"], item["pk"]["S"]

    @property
    def attributes(self) -> frozenset[str]:
        """All that it has."""
        return self.projected | {self.partition, self.sort, "pk"}


@dataclass
class Gateway:
    """API Gateway's control plane in one region: plans and keys by id, as it answers them."""

    plans: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    """With their values."""
    plan_keys: dict[str, list[str]] = field(default_factory=dict)
    """Ids of keys, by plan."""
    made: int = 0
    """Plans and keys that were ever made."""
    plans_a_page: int = 7
    """API Gateway has up to 500; so few that there are many pages."""


@dataclass
class Memory:
    """What the services hold; what does not exist yet is made by the first call for it."""

    refuse_entry: EntryFaults = no_entry
    """Applies to batches of any service: the text is a message's body or an item's key."""
    topic_bytes: int = 256 * 1024
    """What SNS takes in one call, attributes included."""
    leaves_keys: bool = True
    """Whether BatchGetItem leaves half of the keys unprocessed, to see that they are asked for again."""
    tables: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    """Items by `pk`, and by `sk` on the next line where there is one, by table."""
    indexes: dict[str, Index] = field(default_factory=dict)
    """Of all tables, by name."""
    inserted: Counter[str] = field(default_factory=Counter)
    """How often an item was written whole under a key."""
    buckets: dict[str, dict[str, bytes]] = field(default_factory=dict)
    """Objects by key, by bucket."""
    older: dict[str, dict[str, list[bytes]]] = field(default_factory=dict)
    """Versions of objects that were replaced or deleted, by key, by bucket."""
    modified: dict[str, str] = field(default_factory=dict)
    """When objects were written, by key, where it matters."""
    types: dict[str, str] = field(default_factory=dict)
    """Content types of objects, by key."""
    tags: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    """Tags of objects, by bucket and key."""
    subscribers: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """Protocol and account of each subscription of a topic."""
    records: dict[str, list[bytes]] = field(default_factory=dict)
    """What delivery streams were given, by stream: they write nothing."""
    queues: dict[str, dict[str, str]] = field(default_factory=dict)
    """Messages' bodies by receipt handle, by queue."""
    attributes: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Message attributes, by the receipt handle of a message that has any."""
    hidden: dict[str, set[str]] = field(default_factory=dict)
    """Receipt handles of messages that were received and are not deleted, by queue."""
    topics: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Entries that were published, by topic: `Id`, `Message` and `Attributes`."""
    deleted_topics: set[str] = field(default_factory=set)
    subscriptions: dict[str, int] = field(default_factory=dict)
    """How many confirmed ones a topic has, where it is not one; what nobody gets is not among `topics`."""
    told: list[tuple[str, str]] = field(default_factory=list)
    """Subjects and texts that were published for people."""
    executions: list[dict[str, Any]] = field(default_factory=list)
    """What Step Functions tells of executions, and for some `history`, the latest event first."""
    metrics: dict[str, dict[datetime, float]] = field(default_factory=dict)
    """Sums by the minute, by the metric's name; of AWS's own, by that and the name of what it measures."""
    descriptions: dict[str, list[str]] = field(default_factory=dict)
    """What an alarm that is there says, in a list, by its name."""
    messages_sent: int = 0
    gateways: dict[str, Gateway] = field(default_factory=dict)
    """By region."""
    stream: str = f"arn:aws:dynamodb:{REGION}:123456789012:table/shop-events/stream/1"
    """Of every table."""
    mapping: dict[str, Any] | None = field(
        default_factory=lambda: {"EventSourceArn": Memory.stream, "State": "Enabled"}
    )
    """The event source mapping of publication, while there is one."""

    macie: str | None = "ENABLED"
    """The status of Macie's session; None while Macie is off."""
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Macie's jobs by id, as it describes them."""
    findings: list[dict[str, Any]] = field(default_factory=list)
    """Macie's findings: `id`, `bucket`, and `created` in milliseconds."""

    def items(self, table: str) -> dict[str, dict[str, Any]]:
        """A table's items by `pk`."""
        return self.tables.setdefault(table, {})

    def gateway(self, region: str) -> Gateway:
        """A region's control plane of API Gateway."""
        return self.gateways.setdefault(region, Gateway())

    def letters(self, queue: str) -> list[dict[str, Any]]:
        """The messages in a queue, as JSON."""
        return [json.loads(text) for text in self.queues.get(queue, {}).values()]

    def forget(self) -> None:
        """Hold nothing any more."""
        for held in (
            self.tables,
            self.buckets,
            self.older,
            self.records,
            self.queues,
            self.hidden,
            self.topics,
        ):
            held.clear()
        for other in (self.tags, self.subscribers, self.gateways, self.executions, self.told):
            other.clear()
        self.inserted.clear()
