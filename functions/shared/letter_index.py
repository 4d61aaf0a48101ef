"""The index of the ledger's letters, by stage and state and sorted by the time of failure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eventing.cause import OWN_FAULT
from eventing.redrive.filter import Filter
from functions.contract import LEDGER_INDEX
from functions.shared.letter_items import Kind, projection, read_letter

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

# Seconds since 1970, later than any letter goes.
_NEVER = 10**11


@dataclass(frozen=True)
class Open:
    """Letters that nobody has dealt with; the first failure as a `timestamp`."""

    letters: int
    own_fault: int
    """Those whose cause is their own event's fault."""
    failed_first: str | None

    @classmethod
    def sum(cls, parts: Sequence[Open]) -> Open:
        """The letters of several partitions."""
        return cls(
            sum(one.letters for one in parts),
            sum(one.own_fault for one in parts),
            min((one.failed_first for one in parts if one.failed_first), default=None),
        )


@dataclass(frozen=True)
class Parked:
    """Letters that are taken up again only when asked for by their ids."""

    letters: int
    failed_first: str | None
    first_expires_at: int | None
    """When the first is gone for good, in seconds since 1970."""

    @classmethod
    def sum(cls, parts: Sequence[Parked]) -> Parked:
        """The letters of several partitions."""
        return cls(
            sum(one.letters for one in parts),
            min((one.failed_first for one in parts if one.failed_first), default=None),
            min((one.first_expires_at for one in parts if one.first_expires_at), default=None),
        )


class LetterIndex:
    """Reads the index, eventually consistent. Its methods raise what the SDK raises."""

    def __init__(self, client: DynamoDBClient, *, table: str) -> None:
        self._client = client
        self._table = table

    def query(self, partition: str, wanted: Filter, kind: type[Kind]) -> Iterator[Kind]:
        """The letters of a partition that the filter selects, as they are read; oldest failure first."""
        # The index is sorted by the time of failure, so these two bounds spare reading.
        low, high = wanted.failed_after or " ", wanted.failed_before or "~"
        if low > high:
            return  # which the table calls an error
        expression, names = projection(kind)
        start: Any = {}
        while start is not None:
            page = self._client.query(
                TableName=self._table,
                IndexName=LEDGER_INDEX,
                KeyConditionExpression="#shard = :shard AND #failed_at BETWEEN :low AND :high",
                # Most of the time goes into the SDK's reading of the answer, member by member.
                ProjectionExpression=expression,
                ExpressionAttributeNames={"#shard": "shard", **names},
                ExpressionAttributeValues={
                    ":shard": {"S": partition},
                    ":low": {"S": low},
                    ":high": {"S": high},
                },
                **({"ExclusiveStartKey": start} if start else {}),
            )
            letters = (read_letter(item, kind) for item in page["Items"])
            yield from (letter for letter in letters if letter.matches(wanted))
            start = page.get("LastEvaluatedKey")

    def open(self, partition: str) -> Open:
        """The letters of a partition, counted by the table: only the first comes over the wire."""
        codes = {f":code{number}": {"S": code.value} for number, code in enumerate(OWN_FAULT)}
        letters, own_fault, after = 0, 0, None
        while True:
            page = self._page(
                partition,
                after,
                names={"#code": "code"},
                values=codes,
                Select="COUNT",
                FilterExpression=f"#code IN ({', '.join(codes)})",
            )
            letters, own_fault = letters + page["ScannedCount"], own_fault + page["Count"]
            after = page.get("LastEvaluatedKey")
            if not after:
                break
        first = self._page(partition, None, Limit=1)["Items"] if letters else []
        return Open(letters, own_fault, first[0]["failed_at"]["S"] if first else None)

    def parked(self, partition: str) -> Parked:
        """The letters of a partition; those that go later than one read before stay in the table."""
        names = {"#failed_at": "failed_at", "#expires_at": "expires_at"}
        letters, failed_first, least, after = 0, None, _NEVER, None
        while True:
            page = self._page(
                partition,
                after,
                names=names,
                values={":least": {"N": str(least)}},
                FilterExpression="#expires_at < :least",
                ProjectionExpression=", ".join(names),
            )
            letters += page["ScannedCount"]
            for item in page["Items"]:
                failed_first = failed_first or item["failed_at"]["S"]
                least = min(least, int(item["expires_at"]["N"]))
            after = page.get("LastEvaluatedKey")
            if not after:
                return Parked(letters, failed_first, least if letters else None)

    def _page(
        self,
        partition: str,
        after: Mapping[str, Any] | None,
        *,
        names: Mapping[str, str] = {},
        values: Mapping[str, Any] = {},
        **asked: Any,
    ) -> Any:
        start: Any = {"ExclusiveStartKey": after} if after else {}
        return self._client.query(
            TableName=self._table,
            IndexName=LEDGER_INDEX,
            KeyConditionExpression="#shard = :shard",
            ExpressionAttributeNames={"#shard": "shard", **names},
            ExpressionAttributeValues={":shard": {"S": partition}, **values},
            **asked,
            **start,
        )
