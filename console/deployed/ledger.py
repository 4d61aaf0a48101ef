"""Reads the dead-letter ledger, and never an event: the index, and of one letter all but its event."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from eventing.dead_letter import Stage
from eventing.redrive.filter import Filter
from eventing.redrive.ledger import Outline, State, shards
from functions.contract import LEDGER_INDEX

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_THREADS = 16
# What is told of one letter. Operators need a right to these attributes, and to no other.
LETTER_MEMBERS = (
    "state",
    "stage",
    "step",
    "publisher",
    "type",
    "topic",
    "code",
    "message",
    "fingerprint",
    "accepted_at",
    "failed_at",
    "episode",
    "expires_at",
    "run",
    "trace_id",
)


@dataclass(frozen=True, slots=True)
class Letter(Outline):
    """A letter as the index tells of it."""

    state: State
    episode: int
    expires_at: int
    """When it is deleted, in seconds since 1970."""


_NUMBERS = ("episode", "expires_at")
_MEMBERS = tuple(member.name for member in fields(Letter) if member.name != "key")


class Ledger:
    """The ledger of one region. Its methods raise what the SDK raises."""

    def __init__(self, client: DynamoDBClient, *, table: str) -> None:
        self._client = client
        self.table = table

    def letters(
        self, stages: Iterable[Stage], states: Iterable[State], wanted: Filter
    ) -> list[Letter]:
        """The letters in these states that the filter selects, oldest failure first.

        Reads the index only, its partitions side by side; `letter_ids` are not looked at.
        """
        partitions = [p for stage in stages for state in states for p in shards(stage, state)]
        with ThreadPoolExecutor(_THREADS) as workers:
            found = workers.map(lambda partition: list(self._query(partition, wanted)), partitions)
            letters = [letter for part in found for letter in part]
        return sorted(letters, key=lambda letter: (letter.failed_at, letter.key))

    def letter(self, key: str) -> Mapping[str, str | int] | None:
        """What is on record of one letter, its event left out; None when there is none."""
        names = {f"#{name}": name for name in LETTER_MEMBERS}
        item = self._client.get_item(
            TableName=self.table,
            Key={"pk": {"S": key}},
            ProjectionExpression=", ".join(names),
            ExpressionAttributeNames=names,
        ).get("Item")
        return (
            {name: _value(item[name]) for name in LETTER_MEMBERS if name in item} if item else None
        )

    def _query(self, partition: str, wanted: Filter) -> Iterator[Letter]:
        names = {f"#{name}": name for name in ("pk", *_MEMBERS)}
        request: dict[str, Any] = {
            "TableName": self.table,
            "IndexName": LEDGER_INDEX,
            "KeyConditionExpression": "#shard = :shard",
            "ProjectionExpression": ", ".join(names),
            "ExpressionAttributeNames": {"#shard": "shard", **names},
            "ExpressionAttributeValues": {":shard": {"S": partition}},
        }
        while True:
            page = self._client.query(**request)
            letters = map(_letter, page["Items"])
            yield from (letter for letter in letters if letter.matches(wanted))
            if "LastEvaluatedKey" not in page:
                return
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _letter(item: Mapping[str, Any]) -> Letter:
    members: dict[str, Any] = {
        name: int(item[name]["N"]) if name in _NUMBERS else item.get(name, {}).get("S")
        for name in _MEMBERS
    }
    return Letter(key=item["pk"]["S"], **members)


def _value(attribute: Mapping[str, Any]) -> str | int:
    return int(attribute["N"]) if "N" in attribute else str(attribute["S"])
