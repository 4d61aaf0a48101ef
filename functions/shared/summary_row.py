"""The row of the ledger's table with the summary of what waits: all that the dashboard reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from eventing.dead_letter import STAGES, Stage
from eventing.redrive.summary import PARTS, Part
from eventing.timestamps import timestamp
from functions.contract import Rows
from functions.shared.conditions import written_if_held

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_KEY: Any = {"pk": {"S": Rows.SUMMARY}}


class SummaryRow:
    """The summary of this region, each part of each stage a text. The methods raise what the SDK raises."""

    def __init__(self, client: DynamoDBClient, *, table: str) -> None:
        self._client = client
        self._table = table

    def read(self) -> Mapping[tuple[Part, Stage], str]:
        """The parts that were written, in one call."""
        item = self._client.get_item(TableName=self._table, Key=_KEY).get("Item", {})
        names = {_name(part, stage): (part, stage) for part in PARTS for stage in STAGES}
        return {names[name]: item[name]["S"] for name in names if name in item}

    def write(self, part: Part, stage: Stage, text: str, *, at: datetime) -> None:
        """Write a part, found at this moment; one that was found later stays."""
        self._update(
            part, stage, "SET #part = :text, #at = :at", at=at, values={":text": {"S": text}}
        )

    def remove(self, part: Part, stage: Stage, *, at: datetime) -> None:
        """Remove a part that was found to be over at this moment; one that was found later stays."""
        self._update(part, stage, "SET #at = :at REMOVE #part", at=at, values={})

    def resources(self, letters: Sequence[str]) -> Mapping[str, str]:
        """What was called for these letters, by their keys; a hundred at most, some may be left out."""
        if not letters:
            return {}
        request: Any = {
            "Keys": [{"pk": {"S": key}} for key in letters],
            "ProjectionExpression": "pk, #resource",
            "ExpressionAttributeNames": {"#resource": "resource"},
        }
        response = self._client.batch_get_item(RequestItems={self._table: request})
        found = response["Responses"].get(self._table, ())
        return {item["pk"]["S"]: item["resource"]["S"] for item in found if "resource" in item}

    def _update(
        self, part: Part, stage: Stage, update: str, *, at: datetime, values: Mapping[str, Any]
    ) -> None:
        name = _name(part, stage)
        written_if_held(
            lambda: self._client.update_item(
                TableName=self._table,
                Key=_KEY,
                UpdateExpression=update,
                ConditionExpression="attribute_not_exists(#at) OR #at <= :at",
                ExpressionAttributeNames={"#part": name, "#at": f"{name}_at"},
                ExpressionAttributeValues={":at": {"S": timestamp(at)}, **values},
            )
        )


def _name(part: Part, stage: Stage) -> str:
    return f"{part}_{stage}"
