"""Writes events into the Events table, once each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from eventing.cause import UNPROCESSED, Cause, Code, DependencyDown, cause_of
from functions.contract import EVENT_KEY_MEMBERS
from functions.shared.batch_answers import statement_cause
from functions.shared.clock import Clock
from functions.shared.resources import resource_of

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

# Of DynamoDB (BatchExecuteStatement, BatchGetItem).
STATEMENTS_PER_CALL = 25
KEYS_PER_CALL = 100
_LOOK_UPS = 3
# In the order of EventStore._item.
_MEMBERS = (
    "pk",
    "event",
    "publisher",
    "type",
    "origin_region",
    "accepted_at",
    "digest",
    "expires_at",
)
_OUT_OF_TIME = Cause(Code.TIMEOUT, "OutOfTime", "the table did not answer in the time there was")


@dataclass(frozen=True)
class EventItem:
    """An event as the table holds it; `accepted_at` as its publisher was told."""

    key: str
    publisher: str
    event: str
    type: str
    accepted_at: str
    digest: str


@dataclass(frozen=True)
class Present:
    """An event is in the table under the key: stored just now, or found there."""

    digest: str
    accepted_at: str
    stored_now: bool


@dataclass(frozen=True)
class Erased:
    """The event under the key was erased: only its tombstone is in the table, and keeps others out."""


@dataclass(frozen=True)
class NotStored:
    """The table could not be written, or what is in it could not be read."""

    cause: Cause


Result = Present | Erased | NotStored


@dataclass(frozen=True)
class _Taken:
    """The key is taken; by this very call's first attempt, perhaps, when it was retried."""

    after_retry: bool


class EventStore:
    """The Events table of this region."""

    def __init__(
        self,
        client: DynamoDBClient,
        *,
        table: str,
        region: str,
        retention_days: int,
        workers: Executor,
        clock: Clock,
    ) -> None:
        self._client = client
        self._table = table
        self._region = region
        self._retention = timedelta(days=retention_days)
        self._workers = workers
        self._clock = clock
        self._resource = resource_of({"TableName": table})
        self._out_of_time = NotStored(replace(_OUT_OF_TIME, resource=self._resource))
        members = ",".join(f"'{member}':?" for member in _MEMBERS)
        self._statement = f'INSERT INTO "{table}" VALUE {{{members}}}'

    def put(self, items: Sequence[EventItem], *, deadline: float) -> list[Result]:
        """Insert `items`, whose keys differ; each has its own result, in their order.

        They are PartiQL INSERTs, which never overwrite and are all that IAM grants: one in a call of its
        own, more of them 25 in a call, each of which fails alone. One consistent BatchGetItem finds those
        whose keys were taken.
        Nothing is raised for a call that fails or is not back at `deadline` (of the clock's
        `monotonic`):
        that is the result of the items it carried.
        """
        if not items:
            return []
        runs = [
            items[start : start + STATEMENTS_PER_CALL]
            for start in range(0, len(items), STATEMENTS_PER_CALL)
        ]
        insert = self._insert_one if len(items) == 1 else self._insert
        calls = [self._workers.submit(insert, run) for run in runs]
        results = [
            result
            for run, call in zip(runs, calls, strict=True)
            for result in self._clock.result_by(deadline, call, [self._out_of_time] * len(run))
        ]
        taken = {
            item.key: (item, result.after_retry)
            for item, result in zip(items, results, strict=True)
            if isinstance(result, _Taken)
        }
        found: Mapping[str, Result] = {}
        if taken:
            found = self._clock.result_by(deadline, self._workers.submit(self._look_up, taken), {})
        return [
            found.get(item.key, self._out_of_time) if isinstance(result, _Taken) else result
            for item, result in zip(items, results, strict=True)
        ]

    def check(self) -> Cause | None:
        """Look whether the table is there, without an event: None, or why it could not be seen."""
        try:
            self._client.describe_table(TableName=self._table)
        except Exception as error:
            return cause_of(error)
        return None

    def present(self, keys: Sequence[str]) -> Mapping[str, str]:
        """The digests of the events that are in the table under these keys; raises what the SDK raises.

        That of an event that was erased is empty: no event has it. Eventually consistent, at half the
        price: what was stored a moment ago may be missing.
        """
        runs = [keys[start : start + KEYS_PER_CALL] for start in range(0, len(keys), KEYS_PER_CALL)]
        return {
            item["pk"]["S"]: item["digest"]["S"] if "digest" in item else ""
            for items in self._workers.map(self._digests, runs)
            for item in items
        }

    def _digests(self, keys: Sequence[str]) -> list[Any]:
        found: list[Any] = []
        left: Any = [{"pk": {"S": key}} for key in dict.fromkeys(keys)]
        idle = 0
        while left:
            items, rest = self._get(left, consistent=False)
            idle = 0 if len(rest or ()) < len(left) else idle + 1
            if idle == _LOOK_UPS:
                raise DependencyDown(replace(UNPROCESSED, resource=self._resource))
            found, left = found + items, rest
            if idle:
                self._clock.pause(idle)
        return found

    def _insert_one(self, run: Sequence[EventItem]) -> Sequence[Present | NotStored | _Taken]:
        """Insert one item; unlike an entry of a batch, it is tried again by the SDK when it is throttled."""
        (item,) = run
        try:
            self._client.execute_statement(
                Statement=self._statement, Parameters=list(self._item(item).values())
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "DuplicateItemException":
                return [_Taken(_was_retried(error.response))]
            return [NotStored(cause_of(error))]
        except Exception as error:
            return [NotStored(cause_of(error))]
        return [Present(item.digest, item.accepted_at, stored_now=True)]

    def _insert(self, run: Sequence[EventItem]) -> Sequence[Present | NotStored | _Taken]:
        try:
            response: Any = self._client.batch_execute_statement(
                Statements=[
                    {"Statement": self._statement, "Parameters": list(self._item(item).values())}
                    for item in run
                ]
            )
        except Exception as error:
            return [NotStored(cause_of(error))] * len(run)
        results: list[Present | NotStored | _Taken] = []
        for item, entry in zip(run, response["Responses"], strict=True):
            failure = entry.get("Error")
            if not failure:
                results.append(Present(item.digest, item.accepted_at, stored_now=True))
            elif failure.get("Code") == "DuplicateItem":
                results.append(_Taken(_was_retried(response)))
            else:
                cause = statement_cause(failure, self._resource)
                results.append(NotStored(cause))
        return results

    def _look_up(self, taken: Mapping[str, tuple[EventItem, bool]]) -> Mapping[str, Result]:
        """Look the keys up; those that a call leaves unprocessed are asked for again."""
        found: dict[str, Result] = {}
        keys: Any = [{"pk": {"S": key}} for key in taken]
        cause = replace(UNPROCESSED, resource=self._resource)
        for _ in range(_LOOK_UPS):
            try:
                items, keys = self._get(keys, consistent=True)
            except Exception as error:
                cause = cause_of(error)
                break
            for old in items:
                item, after_retry = taken[old["pk"]["S"]]
                found[item.key] = _present(old, item, after_retry=after_retry)
            if not keys:
                # What is not there any more has expired between the two calls.
                cause = Cause(Code.UNKNOWN, "Expired", "the key was taken, then its item was gone")
                break
        return {key: found.get(key, NotStored(cause)) for key in taken}

    def _get(self, keys: Any, *, consistent: bool) -> tuple[list[Any], Any]:
        """The items under the keys, and the keys that the table left unprocessed."""
        response: Any = self._client.batch_get_item(
            RequestItems={
                self._table: {
                    "Keys": keys,
                    "ConsistentRead": consistent,
                    "ProjectionExpression": ", ".join(EVENT_KEY_MEMBERS),
                }
            }
        )
        unprocessed = response.get("UnprocessedKeys", {}).get(self._table, {}).get("Keys")
        return response["Responses"].get(self._table, []), unprocessed

    def _item(self, item: EventItem) -> dict[str, Any]:
        return {
            "pk": {"S": item.key},
            "event": {"S": item.event},
            "publisher": {"S": item.publisher},
            "type": {"S": item.type},
            "origin_region": {"S": self._region},
            "accepted_at": {"S": item.accepted_at},
            "digest": {"S": item.digest},
            "expires_at": {"N": _expires_at(item.accepted_at, self._retention)},
        }


@lru_cache(maxsize=16)  # the same for all events of a batch
def _expires_at(accepted_at: str, retention: timedelta) -> str:
    return str(int((datetime.fromisoformat(accepted_at) + retention).timestamp()))


def _present(there: Mapping[str, Any], item: EventItem, *, after_retry: bool) -> Present | Erased:
    """The event in the table; after a retry, the attempt before may have stored it."""
    if "erased_at" in there:
        return Erased()
    digest, accepted_at = there["digest"]["S"], there["accepted_at"]["S"]
    ours = after_retry and digest == item.digest and accepted_at == item.accepted_at
    return Present(digest, accepted_at, stored_now=ours)


def _was_retried(response: Mapping[str, Any]) -> bool:
    return bool(response.get("ResponseMetadata", {}).get("RetryAttempts"))
