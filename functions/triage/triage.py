"""Triage: moves what is in a dead-letter queue into the ledger, written first and deleted after."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial

from eventing.cause import Cause, Code, cause_of
from eventing.dead_letter import DeadLetter, NoDeadLetter, Stage, letter_in, read_document
from eventing.redrive.forecast import Forecaster
from eventing.redrive.junk import JunkKind, kind_of
from eventing.redrive.ledger import Row, new_row
from eventing.timestamps import timestamp
from functions.contract import Objects
from functions.shared.clock import Clock
from functions.shared.dead_letter_queue import DeadLetterQueue
from functions.shared.invocation_record import (
    NoInvocationRecord,
    Reference,
    read_records,
    reference,
)
from functions.shared.letters import Letters
from functions.shared.message_queue import Received
from functions.shared.operations import OperationsBucket
from functions.triage.turns import PageOver, Turns

# Even a long poll can come back empty from a queue that is not.
_EMPTY_ANSWERS = 2


class _NotRecordable(Exception):  # noqa: N818 - what was found in a queue
    """The ledger can never take this letter."""


@dataclass
class Counts:
    """Counts of messages by what triage did with them."""

    recorded: int = 0
    """Letters that are news to the ledger."""
    known: int = 0
    """Letters that were on record."""
    junk: int = 0
    """Messages that are no dead letters: kept as objects in the operations bucket."""
    records: int = 0
    """References to invocation records, turned into letters."""
    left: int = 0
    """Messages that could not be kept elsewhere, and so stay in the queue."""
    crashed: list[DeadLetter] = field(default_factory=list)
    """Letters of invocation records that are news."""
    causes: Counter[str] = field(default_factory=Counter)
    """Why messages were left."""
    junk_kinds: Counter[JunkKind] = field(default_factory=Counter)
    failure: Exception | None = None
    """The error that ended the work before its time."""

    def add(self, other: Counts) -> None:
        """Count these in."""
        self.recorded += other.recorded
        self.known += other.known
        self.junk += other.junk
        self.records += other.records
        self.left += other.left
        self.crashed += other.crashed
        self.causes += other.causes
        self.junk_kinds += other.junk_kinds
        self.failure = self.failure or other.failure

    def leave(self, code: Code) -> None:
        """Count a message that stays, and why."""
        self.left += 1
        self.causes[code] += 1


class Triage:
    """Drains dead-letter queues into the ledger."""

    def __init__(
        self,
        *,
        queues: Mapping[Stage, DeadLetterQueue],
        letters: Letters,
        bucket: OperationsBucket,
        forecaster: Forecaster,
        receivers: Executor,
        receiver_count: int,
        poll_seconds: int,
        open_days: int,
        clock: Clock,
    ) -> None:
        self._queues = queues
        self._letters = letters
        self._bucket = bucket
        self._forecaster = forecaster
        self._receivers = receivers
        self._receiver_count = receiver_count
        self._poll_seconds = poll_seconds
        self._open_days = open_days
        self._clock = clock

    def page(self, stage: Stage, *, ends: float) -> tuple[Counts, bool]:
        """Begin with no letter after `ends`; what was done, and whether the queue came out empty.

        A receiver that cannot reach the queue any more ends, and says why in the counts. What was
        received and not come to can be received again.
        """
        turns = Turns(ends=ends, clock=self._clock)
        jobs = [
            self._receivers.submit(self._receive, stage, turns) for _ in range(self._receiver_count)
        ]
        total, drained = Counts(), True
        for job in jobs:
            counts, empty = job.result()
            total.add(counts)
            drained = drained and empty
        left = turns.next_round()
        try:
            self._queues[stage].show(left)
        except Exception as error:
            # It shows them by itself, when their time-out is over.
            total.failure = total.failure or error
        return total, drained and not left

    def _receive(self, stage: Stage, turns: Turns) -> tuple[Counts, bool]:
        counts, empty, queue = Counts(), 0, self._queues[stage]
        try:
            while empty < _EMPTY_ANSWERS:
                if turns.over:
                    return counts, False
                messages = queue.receive(wait_seconds=self._poll_seconds)
                for message in messages:
                    self._take(stage, message, turns, counts)
                put_off = [] if messages else turns.next_round()
                queue.show(put_off)
                empty = 0 if messages or put_off else empty + 1
        except Exception as error:
            counts.failure = error
            return counts, False
        return counts, True

    def _take(self, stage: Stage, message: Received, turns: Turns, counts: Counts) -> None:
        if turns.over or not turns.has_turn(message):
            turns.put_off(message)
            return
        try:
            safe = self._keep(stage, message, turns, counts)
        except PageOver:
            turns.put_off(message)
            return
        if safe:
            # One that stays because this fails is received again, and is on record then.
            self._queues[stage].delete([message])

    def _keep(self, stage: Stage, message: Received, turns: Turns, counts: Counts) -> bool:
        """Keep what the message holds elsewhere; True when that is safe, so that it may be deleted."""
        try:
            found = turns.judge(message, lambda: self._read(stage, message))
            if isinstance(found, Reference):
                return self._keep_records(found, message, turns, counts)
            return self._take_in(*found, counts)
        except (NoDeadLetter, NoInvocationRecord, _NotRecordable) as error:
            return self._keep_junk(stage, message, str(error), counts)

    def _read(self, stage: Stage, message: Received) -> Reference | tuple[DeadLetter, Row]:
        """What the message is; raises `NoDeadLetter` for what is nothing of this stage's.

        Who may send to a queue causes what the stage itself does, and nothing else.
        """
        document = read_document(message.body)
        if stage == "publish":
            found = reference(document.value, bucket=self._bucket.name)
            if found:
                return found
        letter = letter_in(document)
        if letter.stage != stage:
            raise NoDeadLetter(f"a letter of {letter.stage} in the queue of {stage}")
        return letter, self._row(letter)

    def record(self, letter: DeadLetter, counts: Counts) -> bool:
        """Record a letter; True when it is in the ledger now."""
        return self._take_in(letter, self._row(letter), counts)

    def _row(self, letter: DeadLetter) -> Row:
        forecast = self._forecaster.forecast(letter, letter.document)
        return new_row(
            letter,
            verdict=forecast.verdict,
            target=forecast.topic,
            judged_by=self._forecaster.version,
            now=self._clock.now(),
            days=self._open_days,
        )

    def _take_in(self, letter: DeadLetter, row: Row, counts: Counts) -> bool:
        result = self._letters.take_in(letter, row)
        if isinstance(result, Cause):
            if result.code in (Code.TOO_LARGE, Code.INVALID):
                raise _NotRecordable(f"the ledger does not take it: {result.message}")
            counts.leave(result.code)
            return False
        if result:
            counts.recorded += 1
            if letter.cause.code is Code.CRASHED:
                counts.crashed.append(letter)
        else:
            counts.known += 1
        return True

    def _keep_records(
        self, found: Reference, message: Received, turns: Turns, counts: Counts
    ) -> bool:
        """Turn each record of the batch into a letter; the reference goes when all are safe."""
        try:
            content = self._bucket.get(found.key)
        except Exception as error:
            counts.leave(cause_of(error).code)
            return False
        letters = turns.judge(message, lambda: read_records(content, failed_at=found.time))
        safe = [
            self._take_in(letter, turns.judge(message, partial(self._row, letter)), counts)
            for letter in letters
        ]
        counts.records += all(safe)
        return all(safe)

    def _keep_junk(self, stage: Stage, message: Received, reason: str, counts: Counts) -> bool:
        kind = kind_of(message.body)
        content = {
            "stage": stage,
            "kind": kind,
            "reason": reason,
            "kept_at": timestamp(self._clock.now()),
            "message_id": message.id,
            "body": message.body,
            "attributes": message.attributes,
        }
        try:
            # A message that is received once more is kept already.
            key = f"{Objects.JUNK}{stage}/{kind}/{message.id}.json"
            self._bucket.put(key, json.dumps(content))
        except Exception as error:
            counts.leave(cause_of(error).code)
            return False
        counts.junk += 1
        counts.junk_kinds[kind] += 1
        return True
