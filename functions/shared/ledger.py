"""The dead-letter ledger: the record of dead letters that survives their queue."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from sys import intern
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import uuid4

from botocore.exceptions import ClientError

from eventing.cause import Cause, aws_cause, cause_of
from eventing.dead_letter import DeadLetter, Stage
from eventing.event import event_digest, event_key
from eventing.json_text import parse
from eventing.redrive.ledger import SHARDS, Outline, Row, State, shard, shards
from eventing.redrive.request import Filter
from functions.contract import LEDGER_INDEX, Rows
from functions.shared.clock import Clock

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

# Of DynamoDB (BatchExecuteStatement, BatchGetItem).
_STATEMENTS = 25
_KEYS = 100
_LOOK_UPS = 10
# Seconds before a change is tried again.
_PAUSES = (0.2, 0.6, 1.8)

_MEMBERS = {
    kind: [member.name for member in fields(kind) if member.name != "key"]
    for kind in (Outline, Row)
}
_NUMBERS = ("version", "episode", "expires_at", "size")
# What each letter has of its own; the other texts are the same in many.
_OWN = ("failed_at", "accepted_at", "event_key", "digest")

T = TypeVar("T")
Kind = TypeVar("Kind", bound=Outline)


@dataclass(frozen=True)
class Entry:
    """A letter with its event."""

    row: Row
    event: str = field(repr=False)


@dataclass(frozen=True)
class Change:
    """What to set on a letter, provided that it still has the version that was read."""

    row: Row
    state: State
    members: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Answer:
    """What the table says to each change of a call."""

    results: Sequence[bool | Cause]
    asked_again: bool
    """Whether an answer before this one was lost, or this one is."""


class Ledger:
    """The ledger of this region.

    It keeps an open letter for `open_days`, and for `closed_days` what became of one that is done with.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        *,
        table: str,
        workers: Executor,
        clock: Clock,
        open_days: int,
        closed_days: int,
        shards: int = SHARDS,
    ) -> None:
        self._client = client
        self._table = table
        self._workers = workers
        self._clock = clock
        self._open_days = open_days
        self._closed_days = closed_days
        self._shards = shards

    def take_in(
        self,
        letter: DeadLetter,
        *,
        verdict: str,
        target: str | None,
        judged_by: str,
        now: datetime,
    ) -> bool | Cause:
        """Record a letter as open: True when that is news, False when it was on record, or the cause.

        A letter that was closed and has failed again since is opened again, and its episodes go on.
        One that is parked stays so, and one that a redrive is at is left to it.
        """
        document = parse(letter.event)
        source, id = str(document.value.get("source")), str(document.value.get("id"))
        key = letter.key
        members: dict[str, str | int | None] = {
            "stage": letter.stage,
            "step": letter.step,
            "state": "open",
            "shard": shard(letter.stage, "open", key, self._shards),
            "publisher": letter.publisher,
            "type": str(document.value.get("type")),
            "topic": letter.topic,
            "code": letter.cause.code.value,
            "error_class": letter.cause.error_class,
            "message": letter.cause.message,
            "fingerprint": letter.fingerprint,
            "failed_at": letter.failed_at,
            "accepted_at": letter.accepted_at,
            "event": letter.event,
            "size": len(letter.event.encode()),
            "event_key": event_key(letter.publisher, source, id),
            "digest": event_digest(document.exact),
            "verdict": verdict,
            "target": target,
            "judged_by": judged_by,
            "trace_id": letter.trace_id,
            "expires_at": _expiry(now, self._open_days),
        }
        given = {name: value for name, value in members.items() if value not in (None, "")}
        sets = ", ".join(f"#{name} = :{name}" for name in given)
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": key}},
                UpdateExpression=(
                    f"SET {sets}, #episode = if_not_exists(#episode, :episode), "
                    "#version = if_not_exists(#version, :zero) + :one REMOVE #run"
                ),
                ConditionExpression=(
                    "attribute_not_exists(pk) OR "
                    "(#failed_at < :failed_at AND NOT #state IN (:parked, :redriving))"
                ),
                ExpressionAttributeNames={
                    f"#{name}": name for name in (*given, "episode", "version", "run")
                },
                ExpressionAttributeValues={
                    **{f":{name}": _attribute(value) for name, value in given.items()},
                    ":episode": {"N": str(letter.episode)},
                    ":zero": {"N": "0"},
                    ":one": {"N": "1"},
                    ":parked": {"S": "parked"},
                    ":redriving": {"S": "redriving"},
                },
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return False
            return cause_of(error)
        except Exception as error:
            return cause_of(error)
        return True

    def select(self, stages: Iterable[Stage], states: Iterable[State], wanted: Filter) -> list[Row]:
        """Letters in these states that the filter selects, oldest failure first; reads the index only.

        With `letter_ids` these are looked up by their keys instead. Raises what the SDK raises.
        """
        if wanted.letter_ids is not None:
            rows = self.rows(wanted.letter_ids)
            allowed = {(stage, state) for stage in stages for state in states}
            found = [r for r in rows if (r.stage, r.state) in allowed and r.matches(wanted)]
        else:
            found = [r for rows in self.fold(stages, states, wanted, Row, list) for r in rows]
        return sorted(found, key=lambda row: (row.failed_at, row.key))

    def fold(
        self,
        stages: Iterable[Stage],
        states: Iterable[State],
        wanted: Filter,
        kind: type[Kind],
        fold: Callable[[Iterable[Kind]], T],
    ) -> list[T]:
        """What `fold` makes of the letters that the filter selects, for each partition of the index.

        It is given a partition's letters as they are read, oldest failure first: what it does not keep
        takes up no memory, however many there are. An `Outline` is read in less than half the time of
        a `Row`. The filter's `letter_ids` are not looked at. Raises what the SDK raises.
        """
        partitions = [
            p for stage in stages for state in states for p in shards(stage, state, self._shards)
        ]
        return list(self._workers.map(lambda p: fold(self._query(p, wanted, kind)), partitions))

    def count(self, stage: Stage, states: Iterable[State]) -> tuple[int, str | None]:
        """How many letters, and when the one that failed first did; reads the index only."""
        partitions = [p for state in states for p in shards(stage, state, self._shards)]
        counts = list(self._workers.map(self._count, partitions))
        firsts = [failed_at for _, failed_at in counts if failed_at]
        return sum(count for count, _ in counts), min(firsts, default=None)

    def read(self, keys: Sequence[str]) -> dict[str, Entry]:
        """The letters under these keys with their events; what is not there is left out."""
        entries = self._found(keys, lambda item: Entry(_letter(item, Row), item["event"]["S"]))
        return {entry.row.key: entry for entry in entries}

    def rows(self, keys: Sequence[str]) -> list[Row]:
        """The letters under these keys as they are just now, without their events."""
        return self._found(keys, lambda item: _letter(item, Row), projection=True)

    def _found(
        self, keys: Sequence[str], make: Callable[[Any], T], *, projection: bool = False
    ) -> list[T]:
        def found(run: Sequence[str]) -> list[T]:
            return [make(item) for item in self._get(run, projection=projection)]

        runs = [keys[start : start + _KEYS] for start in range(0, len(keys), _KEYS)]
        return [one for some in self._workers.map(found, runs) for one in some]

    def message(self, key: str) -> str:
        """The message of a letter's cause."""
        item = self._client.get_item(
            TableName=self._table,
            Key={"pk": {"S": key}},
            ProjectionExpression="#message",
            ExpressionAttributeNames={"#message": "message"},
        ).get("Item", {})
        return item.get("message", {}).get("S", "")

    def change(self, changes: Sequence[Change]) -> list[bool | Cause]:
        """Make each change on its own: True when made, False when the letter has changed meanwhile.

        What the table may do in a moment is tried again. A call whose answer was lost may have made
        its changes all the same: what it seems to have refused is looked up before it is believed.
        """
        results: list[bool | Cause] = [False] * len(changes)
        doubtful: set[int] = set()
        waiting = list(range(len(changes)))
        for pause in (*_PAUSES, None):
            runs = [waiting[n : n + _STATEMENTS] for n in range(0, len(waiting), _STATEMENTS)]
            calls = [[changes[n] for n in run] for run in runs]
            for run, answer in zip(runs, self._workers.map(self._change, calls), strict=True):
                for number, result in zip(run, answer.results, strict=True):
                    results[number] = result
                doubtful.update(run if answer.asked_again else ())
            waiting = [n for n in waiting if _retryable(results[n])]
            # Asked again, a change that was made is one that the letter's version refuses.
            doubtful.update(waiting)
            if not waiting or pause is None:
                break
            self._clock.pause(pause)
        asked = [n for n in sorted(doubtful) if results[n] is not True]
        for number in self._made({n: changes[n] for n in asked}):
            results[number] = True
        return results

    def closed(self, now: datetime) -> dict[str, str | int]:
        """What is set on a letter that is done with."""
        return {"closed_at": now.isoformat(), "expires_at": _expiry(now, self._closed_days)}

    def _made(self, changes: Mapping[int, Change]) -> list[int]:
        """Which of these stand in the table."""
        if not changes:
            return []
        try:
            rows = {row.key: row for row in self.rows([c.row.key for c in changes.values()])}
        except Exception:  # no more is known than before
            return []
        return [n for n, change in changes.items() if _stands(change, rows.get(change.row.key))]

    def audit(self, entry: Mapping[str, Any], *, now: datetime) -> None:
        """Append what was decided, by whom and why. Raises what the SDK raises."""
        # An INSERT never overwrites, and is the only right that the functions have to these rows.
        try:
            self._client.execute_statement(
                Statement=f"""INSERT INTO "{self._table}" VALUE {{'pk':?,'entry':?}}""",
                Parameters=[
                    {"S": f"{Rows.AUDIT}{now.isoformat()}#{uuid4()}"},
                    {"S": json.dumps(entry, default=str)},
                ],
            )
        except ClientError as error:
            # The name is this entry's alone: asked a second time by the SDK, it finds itself.
            if error.response["Error"]["Code"] != "DuplicateItemException":
                raise

    def reported(self, stage: Stage) -> set[str]:
        """Fingerprints of the stage's present incident that operators have been told of."""
        item = self._client.get_item(
            TableName=self._table, Key={"pk": {"S": f"{Rows.INCIDENT}{stage}"}}, ConsistentRead=True
        ).get("Item", {})
        return set(item.get("fingerprints", {}).get("SS", ()))

    def forget_reported(self, stage: Stage, fingerprints: Iterable[str]) -> None:
        """These are over: when they come again, operators are told again."""
        self._client.update_item(
            TableName=self._table,
            Key={"pk": {"S": f"{Rows.INCIDENT}{stage}"}},
            UpdateExpression="DELETE fingerprints :gone",
            ExpressionAttributeValues={":gone": {"SS": sorted(fingerprints)}},
        )

    def add_reported(self, stage: Stage, fingerprints: Iterable[str]) -> None:
        """Remember that operators have been told of these."""
        self._client.update_item(
            TableName=self._table,
            Key={"pk": {"S": f"{Rows.INCIDENT}{stage}"}},
            UpdateExpression="ADD fingerprints :new",
            ExpressionAttributeValues={":new": {"SS": sorted(fingerprints)}},
        )

    def end_incident(self, stage: Stage) -> None:
        """The stage has no open letters any more: the next one is another incident."""
        self._client.delete_item(
            TableName=self._table, Key={"pk": {"S": f"{Rows.INCIDENT}{stage}"}}
        )

    def _query(self, partition: str, wanted: Filter, kind: type[Kind]) -> Iterator[Kind]:
        # The index is sorted by the time of failure, so these two bounds spare reading.
        low, high = wanted.failed_after or " ", wanted.failed_before or "~"
        if low > high:
            return  # which the table calls an error
        projection, names = _projection(kind)
        start: Any = {}
        while start is not None:
            page = self._client.query(
                TableName=self._table,
                IndexName=LEDGER_INDEX,
                KeyConditionExpression="#shard = :shard AND #failed_at BETWEEN :low AND :high",
                # Most of the time goes into the SDK's reading of the answer, member by member.
                ProjectionExpression=projection,
                ExpressionAttributeNames={"#shard": "shard", **names},
                ExpressionAttributeValues={
                    ":shard": {"S": partition},
                    ":low": {"S": low},
                    ":high": {"S": high},
                },
                **({"ExclusiveStartKey": start} if start else {}),
            )
            letters = (_letter(item, kind) for item in page["Items"])
            yield from (letter for letter in letters if letter.matches(wanted))
            start = page.get("LastEvaluatedKey")

    def _count(self, partition: str) -> tuple[int, str | None]:
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

    def _get(self, keys: Sequence[str], *, projection: bool = False) -> list[Any]:
        request: dict[str, Any] = {"ConsistentRead": True}
        if projection:
            expression, names = _projection(Row)
            request |= {
                "ProjectionExpression": expression,
                "ExpressionAttributeNames": names,
            }
        found: list[Any] = []
        left: Any = [{"pk": {"S": key}} for key in keys]
        for number in range(_LOOK_UPS):
            if number:
                self._clock.sleep(0.1 * number)
            response = self._client.batch_get_item(
                RequestItems={self._table: cast("Any", {**request, "Keys": left})}
            )
            found += response["Responses"].get(self._table, ())
            unprocessed: Any = response.get("UnprocessedKeys", {})
            left = unprocessed.get(self._table, {}).get("Keys")
            if not left:
                return found
        raise TimeoutError("the ledger left keys unprocessed")

    def _change(self, run: Sequence[Change]) -> _Answer:
        try:
            response: Any = self._client.batch_execute_statement(
                Statements=[self._statement(change) for change in run]
            )
        except Exception as error:
            return _Answer([cause_of(error)] * len(run), asked_again=True)
        results: list[bool | Cause] = []
        for entry in response["Responses"]:
            failure = entry.get("Error")
            if not failure:
                results.append(True)
            elif failure.get("Code") == "ConditionalCheckFailed":
                results.append(False)
            else:
                results.append(aws_cause(failure.get("Code", ""), failure.get("Message", "")))
        repeated = bool(response["ResponseMetadata"].get("RetryAttempts"))
        return _Answer(results, asked_again=repeated)

    def _statement(self, change: Change) -> Any:
        row = change.row
        sets: dict[str, str | int] = {
            "state": change.state,
            "shard": shard(row.stage, change.state, row.key, self._shards),
            "version": row.version + 1,
            **change.members,
        }
        assignments = " ".join(f'SET "{name}"=?' for name in sets)
        return {
            "Statement": f'UPDATE "{self._table}" {assignments} WHERE "pk"=? AND "version"=?',
            "Parameters": [
                *map(_attribute, sets.values()),
                {"S": row.key},
                {"N": str(row.version)},
            ],
        }


def _retryable(result: bool | Cause) -> bool:
    return isinstance(result, Cause) and result.retryable


def _stands(change: Change, row: Row | None) -> bool:
    return row is not None and (row.version, row.state, row.run) == (
        change.row.version + 1,
        change.state,
        change.members.get("run", change.row.run),
    )


def _expiry(now: datetime, days: int) -> int:
    return int((now + timedelta(days=days)).timestamp())


def _attribute(value: str | int | None) -> Any:
    return {"N": str(value)} if isinstance(value, int) else {"S": value}


def _projection(kind: type[Outline]) -> tuple[str, Mapping[str, str]]:
    """What to read for it, with the names that stand in the expression."""
    names = {f"#{name}": name for name in ("pk", *_MEMBERS[kind])}
    return ", ".join(names), names


def _letter(item: Mapping[str, Any], kind: type[Kind]) -> Kind:
    members: dict[str, Any] = {}
    for name in _MEMBERS[kind]:
        if name in _NUMBERS:
            members[name] = int(item[name]["N"])
            continue
        text = item.get(name, {}).get("S")
        # One text for all letters that have it, or a plan takes up twice the memory.
        members[name] = intern(text) if text and name not in _OWN else text
    return kind(key=item["pk"]["S"], **members)
