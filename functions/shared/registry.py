"""The registry: publishers, the doorkeeper, and the API of each region, in one global table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from eventing.publishers.doorkeeper import Doorkeeper
from eventing.publishers.registry import Publisher, read_publisher
from eventing.timestamps import read_moment
from functions.contract import RegistryRows
from functions.shared.conditions import written_if_held
from functions.shared.doorkeeper_row import DoorkeeperRow

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

# Executions change the doorkeeper for a moment each, twenty of them at once.
_ATTEMPTS = 50
# A tombstone is there for a while after its name is free: whoever looks, looks at its date.
_AFTER = timedelta(days=1)


class Contended(Exception):  # noqa: N818 - what was found
    """A row was changed by others each time that it was to be."""


@dataclass(frozen=True)
class Row:
    """A publisher as the registry has it, and the version of that."""

    publisher: Publisher | None
    version: int


@dataclass(frozen=True)
class Api:
    """The API of a region: its id, and the stage that publishers send to."""

    id: str
    stage: str


class Registry:
    """The registry as one region sees it. The methods raise what the SDK raises."""

    def __init__(self, client: DynamoDBClient, *, table: str) -> None:
        self._client = client
        self._table = table
        self._doorkeeper = DoorkeeperRow(client, table=table)

    def find(self, name: str) -> Row:
        """The row of this name; one of nobody where there is none."""
        item = self._get(f"{RegistryRows.PUBLISHER}{name}")
        if not item:
            return Row(None, 0)
        return Row(read_publisher(item["publisher"]["S"]), int(item["version"]["N"]))

    def put(self, publisher: Publisher, *, version: int) -> bool:
        """Write a publisher over the row of this version; False when there is another one by now.

        A tombstone goes by itself, some time after its name is free.
        """
        expires = (
            {"expires_at": int((read_moment(publisher.name_free_at) + _AFTER).timestamp())}
            if publisher.name_free_at
            else None
        )
        key = f"{RegistryRows.PUBLISHER}{publisher.name}"
        return self._put(key, "publisher", publisher.to_text(), version, expires)

    def page(self, *, after: str | None, most: int) -> tuple[Sequence[Publisher], str | None]:
        """Some publishers in no order, and the name after which the next page begins; None: that is all."""
        found: list[Publisher] = []
        start = {"pk": {"S": f"{RegistryRows.PUBLISHER}{after}"}} if after else None
        while True:
            # Not ExclusiveStartKey=None, which the SDK refuses.
            more: Any = {"ExclusiveStartKey": start} if start else {}
            answer: Any = self._client.scan(
                TableName=self._table,
                FilterExpression="begins_with(pk, :publisher)",
                ExpressionAttributeValues={":publisher": {"S": RegistryRows.PUBLISHER}},
                Limit=most,
                **more,
            )
            found += [read_publisher(item["publisher"]["S"]) for item in answer["Items"]]
            start = answer.get("LastEvaluatedKey")
            if start is None:
                if len(found) > most:
                    return found[:most], found[most - 1].name
                return found, None
            if len(found) >= most:
                return found[:most], found[most - 1].name

    def everybody(self) -> list[Publisher]:
        """All publishers, tombstones included."""
        found: list[Publisher] = []
        after: str | None = None
        while True:
            page, after = self.page(after=after, most=1000)
            found += page
            if after is None:
                return found

    def doorkeeper(self) -> Doorkeeper:
        """The doorkeeper as it is now."""
        return self._doorkeeper.read(consistent=True)[0]

    def change_doorkeeper(self, change: Callable[[Doorkeeper], Doorkeeper]) -> None:
        """Write what `change` makes of the doorkeeper, of none that somebody has changed meanwhile.

        What `change` raises is raised, and nothing is written. Raises `Contended`.
        """
        for _ in range(_ATTEMPTS):
            there, version = self._doorkeeper.read(consistent=True)
            changed = change(there)
            if changed == there:
                return
            if self._put(RegistryRows.DOORKEEPER, "doorkeeper", changed.to_text(), version):
                return
        raise Contended("the doorkeeper is being changed again and again")

    def api(self, region: str) -> Api | None:
        """The API of a region; None before its stack is deployed, and after it is gone."""
        item = self._get(f"{RegistryRows.REGION}{region}")
        return Api(item["api_id"]["S"], item["stage"]["S"]) if item else None

    def _get(self, key: str) -> Any:
        return self._client.get_item(
            TableName=self._table, Key={"pk": {"S": key}}, ConsistentRead=True
        ).get("Item", {})

    def _put(
        self, key: str, name: str, text: str, version: int, more: dict[str, int] | None = None
    ) -> bool:
        numbers = {"version": version + 1, **(more or {})}
        sets = ", ".join(f"#{member} = :{member}" for member in (name, *numbers))
        remove = "" if more else " REMOVE expires_at"
        return written_if_held(
            lambda: self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": key}},
                UpdateExpression=f"SET {sets}{remove}",
                ConditionExpression="attribute_not_exists(#version) OR #version = :found",
                ExpressionAttributeNames={f"#{member}": member for member in (name, *numbers)},
                ExpressionAttributeValues={
                    f":{name}": {"S": text},
                    ":found": {"N": str(version)},
                    **{f":{member}": {"N": str(number)} for member, number in numbers.items()},
                },
            )
        )
