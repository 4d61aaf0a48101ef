"""The doorkeeper's row of the registry, as everybody reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventing.publishers.doorkeeper import Doorkeeper, read_doorkeeper
from functions.contract import RegistryRows
from functions.shared.resources import resource_of

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


class DoorkeeperRow:
    """The one row that says who is suspended or restricted; an empty doorkeeper where there is no row yet."""

    def __init__(self, client: DynamoDBClient, *, table: str) -> None:
        self._client = client
        self._table = table
        self.resource = resource_of({"TableName": table})
        """What failed where it can't be read, as a `Cause` names it."""

    def read(self, *, consistent: bool) -> tuple[Doorkeeper, int]:
        """The doorkeeper and the version of its row, 0 for none; eventually consistent at half the price.

        Raises what the SDK raises, and KeyError, TypeError or ValueError for a row that is no doorkeeper.
        """
        item = self._client.get_item(
            TableName=self._table,
            Key={"pk": {"S": RegistryRows.DOORKEEPER}},
            ConsistentRead=consistent,
        ).get("Item")
        if not item:
            return Doorkeeper(), 0
        return read_doorkeeper(item["doorkeeper"]["S"]), int(item["version"]["N"])
