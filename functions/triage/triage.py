"""Triage: moves what is in a dead-letter queue into the ledger, written first and deleted after."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field

from eventing.cause import Cause, Code, cause_of
from eventing.dead_letter import DeadLetter, NoDeadLetter, Stage, read_dead_letter
from eventing.redrive.forecast import Forecaster
from eventing.redrive.ledger import new_row
from eventing.timestamps import timestamp
from functions.contract import Objects
from functions.shared.clock import Clock
from functions.shared.dead_letter_queue import DeadLetterQueue, Received
from functions.shared.invocation_record import (
    NoInvocationRecord,
    Reference,
    read_records,
    reference,
)
from functions.shared.letters import Letters
from functions.shared.operations import OperationsBucket

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
    junk_reasons: Counter[str] = field(default_factory=Counter)
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
        self.junk_reasons += other.junk_reasons
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

    def page(self, stage: Stage, *, seconds: float) -> tuple[Counts, bool]:
        """Work for `seconds` at most; what was done, and whether the queue came out empty.

        A receiver that cannot reach the queue any more ends, and says why in the counts.
        """
        ends = self._clock.monotonic() + seconds
        jobs = [
            self._receivers.submit(self._receive, stage, ends) for _ in range(self._receiver_count)
        ]
        total, drained = Counts(), True
        for job in jobs:
            counts, empty = job.result()
            total.add(counts)
            drained = drained and empty
        return total, drained

    def _receive(self, stage: Stage, ends: float) -> tuple[Counts, bool]:
        counts, empty, queue = Counts(), 0, self._queues[stage]
        try:
            while empty < _EMPTY_ANSWERS:
                if self._clock.monotonic() > ends:
                    return counts, False
                messages = queue.receive(wait_seconds=self._poll_seconds)
                empty = 0 if messages else empty + 1
                # One that stays because this fails is received again, and is on record then.
                queue.delete([m for m in messages if self._keep(stage, m, counts)])
        except Exception as error:
            counts.failure = error
            return counts, False
        return counts, True

    def _keep(self, stage: Stage, message: Received, counts: Counts) -> bool:
        """Keep what the message holds elsewhere; True when that is safe, so that it may be deleted."""
        found = reference(message.body, bucket=self._bucket.name)
        try:
            if found:
                return self._keep_records(found, counts)
            return self.record(read_dead_letter(message.body), counts)
        except (NoDeadLetter, NoInvocationRecord, _NotRecordable) as error:
            return self._keep_junk(stage, message, str(error), counts)

    def record(self, letter: DeadLetter, counts: Counts) -> bool:
        """Record a letter; True when it is in the ledger now."""
        forecast = self._forecaster.forecast(letter, letter.document)
        row = new_row(
            letter,
            verdict=forecast.verdict,
            target=forecast.topic,
            judged_by=self._forecaster.version,
            now=self._clock.now(),
            days=self._open_days,
        )
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

    def _keep_records(self, found: Reference, counts: Counts) -> bool:
        """Turn each record of the batch into a letter; the reference goes when all are safe."""
        try:
            content = self._bucket.get(found.key)
        except Exception as error:
            counts.leave(cause_of(error).code)
            return False
        letters = read_records(content, failed_at=found.time)
        safe = [self.record(letter, counts) for letter in letters]
        counts.records += all(safe)
        return all(safe)

    def _keep_junk(self, stage: Stage, message: Received, reason: str, counts: Counts) -> bool:
        content = {
            "stage": stage,
            "reason": reason,
            "kept_at": timestamp(self._clock.now()),
            "message_id": message.id,
            "body": message.body,
        }
        try:
            # A message that is received once more is kept already.
            self._bucket.put(f"{Objects.JUNK}{stage}/{message.id}.json", json.dumps(content))
        except Exception as error:
            counts.leave(cause_of(error).code)
            return False
        counts.junk += 1
        counts.junk_reasons[reason] += 1
        return True
