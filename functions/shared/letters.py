"""The letters of the dead-letter ledger: the record of dead letters that survives their queue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any, TypeVar, cast

from eventing.cause import UNPROCESSED, Cause, DependencyDown, cause_of
from eventing.dead_letter import DeadLetter, Stage
from eventing.redrive.changes import Change
from eventing.redrive.filter import Filter
from eventing.redrive.groups import Waiting, all_waiting
from eventing.redrive.ledger import ORIGINALS, SHARDS, Row, State, originals_of, shard, shards
from functions.shared.batch_answers import statement_cause
from functions.shared.clock import Clock
from functions.shared.conditions import written_if_held
from functions.shared.letter_index import GROUPED, LetterIndex
from functions.shared.letter_items import (
    Entry,
    Kind,
    attribute,
    is_letter,
    members_of,
    projection,
    read_entry,
    read_letter,
)
from functions.shared.resources import resource_of

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

# Of DynamoDB (BatchExecuteStatement, BatchGetItem).
_STATEMENTS = 25
_KEYS = 100
_LOOK_UPS = 10
# Seconds before a change is tried again.
_PAUSES = (0.2, 0.6, 1.8)

T = TypeVar("T")


@dataclass(frozen=True)
class _Answer:
    """The table's answer to each change of a call."""

    results: Sequence[bool | Cause]
    asked_again: bool
    """An answer before this one may have been lost, or this one is."""


class Letters:
    """The letters of this region's ledger."""

    def __init__(
        self,
        client: DynamoDBClient,
        *,
        table: str,
        workers: Executor,
        clock: Clock,
        shards: int = SHARDS,
    ) -> None:
        self._client = client
        self._table = table
        self._workers = workers
        self._clock = clock
        self._shards = shards
        self._resource = resource_of({"TableName": table})
        self._index = LetterIndex(client, table=table)

    def take_in(self, letter: DeadLetter, row: Row) -> bool | Cause:
        """Record a letter as open: True when that is news, False when it was on record, or the cause.

        A letter that was closed and has failed again since is opened again, and its episodes go on.
        One that is parked stays so, and one that a redrive is at is left to it. Times of the letter that
        the row has otherwise are kept beside, as `original_...`: they tell its second receipt.
        """
        key = row.key
        originals = originals_of(letter, row)
        # But those that an earlier row's are counted on from, or that are another's.
        given = {
            name: value
            for name, value in members_of(letter, row, self._shards).items()
            if name not in ("version", "episode", "run")
        }
        sets = ", ".join(f"#{name} = :{name}" for name in given)
        # `closed_at` and `reason` are of the time when it was closed before.
        removed = [
            "run",
            "closed_at",
            "reason",
            *(name for name in ORIGINALS if name not in originals),
        ]
        is_news = "#failed_at < :failed_at AND NOT #state IN (:parked, :redriving)"
        if "original_failed_at" in originals:
            is_news += " AND NOT #original_failed_at = :original_failed_at"
        try:
            return written_if_held(
                lambda: self._client.update_item(
                    TableName=self._table,
                    Key={"pk": {"S": key}},
                    UpdateExpression=(
                        f"SET {sets}, #episode = if_not_exists(#episode, :episode), "
                        "#version = if_not_exists(#version, :zero) + :one "
                        f"REMOVE {', '.join(f'#{name}' for name in removed)}"
                    ),
                    ConditionExpression=f"attribute_not_exists(pk) OR ({is_news})",
                    ExpressionAttributeNames={
                        f"#{name}": name for name in (*given, "episode", "version", *removed)
                    },
                    ExpressionAttributeValues={
                        **{f":{name}": attribute(value) for name, value in given.items()},
                        ":episode": attribute(row.episode),
                        ":zero": {"N": "0"},
                        ":one": {"N": "1"},
                        ":parked": {"S": "parked"},
                        ":redriving": {"S": "redriving"},
                    },
                )
            )
        except Exception as error:
            return cause_of(error)

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
        """The results of `fold` on the letters that the filter selects, for each partition of the index.

        It is given a partition's letters as they are read, oldest failure first: what it does not keep
        takes up no memory, however many there are. An `Outline` is read in less than half the time of
        a `Row`. The filter's `letter_ids` are not looked at. Raises what the SDK raises.
        """
        partitions = self._partitions(stages, states)
        return list(
            self._workers.map(lambda p: fold(self._index.query(p, wanted, kind)), partitions)
        )

    def open(self, stage: Stage) -> Waiting:
        """The letters of a stage that nobody has dealt with, a redrive included; reads the index only."""
        return self._waiting([stage], ["open", "redriving"])

    def parked(self, stage: Stage) -> Waiting:
        """The letters of a stage that wait to be asked for by their ids; reads the index only."""
        return self._waiting([stage], ["parked"])

    def _waiting(self, stages: Iterable[Stage], states: Iterable[State]) -> Waiting:
        look = partial(self._index.waiting, most=GROUPED // self._shards)
        return all_waiting(self._workers.map(look, self._partitions(stages, states)))

    def _partitions(self, stages: Iterable[Stage], states: Iterable[State]) -> list[str]:
        return [p for pair in product(stages, states) for p in shards(*pair, self._shards)]

    def read(self, keys: Sequence[str]) -> dict[str, Entry]:
        """The letters under these keys with their events; what is not there is left out."""
        return {entry.row.key: entry for entry in self._found(keys, read_entry)}

    def rows(self, keys: Sequence[str]) -> list[Row]:
        """The letters under these keys as they are just now, without their events."""
        return self._found(keys, lambda item: read_letter(item, Row), index_only=True)

    def _found(
        self, keys: Sequence[str], make: Callable[[Any], T], *, index_only: bool = False
    ) -> list[T]:
        def found(run: Sequence[str]) -> list[T]:
            found = self._get(run, index_only=index_only)
            return [make(item) for item in found if is_letter(item)]

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
            waiting = [n for n in waiting if isinstance(c := results[n], Cause) and c.retryable]
            # Asked again, a change that was made is one that the letter's version refuses.
            doubtful.update(waiting)
            if not waiting or pause is None:
                break
            self._clock.pause(pause)
        asked = [n for n in sorted(doubtful) if results[n] is not True]
        for number in self._made({n: changes[n] for n in asked}):
            results[number] = True
        return results

    def _made(self, changes: Mapping[int, Change]) -> list[int]:
        """Those of the changes that stand in the table."""
        if not changes:
            return []
        try:
            rows = {row.key: row for row in self.rows([c.row.key for c in changes.values()])}
        except Exception:  # no more is known than before
            return []
        return [n for n, change in changes.items() if _stands(change, rows.get(change.row.key))]

    def _get(self, keys: Sequence[str], *, index_only: bool = False) -> list[Any]:
        request: dict[str, Any] = {"ConsistentRead": True}
        if index_only:
            expression, names = projection(Row)
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
        raise DependencyDown(replace(UNPROCESSED, resource=self._resource))

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
                results.append(statement_cause(failure, self._resource))
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
                *map(attribute, sets.values()),
                {"S": row.key},
                {"N": str(row.version)},
            ],
        }


def _stands(change: Change, row: Row | None) -> bool:
    return row is not None and (row.version, row.state, row.run) == (
        change.row.version + 1,
        change.state,
        change.members.get("run", change.row.run),
    )
