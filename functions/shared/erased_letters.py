"""What becomes of the letters of an event that is erased: rows that only keep it out of the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import TYPE_CHECKING, Any, get_args

from eventing.dead_letter import STAGES
from eventing.redrive.ledger import ERASED, SHARDS, State, shards
from eventing.timestamps import timestamp
from functions.contract import LEDGER_INDEX
from functions.shared.conditions import written_if_held

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


@dataclass(frozen=True)
class Found:
    """A letter of the event."""

    key: str
    state: str
    digest: str
    accepted_at: str


class ErasedLetters:
    """The letters of one event in this region's ledger. Its methods raise what the SDK raises."""

    def __init__(
        self, client: DynamoDBClient, *, table: str, workers: Executor, shards: int = SHARDS
    ) -> None:
        self._client = client
        self._table = table
        self._workers = workers
        self._shards = shards

    def find(self, event_key: str) -> list[Found]:
        """The letters of the event, of whatever stage, state or content; reads the whole index."""
        partitions = [
            partition
            for stage, state in product(STAGES, get_args(State))
            for partition in shards(stage, state, self._shards)
        ]
        look = self._workers.map(lambda one: list(self._query(one, event_key)), partitions)
        return [letter for letters in look for letter in letters]

    def erase(self, keys: Sequence[str], event_key: str, *, now: datetime, until: int) -> list[str]:
        """Leave nothing under these keys but a row that keeps letters of the event out `until` it expires.

        A letter that triage receives later counts as one that is on record. Returns the keys of those that a
        redrive is at, which are as they were. `until` is in seconds since 1970.
        """
        put = self._workers.map(lambda key: self._put(key, event_key, now=now, until=until), keys)
        return [key for key, is_erased in zip(keys, put, strict=True) if not is_erased]

    def _query(self, partition: str, event_key: str) -> Iterator[Found]:
        start: Any = {}
        while start is not None:
            page = self._client.query(
                TableName=self._table,
                IndexName=LEDGER_INDEX,
                KeyConditionExpression="#shard = :shard",
                # Only these come over the wire.
                FilterExpression="#event_key = :event_key",
                ProjectionExpression="pk, #state, digest, accepted_at",
                ExpressionAttributeNames={
                    "#shard": "shard",
                    "#event_key": "event_key",
                    "#state": "state",
                },
                ExpressionAttributeValues={
                    ":shard": {"S": partition},
                    ":event_key": {"S": event_key},
                },
                **({"ExclusiveStartKey": start} if start else {}),
            )
            for item in page["Items"]:
                yield Found(
                    item["pk"]["S"],
                    item["state"]["S"],
                    item["digest"]["S"],
                    item["accepted_at"]["S"],
                )
            start = page.get("LastEvaluatedKey")

    def _put(self, key: str, event_key: str, *, now: datetime, until: int) -> bool:
        # Whole, so that nothing of the letter stays; without `failed_at`, so that no later failure is news.
        return written_if_held(
            lambda: self._client.put_item(
                TableName=self._table,
                Item={
                    "pk": {"S": key},
                    "state": {"S": ERASED},
                    "event_key": {"S": event_key},
                    "erased_at": {"S": timestamp(now)},
                    "expires_at": {"N": str(until)},
                },
                ConditionExpression="attribute_not_exists(pk) OR NOT #state = :redriving",
                ExpressionAttributeNames={"#state": "state"},
                ExpressionAttributeValues={":redriving": {"S": "redriving"}},
            )
        )
