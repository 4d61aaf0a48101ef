"""Reads receipts: which regions have published which events."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from eventing.receipts import Taken, event_hash, holds, partition_of, partitions_of
from eventing.timestamps import minute_of, read_moment

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_NAMES = {"#region": "region", "#published_at": "published_at", "#topics": "topics"}
# Minutes that are looked at together, when the last publication is looked for.
_MINUTES = 8


@dataclass(frozen=True)
class Found:
    """A receipt: the region that wrote it, when, and the hashes of its events."""

    region: str
    published_at: str
    hashes: Sequence[bytes]
    """Of each topic, one after the other."""


class ReceiptReader:
    """The receipts of all regions, as far as they have come here; eventually consistent.

    The methods raise what the SDK raises.
    """

    def __init__(self, client: DynamoDBClient, *, table: str, workers: Executor) -> None:
        self._client = client
        self._table = table
        self._workers = workers

    def regions(
        self, events: Sequence[Taken], *, seconds: float | None = None
    ) -> list[frozenset[str]]:
        """By event, whose `origin` is given, the regions that have published it.

        Raises TimeoutError where that takes longer than so many seconds.
        """
        by_partition: dict[str, list[int]] = defaultdict(list)
        for number, event in enumerate(events):
            partition = partition_of(
                event.key, accepted_at=event.accepted_at, region=event.origin or ""
            )
            by_partition[partition].append(number)
        regions: list[set[str]] = [set() for _ in events]

        def look(numbers: Sequence[int], partition: str) -> None:
            hashes = {number: event_hash(events[number].key) for number in numbers}
            for receipt in self.partition(partition):
                for number, hashed in hashes.items():
                    if any(holds(packed, hashed) for packed in receipt.hashes):
                        regions[number].add(receipt.region)

        list(self._workers.map(look, by_partition.values(), by_partition, timeout=seconds))
        return [frozenset(some) for some in regions]

    def partition(self, partition: str) -> Iterator[Found]:
        """The receipts of a partition, as they are read."""
        start: Any = {}
        while start is not None:
            page: Any = self._client.query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ProjectionExpression=", ".join(_NAMES),
                ExpressionAttributeNames=_NAMES,
                ExpressionAttributeValues={":pk": {"S": partition}},
                **({"ExclusiveStartKey": start} if start else {}),
            )
            for item in page["Items"]:
                hashes = [packed["B"] for packed in item["topics"]["M"].values()]
                yield Found(item["region"]["S"], item["published_at"]["S"], hashes)
            start = page.get("LastEvaluatedKey")

    def last(self, region: str, start: datetime, end: datetime) -> datetime | None:
        """When a region has published last of what it took from `start` until `end`, as far as is known.

        It is looked for in the latest minutes of acceptance that have any receipt of the region.
        """

        def times(partition: str) -> list[str]:
            return [f.published_at for f in self.partition(partition) if f.region == region]

        minute = minute_of(end)
        while minute >= minute_of(start):
            minutes = [minute - timedelta(minutes=n) for n in range(_MINUTES)]
            partitions = [p for one in minutes for p in partitions_of(one, region=region)]
            if found := [t for some in self._workers.map(times, partitions) for t in some]:
                return read_moment(max(found))
            minute = minutes[-1] - timedelta(minutes=1)
        return None
