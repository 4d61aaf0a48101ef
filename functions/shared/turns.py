"""Turns at API Gateway's control plane, which takes few calls: kept in the registry, for everybody's calls.

All executions that are under way at once share them, so that a region's limits are not exceeded. Each has a
place in the queue, which it keeps while its state machine waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from functions.contract import RegistryRows

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

    from functions.shared.clock import Clock

# Seconds from one call to the next ("Amazon API Gateway quotas", creating and managing an API), for which the
# function waits by itself; `any` is all calls together.
_ANY = "any"
_SHORT = {_ANY: 0.1, "CreateApiKey": 0.25, "DeleteApiKey": 0.25}
# The same, for which the state machine waits. Of CreateUsagePlanKey one at a time is taken: what lasts longer
# collides, is refused, and is asked for again.
_LONG = {"UpdateUsagePlan": 20.5, "CreateUsagePlanKey": 2.0}
# Whoever waited may come so much later than its turn.
_GRACE_SECONDS = 8.0
_LONGEST_QUEUE_SECONDS = 6 * 3600.0
# So long a function waits by itself.
PATIENCE_SECONDS = 2.0

Places = Mapping[str, int]
"""Places in queues: the moment of each turn, in milliseconds of Unix time, by region and call."""


class NotYet(Exception):  # noqa: N818 - the answer to a question
    """The turn is later: at `moment`, in milliseconds of Unix time, in the queue `queue`."""

    def __init__(self, queue: str, moment: int) -> None:
        super().__init__(f"the turn of {queue} is later")
        self.queue = queue
        self.moment = moment


class Turns:
    """Turns in each region; with `limited` false, where nothing limits calls, everybody has one at once.

    `places` are those that were kept from a `NotYet` before.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        *,
        table: str,
        clock: Clock,
        limited: bool,
        places: Places | None = None,
    ) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._limited = limited
        self._places = dict(places or {})

    def holding(self, places: Places) -> Turns:
        """The same turns, for an execution that has these places."""
        return Turns(
            self._client,
            table=self._table,
            clock=self._clock,
            limited=self._limited,
            places=places,
        )

    def take(self, region: str, operation: str) -> None:
        """Wait for a turn to call this; raises `NotYet` where that is for the state machine."""
        if not self._limited:
            return
        # The narrowest last: what is waited for after it brings calls closer together.
        for name in (_ANY, operation):
            if name in _SHORT:
                moment = self._queue(region, name, _SHORT[name], _SHORT[name], PATIENCE_SECONDS)
                self._wait(f"{region} {name}", moment)
        if operation in _LONG:
            self._wait(f"{region} {operation}", self._place(region, operation))

    def _place(self, region: str, operation: str) -> int:
        """The moment of a turn: of the place that is kept, unless that is over, or of a new one."""
        kept = self._places.pop(f"{region} {operation}", None)
        if kept is not None and self._now() <= kept + _milliseconds(_GRACE_SECONDS):
            return kept
        seconds = _LONG[operation]
        return self._queue(
            region, operation, seconds, seconds + _GRACE_SECONDS, _LONGEST_QUEUE_SECONDS
        )

    def _wait(self, queue: str, moment: int) -> None:
        seconds = (moment - self._now()) / 1000
        if seconds > PATIENCE_SECONDS:
            raise NotYet(queue, moment)
        if seconds > 0:
            self._clock.sleep(seconds)

    def _queue(
        self, region: str, name: str, seconds: float, seconds_queued: float, longest: float
    ) -> int:
        """Take the turn that is free now, or the next place; raises `NotYet` where the queue is too long."""
        now = self._now()
        free = {":now": now, ":next": now + _milliseconds(seconds)}
        condition = "attribute_not_exists(#free) OR #free <= :now"
        if self._update(region, name, "SET #free = :next", condition, free) is not None:
            return now
        gap = _milliseconds(seconds_queued)
        values = {":gap": gap, ":most": now + _milliseconds(longest)}
        taken = self._update(region, name, "SET #free = #free + :gap", "#free <= :most", values)
        if taken is None:
            raise NotYet(f"{region} {name}", now + _milliseconds(longest))
        return taken - gap

    def _update(
        self, region: str, name: str, update: str, condition: str, values: dict[str, int]
    ) -> int | None:
        """The moment after which the next turn is free; None where the condition does not hold."""
        try:
            answer: Any = self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": f"{RegistryRows.TURNS}{region}"}},
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeNames={"#free": name},
                ExpressionAttributeValues={k: {"N": str(value)} for k, value in values.items()},
                ReturnValues="ALL_NEW",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return None
            raise
        return int(answer["Attributes"][name]["N"])

    def _now(self) -> int:
        return moment_of(self._clock.now())


def moment_of(time: datetime) -> int:
    """A moment in milliseconds of Unix time."""
    return _milliseconds(time.timestamp())


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
