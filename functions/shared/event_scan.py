"""Reads the whole Events table, segment by segment, and the events that were found in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from eventing.adoption.reading import Reading
from eventing.cause import UNPROCESSED, DependencyDown
from functions.contract import FOUND_MEMBERS
from functions.shared.clock import Clock
from functions.shared.resources import resource_of

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

# Of DynamoDB (BatchGetItem), which gives 16 MB at most in one answer.
KEYS_PER_CALL = 100
_LOOK_UPS = 5
_NAMES = {f"#{name}": name for name in FOUND_MEMBERS}


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as the scan finds it, without the event itself."""

    key: str
    publisher: str
    accepted_at: str
    erased: bool
    """Nothing is left of it but this."""


@dataclass(frozen=True)
class ScanPage:
    """One answer of the table: up to 1 MB of it, and what of that was asked for."""

    events: Sequence[StoredEvent]
    read: int
    """The events in it, those included that were not asked for."""
    units: float
    """Read units that it has cost."""
    next: str | None
    """The key after which the segment goes on; None: it has been read."""


class EventScan:
    """The Events table of this region, read as a whole. Its methods raise what the SDK raises."""

    def __init__(self, client: DynamoDBClient, *, table: str, clock: Clock) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._resource = resource_of({"TableName": table})

    def reading(self) -> Reading:
        """The table's size, as it was some hours ago."""
        table = self._client.describe_table(TableName=self._table)["Table"]
        return Reading(table.get("TableSizeBytes", 0), table.get("ItemCount", 0))

    def page(
        self,
        *,
        region: str,
        start: str,
        end: str,
        segment: int,
        segments: int,
        after: str | None = None,
    ) -> ScanPage:
        """Read on in a segment: the events that this region took from `start` on and before `end`.

        Times are as `timestamp` writes them.
        """
        start_key: Any = {"ExclusiveStartKey": {"pk": {"S": after}}} if after else {}
        answer: Any = self._client.scan(
            TableName=self._table,
            Segment=segment,
            TotalSegments=segments,
            FilterExpression=(
                "#origin_region = :region AND #accepted_at >= :start AND #accepted_at < :end"
            ),
            ProjectionExpression=", ".join(_NAMES),
            ExpressionAttributeNames=_NAMES,
            ExpressionAttributeValues={
                ":region": {"S": region},
                ":start": {"S": start},
                ":end": {"S": end},
            },
            ReturnConsumedCapacity="TOTAL",
            **start_key,
        )
        events = [
            StoredEvent(
                item["pk"]["S"],
                item["publisher"]["S"],
                item["accepted_at"]["S"],
                erased="digest" not in item,
            )
            for item in answer["Items"]
        ]
        last = answer.get("LastEvaluatedKey")
        return ScanPage(
            events,
            answer["ScannedCount"],
            answer.get("ConsumedCapacity", {}).get("CapacityUnits", 0.0),
            last["pk"]["S"] if last else None,
        )

    def texts(self, keys: Sequence[str]) -> dict[str, str]:
        """The events under these keys, `KEYS_PER_CALL` at most; what is not there, or erased, is left out."""
        found: dict[str, str] = {}
        left: Any = [{"pk": {"S": key}} for key in keys]
        for number in range(_LOOK_UPS):
            if number:
                self._clock.pause(number)
            answer: Any = self._client.batch_get_item(
                RequestItems={
                    self._table: {
                        "Keys": left,
                        "ProjectionExpression": "#pk, #event",
                        "ExpressionAttributeNames": {"#pk": "pk", "#event": "event"},
                    }
                }
            )
            for item in answer["Responses"].get(self._table, ()):
                if "event" in item:
                    found[item["pk"]["S"]] = item["event"]["S"]
            left = answer.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys")
            if not left:
                return found
        raise DependencyDown(replace(UNPROCESSED, resource=self._resource))
