"""Incidents in the ledger's table: the root causes that operators have been told of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eventing.cause import fault_of
from eventing.dead_letter import Stage
from functions.contract import Rows

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_EVENT, _LEFT = "event:", "left:"


@dataclass(frozen=True)
class Told:
    """The names of what operators have been told, as `name_of` and `left` make them."""

    names: frozenset[str] = frozenset()

    @property
    def of_events(self) -> bool:
        """True when there are letters at fault themselves among it."""
        return any(name.startswith(_EVENT) for name in self.names)

    @property
    def of_system(self) -> bool:
        """True when there is anything else among it."""
        return any(not name.startswith(_EVENT) for name in self.names)

    @property
    def of_left(self) -> bool:
        """True when there are letters among it that triage has left in their queue."""
        return any(name.startswith(_LEFT) for name in self.names)


def name_of(fingerprint: str, code: str) -> str:
    """The name of a root cause."""
    return f"{_EVENT if fault_of(code) == 'event' else ''}{fingerprint}"


def left(code: str) -> str:
    """The name of a reason for which letters stay in their queue."""
    return f"{_LEFT}{code}"


class Incidents:
    """The present incident of each stage, if it has one. The methods raise what the SDK raises."""

    def __init__(self, client: DynamoDBClient, *, table: str) -> None:
        self._client = client
        self._table = table

    def told(self, stage: Stage) -> Told:
        """The part of the stage's present incident that operators have been told of."""
        item = self._client.get_item(
            TableName=self._table, Key=_key(stage), ConsistentRead=True
        ).get("Item", {})
        return Told(frozenset(item.get("fingerprints", {}).get("SS", ())))

    def add(self, stage: Stage, names: Iterable[str]) -> None:
        """Remember that operators have been told of these."""
        self._update(stage, "ADD fingerprints :these", names)

    def forget(self, stage: Stage, names: Iterable[str]) -> None:
        """Forget root causes that are over: when they come again, operators are told again."""
        self._update(stage, "DELETE fingerprints :these", names)

    def end(self, stage: Stage) -> None:
        """End the stage's incident: the next open letter is another one."""
        self._client.delete_item(TableName=self._table, Key=_key(stage))

    def _update(self, stage: Stage, expression: str, names: Iterable[str]) -> None:
        self._client.update_item(
            TableName=self._table,
            Key=_key(stage),
            UpdateExpression=expression,
            ExpressionAttributeValues={":these": {"SS": sorted(names)}},
        )


def _key(stage: Stage) -> Any:
    return {"pk": {"S": f"{Rows.INCIDENT}{stage}"}}
