"""Triage: moves what is in a dead-letter queue into the ledger, written first and deleted after."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any

from eventing.cause import Cause, Code, cause_of
from eventing.dead_letter import DeadLetter, NoDeadLetter, Stage, read_dead_letter
from eventing.json_text import parse_if_json
from eventing.redrive.forecast import Judge
from eventing.redrive.ledger import GOES_THROUGH
from eventing.timestamps import timestamp
from functions.shared.invocation_record import (
    NoInvocationRecord,
    Reference,
    read_records,
    reference,
)
from functions.shared.ledger import Ledger
from functions.shared.operations import OperationsBucket

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

# Even a long poll can come back empty from a queue that is not.
_POLL_SECONDS = 1
_EMPTY_ANSWERS = 2
_MESSAGES = 10


class _NotRecordable(Exception):  # noqa: N818 - what was found in a queue
    """The ledger can never take this letter."""


@dataclass
class Counts:
    """What triage did with messages."""

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
    """What ended the work before its time."""

    def add(self, other: Counts) -> None:
        """Count these in."""
        for name in ("recorded", "known", "junk", "records", "left"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.crashed += other.crashed
        self.causes += other.causes
        self.junk_reasons += other.junk_reasons
        self.failure = self.failure or other.failure


class Triage:
    """Drains dead-letter queues into the ledger."""

    def __init__(
        self,
        *,
        client: SQSClient,
        urls: Mapping[Stage, str],
        ledger: Ledger,
        bucket: OperationsBucket,
        judge: Judge,
        receivers: ThreadPoolExecutor,
        receiver_count: int,
    ) -> None:
        self._client = client
        self._urls = urls
        self._ledger = ledger
        self._bucket = bucket
        self._judge = judge
        self._receivers = receivers
        self._receiver_count = receiver_count

    def page(self, stage: Stage, *, seconds: float) -> tuple[Counts, bool]:
        """Work for `seconds` at most; what was done, and whether the queue came out empty.

        A receiver that cannot reach the queue any more ends, and says why in the counts.
        """
        ends = monotonic() + seconds
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
        counts, empty = Counts(), 0
        try:
            while empty < _EMPTY_ANSWERS:
                if monotonic() > ends:
                    return counts, False
                messages: Any = self._client.receive_message(
                    QueueUrl=self._urls[stage],
                    MaxNumberOfMessages=_MESSAGES,
                    WaitTimeSeconds=_POLL_SECONDS,
                ).get("Messages", [])
                empty = 0 if messages else empty + 1
                self._delete(stage, [m for m in messages if self._keep(stage, m, counts)])
        except Exception as error:
            counts.failure = error
            return counts, False
        return counts, True

    def _delete(self, stage: Stage, messages: Sequence[Any]) -> None:
        # One that stays because this fails is received again, and is on record then.
        if messages:
            self._client.delete_message_batch(
                QueueUrl=self._urls[stage],
                Entries=[
                    {"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]}
                    for n, m in enumerate(messages)
                ],
            )

    def _keep(self, stage: Stage, message: Mapping[str, Any], counts: Counts) -> bool:
        """Whether what the message holds is safe elsewhere, so that it may be deleted."""
        body: str = message["Body"]
        found = reference(body, bucket=self._bucket.name)
        try:
            if found:
                return self._keep_records(found, counts)
            return self._record(read_dead_letter(body), counts)
        except (NoDeadLetter, NoInvocationRecord, _NotRecordable) as error:
            return self._keep_junk(stage, message, str(error), counts)

    def _record(self, letter: DeadLetter, counts: Counts) -> bool:
        forecast = self._judge.forecast(
            letter.step,
            topic=letter.topic,
            publisher=letter.publisher,
            document=parse_if_json(letter.event),
        )
        result = self._ledger.take_in(
            letter,
            verdict=forecast.cause.code if forecast.cause else GOES_THROUGH,
            target=forecast.topic,
            judged_by=self._judge.version,
            now=datetime.now(UTC),
        )
        if isinstance(result, Cause):
            if result.code in (Code.TOO_LARGE, Code.INVALID):
                raise _NotRecordable(f"the ledger does not take it: {result.message}")
            counts.left += 1
            counts.causes[result.code] += 1
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
            counts.left += 1
            counts.causes[cause_of(error).code] += 1
            return False
        letters = read_records(content, failed_at=found.time)
        safe = [self._record(letter, counts) for letter in letters]
        counts.records += all(safe)
        return all(safe)

    def _keep_junk(
        self, stage: Stage, message: Mapping[str, Any], reason: str, counts: Counts
    ) -> bool:
        content = {
            "stage": stage,
            "reason": reason,
            "kept_at": timestamp(datetime.now(UTC)),
            "message_id": message["MessageId"],
            "body": message["Body"],
        }
        try:
            self._bucket.put(f"junk/{stage}/{message['MessageId']}.json", json.dumps(content))
        except Exception as error:
            counts.left += 1
            counts.causes[cause_of(error).code] += 1
            return False
        counts.junk += 1
        counts.junk_reasons[reason] += 1
        return True
