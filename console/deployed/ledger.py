"""Reads the dead-letter ledger, and never an event: the index, and of one letter all but its event."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from eventing.dead_letter import Stage
from eventing.redrive.filter import Filter
from eventing.redrive.ledger import Outline, State, shards
from functions.contract import LEDGER_INDEX, LETTER_MEMBERS

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_THREADS = 16


@dataclass(frozen=True, slots=True)
class Letter(Outline):
    """A letter as the index tells of it."""

    state: State
    episode: int


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
        with ThreadPoolExecutor(_THREADS) as workers:
            found = workers.map(
                lambda partition: list(self._query(partition, wanted)),
                _partitions(stages, states),
            )
            letters = [letter for part in found for letter in part]
        return sorted(letters, key=lambda letter: (letter.failed_at, letter.key))

    def count(self, stages: Iterable[Stage], states: Iterable[State], wanted: Filter) -> int:
        """How many letters these are. The table counts; none comes over the wire."""
        conditions = [f"#{member} = :{member}" for member in _chosen(wanted)]
        values = {f":{member}": {"S": value} for member, value in _chosen(wanted).items()}
        names = {f"#{member}": member for member in ("shard", "failed_at", *_chosen(wanted))}
        request: dict[str, Any] = {
            "KeyConditionExpression": "#shard = :shard AND #failed_at BETWEEN :low AND :high",
            "ExpressionAttributeNames": names,
            "Select": "COUNT",
            **({"FilterExpression": " AND ".join(conditions)} if conditions else {}),
        }
        values[":low"] = {"S": wanted.failed_after or " "}
        values[":high"] = {"S": wanted.failed_before or "~"}

        def counted(partition: str) -> int:
            asked = request | {"ExpressionAttributeValues": {**values, ":shard": {"S": partition}}}
            return sum(page["Count"] for page in self._pages(asked))

        with ThreadPoolExecutor(_THREADS) as workers:
            return sum(workers.map(counted, _partitions(stages, states)))

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
            "KeyConditionExpression": "#shard = :shard",
            "ProjectionExpression": ", ".join(names),
            "ExpressionAttributeNames": {"#shard": "shard", **names},
            "ExpressionAttributeValues": {":shard": {"S": partition}},
        }
        for page in self._pages(request):
            letters = map(_letter, page["Items"])
            yield from (letter for letter in letters if letter.matches(wanted))

    def _pages(self, request: Mapping[str, Any]) -> Iterator[Any]:
        asked: dict[str, Any] = {"TableName": self.table, "IndexName": LEDGER_INDEX, **request}
        while True:
            page = self._client.query(**asked)
            yield page
            if "LastEvaluatedKey" not in page:
                return
            asked["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _partitions(stages: Iterable[Stage], states: Iterable[State]) -> list[str]:
    return [p for stage in stages for state in states for p in shards(stage, state)]


def _chosen(wanted: Filter) -> Mapping[str, str]:
    """The members of the index, but the time, that the filter names, each with its value."""
    members = {
        "publisher": wanted.publisher,
        "type": wanted.type,
        "topic": wanted.topic,
        "code": wanted.cause,
        "fingerprint": wanted.fingerprint,
    }
    return {member: value for member, value in members.items() if value is not None}


def _letter(item: Mapping[str, Any]) -> Letter:
    members: dict[str, Any] = {
        name: int(item[name]["N"]) if name in _NUMBERS else item.get(name, {}).get("S")
        for name in _MEMBERS
    }
    return Letter(key=item["pk"]["S"], **members)


def _value(attribute: Mapping[str, Any]) -> str | int:
    return int(attribute["N"]) if "N" in attribute else str(attribute["S"])
