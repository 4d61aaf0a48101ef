"""Allowances in the ledger's table: what of each stage was taken up without an approval."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from eventing.dead_letter import Stage
from eventing.redrive.allowance import Allowance
from functions.contract import Rows
from functions.shared.conditions import written_if_held

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

# Runs of one stage exclude each other: more than one is at its allowance only when a lease has ended.
_ATTEMPTS = 10


class Contended(Exception):  # noqa: N818 - what was found
    """An allowance was changed by others each time that it was to be."""


class Allowances:
    """The allowance of each stage. The methods raise what the SDK raises.

    A look costs a read unit, a change a write unit more: a row holds at most 26 numbers.
    """

    def __init__(self, client: DynamoDBClient, *, table: str) -> None:
        self._client = client
        self._table = table

    def of(self, stage: Stage) -> Allowance:
        """The stage's allowance as it is now."""
        return self._read(stage)[0]

    def change(self, stage: Stage, change: Callable[[Allowance], Allowance]) -> None:
        """Write what `change` makes of the allowance, of none that somebody has changed meanwhile.

        What `change` raises is raised, and nothing is written. Raises `Contended`.
        """
        for _ in range(_ATTEMPTS):
            found, version = self._read(stage)
            if (changed := change(found)) is found or self._write(stage, changed, version):
                return
        raise Contended(f"the allowance of {stage} is being changed again and again")

    def _read(self, stage: Stage) -> tuple[Allowance, int]:
        item = self._client.get_item(
            TableName=self._table, Key=_key(stage), ConsistentRead=True
        ).get("Item")
        if not item:
            return Allowance(), 0
        return Allowance(**json.loads(item["allowance"]["S"])), int(item["version"]["N"])

    def _write(self, stage: Stage, allowance: Allowance, version: int) -> bool:
        return written_if_held(
            lambda: self._client.update_item(
                TableName=self._table,
                Key=_key(stage),
                UpdateExpression="SET #allowance = :allowance, #version = :next",
                ConditionExpression="attribute_not_exists(#version) OR #version = :version",
                ExpressionAttributeNames={"#allowance": "allowance", "#version": "version"},
                ExpressionAttributeValues={
                    ":allowance": {"S": json.dumps(asdict(allowance))},
                    ":version": {"N": str(version)},
                    ":next": {"N": str(version + 1)},
                },
            )
        )


def _key(stage: Stage) -> Any:
    return {"pk": {"S": f"{Rows.ALLOWANCE}{stage}"}}
