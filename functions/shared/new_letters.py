"""Puts letters into the ledger that no queue has brought, each once, whatever has become of it since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eventing.cause import Cause, DependencyDown, cause_of
from eventing.dead_letter import DeadLetter
from eventing.redrive.ledger import SHARDS, Row
from functions.shared.batch_answers import statement_cause
from functions.shared.clock import Clock
from functions.shared.letter_items import ORIGIN, attribute, members_of
from functions.shared.resources import resource_of

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

# Of DynamoDB (BatchExecuteStatement).
STATEMENTS_PER_CALL = 25
# Seconds before a call is made again.
_PAUSES = (0.2, 0.6, 1.8)


@dataclass(frozen=True)
class NewLetter:
    """A letter, its row, and the region that took its event."""

    letter: DeadLetter
    row: Row
    origin: str


class NewLetters:
    """The ledger of this region, as far as letters are put there.

    They are PartiQL INSERTs, which never overwrite: a letter that is there, in whatever state, stays as it
    is.
    """

    def __init__(
        self, client: DynamoDBClient, *, table: str, clock: Clock, shards: int = SHARDS
    ) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._shards = shards
        self._resource = resource_of({"TableName": table})

    def insert(self, letters: Sequence[NewLetter]) -> int:
        """Put these there, 25 at most: how many were not there yet, as far as is known.

        What was put there by a call whose answer was lost counts as found there. Raises `DependencyDown`
        where the table does not take them in several attempts; those that it took stay.
        """
        new, left = 0, list(letters)
        for pause in (*_PAUSES, None):
            added, left, cause = self._insert(left)
            new += added
            if cause is None:
                break
            if pause is None or not cause.retryable:
                raise DependencyDown(cause)
            self._clock.pause(pause)
        return new

    def _insert(self, letters: Sequence[NewLetter]) -> tuple[int, list[NewLetter], Cause | None]:
        """How many were added, which failed, and why the last of them did."""
        try:
            answer: Any = self._client.batch_execute_statement(
                Statements=[self._statement(one) for one in letters]
            )
        except Exception as error:
            return 0, list(letters), cause_of(error)
        new, failed, cause = 0, [], None
        for one, entry in zip(letters, answer["Responses"], strict=True):
            failure = entry.get("Error")
            if not failure:
                new += 1
            elif failure.get("Code") != "DuplicateItem":
                failed.append(one)
                cause = statement_cause(failure, self._resource)
        return new, failed, cause

    def _statement(self, new: NewLetter) -> Any:
        members = {"pk": new.row.key, **members_of(new.letter, new.row, self._shards)}
        members[ORIGIN] = new.origin
        names = ",".join(f"'{name}':?" for name in members)
        return {
            "Statement": f'INSERT INTO "{self._table}" VALUE {{{names}}}',
            "Parameters": [attribute(value) for value in members.values()],
        }
