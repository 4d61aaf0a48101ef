"""Incidents in the ledger's table: the root causes that operators have been told of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from eventing.dead_letter import Stage
from functions.contract import Rows

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


class Incidents:
    """The present incident of each stage, if it has one. The methods raise what the SDK raises."""

    def __init__(self, client: DynamoDBClient, *, table: str) -> None:
        self._client = client
        self._table = table

    def reported(self, stage: Stage) -> set[str]:
        """Fingerprints of the stage's present incident that operators have been told of."""
        item = self._client.get_item(
            TableName=self._table, Key=_key(stage), ConsistentRead=True
        ).get("Item", {})
        return set(item.get("fingerprints", {}).get("SS", ()))

    def add(self, stage: Stage, fingerprints: Iterable[str]) -> None:
        """Remember that operators have been told of these."""
        self._update(stage, "ADD fingerprints :these", fingerprints)

    def forget(self, stage: Stage, fingerprints: Iterable[str]) -> None:
        """Forget root causes that are over: when they come again, operators are told again."""
        self._update(stage, "DELETE fingerprints :these", fingerprints)

    def end(self, stage: Stage) -> None:
        """End the stage's incident: the next open letter is another one."""
        self._client.delete_item(TableName=self._table, Key=_key(stage))

    def _update(self, stage: Stage, expression: str, fingerprints: Iterable[str]) -> None:
        self._client.update_item(
            TableName=self._table,
            Key=_key(stage),
            UpdateExpression=expression,
            ExpressionAttributeValues={":these": {"SS": sorted(fingerprints)}},
        )


def _key(stage: Stage) -> Any:
    return {"pk": {"S": f"{Rows.INCIDENT}{stage}"}}
