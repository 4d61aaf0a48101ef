"""The index of the ledger's letters, by stage and state and sorted by the time of failure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from eventing.redrive.filter import Filter
from functions.contract import LEDGER_INDEX
from functions.shared.letter_items import Kind, projection, read_letter

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


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

    def count(self, partition: str) -> tuple[int, str | None]:
        """The number of letters in a partition, and the time of the first failure."""
        # The table counts; only the first letter of each partition comes over the wire.
        asked: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": LEDGER_INDEX,
            "KeyConditionExpression": "#shard = :shard",
            "ExpressionAttributeNames": {"#shard": "shard"},
            "ExpressionAttributeValues": {":shard": {"S": partition}},
        }
        count = 0
        start: dict[str, Any] | None = {}
        while start is not None:
            page: Any = self._client.query(**asked, **start, Select="COUNT")
            count += page["Count"]
            last = page.get("LastEvaluatedKey")
            start = {"ExclusiveStartKey": last} if last else None
        if not count:
            return 0, None
        first = self._client.query(**asked, Limit=1)["Items"]
        return count, first[0]["failed_at"]["S"] if first else None
