"""The index of the ledger's letters, by stage and state and sorted by the time of failure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from eventing.cause import OWN_FAULT
from eventing.redrive.filter import Filter
from eventing.redrive.groups import Waiting
from eventing.redrive.ledger import Outline
from functions.contract import LEDGER_INDEX
from functions.shared.letter_items import Kind, projection, read_letter

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

# Letters of a state that are grouped when they are counted: reading them one by one takes a few seconds.
GROUPED = 16_000
# Seconds since 1970, later than any letter goes.
_NEVER = 10**11


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

    def waiting(self, partition: str, *, most: int) -> Waiting:
        """The letters of a partition: all are counted, and those of the first pages grouped.

        Once there are `most`, only those that change more than the count come over the wire.
        """
        found = Waiting()
        expression, names = projection(Outline)
        after: Any = None
        while True:
            if found.letters < most:
                page = self._page(partition, after, names=names, ProjectionExpression=expression)
                for item in page["Items"]:
                    found.add(read_letter(item, Outline))
            else:
                page = self._page(partition, after, **_remarkable(found))
                found.letters += page["ScannedCount"]
                for item in page["Items"]:
                    found.look_at(item["code"]["S"], int(item["expires_at"]["N"]))
            after = page.get("LastEvaluatedKey")
            if not after:
                return found

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


def _remarkable(found: Waiting) -> dict[str, Any]:
    """Asks for letters that are at fault themselves, or go before all that were found."""
    codes = {f":code{number}": {"S": code.value} for number, code in enumerate(OWN_FAULT)}
    least = found.first_expires_at or _NEVER
    return {
        "names": {"#code": "code", "#expires_at": "expires_at"},
        "values": {**codes, ":least": {"N": str(least)}},
        "FilterExpression": f"#expires_at < :least OR #code IN ({', '.join(codes)})",
        "ProjectionExpression": "#code, #expires_at",
    }
