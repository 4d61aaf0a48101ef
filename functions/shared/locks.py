"""Locks in a table: each with a lease that ends by itself, and a fencing token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import ClientError

from eventing.dead_letter import Stage
from functions.contract import Rows
from functions.shared.conditions import written_if_held

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


Kind = Literal["lock", "triage", "tell"]
"""A redrive of a stage, its triage, and a message on it: one at a time of each."""


_PREFIXES: Mapping[Kind, str] = {
    "lock": Rows.LOCK,
    "triage": Rows.TRIAGE_LOCK,
    "tell": Rows.TELL_LOCK,
}


def lock_name(kind: Kind, stage: Stage) -> str:
    """The name, which is the key of a row."""
    return f"{_PREFIXES[kind]}{stage}"


@dataclass(frozen=True)
class Lease:
    """A lock that is held for a while; the token tells its holder from every other, for ever."""

    name: str
    owner: str
    token: int


class Held(Exception):  # noqa: N818 - what was found
    """Another one holds the lock."""

    def __init__(self, name: str, owner: str) -> None:
        super().__init__(f"{name} is held by {owner}")
        self.owner = owner


class Locked(Exception):  # noqa: N818 - the name that an execution fails with
    """Another execution works on the same; the message names it."""


class Locks:
    """Locks in a table whose key is `pk`, each with a lease that ends by itself, and a fencing token."""

    def __init__(self, client: DynamoDBClient, *, table: str) -> None:
        self._client = client
        self._table = table

    def acquire(self, name: str, owner: str, *, seconds: int, now: datetime) -> Lease:
        """Take the lock, also from a holder whose lease has ended; raises `Held` with the holder."""
        try:
            response = self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": name}},
                UpdateExpression=(
                    "SET #owner = :owner, lease_until = :until, "
                    "#token = if_not_exists(#token, :zero) + :one"
                ),
                ConditionExpression=(
                    "attribute_not_exists(#owner) OR lease_until < :now OR #owner = :owner"
                ),
                ExpressionAttributeNames={"#owner": "owner", "#token": "token"},
                ExpressionAttributeValues={
                    ":owner": {"S": owner},
                    ":now": {"N": str(int(now.timestamp()))},
                    ":until": {"N": str(int(now.timestamp()) + seconds)},
                    ":zero": {"N": "0"},
                    ":one": {"N": "1"},
                },
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            there: Any = error.response.get("Item")
            if there is None:
                raise
            raise Held(name, there["owner"]["S"]) from None
        return Lease(name, owner, int(response["Attributes"]["token"]["N"]))

    def renew(self, lease: Lease, *, seconds: int, now: datetime) -> bool:
        """Hold it for longer; False when somebody else has it by now."""
        return self._if_held(
            lease,
            "SET lease_until = :until",
            {":until": {"N": str(int(now.timestamp()) + seconds)}},
        )

    def release(self, lease: Lease) -> bool:
        """Give it up; False when somebody else has it by now."""
        return self._if_held(lease, "REMOVE #owner", {})

    def holder(self, name: str, *, now: datetime) -> Lease | None:
        """Who holds it now."""
        item = self._client.get_item(
            TableName=self._table, Key={"pk": {"S": name}}, ConsistentRead=True
        ).get("Item", {})
        if "owner" not in item or int(item["lease_until"]["N"]) < now.timestamp():
            return None
        return Lease(name, item["owner"]["S"], int(item["token"]["N"]))

    def _if_held(self, lease: Lease, update: str, values: dict[str, Any]) -> bool:
        return written_if_held(
            lambda: self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": lease.name}},
                UpdateExpression=update,
                ConditionExpression="#owner = :owner AND #token = :token",
                ExpressionAttributeNames={"#owner": "owner", "#token": "token"},
                ExpressionAttributeValues={
                    ":owner": {"S": lease.owner},
                    ":token": {"N": str(lease.token)},
                    **values,
                },
            )
        )
