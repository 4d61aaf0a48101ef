"""Publishes one batch of stream records: route, send by topic, then dead letters."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import dropwhile, zip_longest
from typing import Any

from eventing.catalogue import Catalogue
from eventing.cause import Cause, Code, cause_of
from eventing.chunks import chunks
from eventing.dead_letter import DeadLetter
from eventing.message import Message, message_attributes
from eventing.receipts import Taken
from eventing.routing import NoRoute, Router
from eventing.timestamps import minute_of, read_moment
from eventing.turns import in_turns
from functions.publish.late import Late
from functions.publish.record import Record
from functions.shared.clients import CALL_SECONDS
from functions.shared.clock import Clock, Deadline
from functions.shared.dead_letter_queue import DeadLetterQueue
from functions.shared.receipts import Receipts
from functions.shared.topics import ENTRIES_PER_CALL, Topics

ANSWER_SECONDS = 1.0
# A hundred letters are ten calls, which eight workers make in two rounds.
DEAD_LETTER_SECONDS = 2 * CALL_SECONDS
# Seconds between rounds, while neither topic nor queue can be reached.
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 8.0
_OUT_OF_TIME = Cause(Code.TIMEOUT, "OutOfTime", "there was no time left to send it")
# Ten batches of each of a few shards; some 100 bytes each.
_REMEMBERED = 10_000


@dataclass(frozen=True)
class Published:
    """An event that SNS has taken."""

    key: str
    topic: str
    accepted_at: datetime
    origin: str | None
    """The region that took it."""
    lag_milliseconds: float

    @property
    def taken(self) -> Taken:
        """What its receipt is made of."""
        return Taken(self.key, self.topic, self.accepted_at, self.origin)


@dataclass(frozen=True)
class Unsettled:
    """A record that could be neither published nor dead-lettered: the stream is to send it again."""

    record: Record
    cause: Cause
    """The reason that it was not published, or that there was no time for it."""
    queue_cause: Cause | None = None
    """The reason that it was not dead-lettered, if that was tried."""


@dataclass(frozen=True)
class _Sent:
    """The result of a chunk: for each record None or why it failed, and when that was known."""

    failures: Sequence[Cause | None]
    at: datetime


@dataclass(frozen=True)
class Report:
    """The result of a batch: its records are published, here or elsewhere, letters, unsettled or skipped."""

    published: Sequence[Published]
    letters: Sequence[DeadLetter]
    unsettled: Sequence[Unsettled]
    skipped: int
    """Records that were settled when the stream sent them before."""
    rounds: int
    elsewhere: Sequence[Record] = ()
    """Records of events that another region has published."""

    @property
    def by_topic(self) -> Mapping[str, int]:
        """Events published, by topic."""
        return Counter(published.topic for published in self.published)

    @property
    def settled(self) -> Mapping[datetime, int]:
        """Records that are done with for good, by the minute in which their events were accepted."""
        moments = [one.accepted_at for one in self.published]
        moments += [one.accepted_at for one in self.elsewhere]
        moments += [datetime.fromisoformat(letter.accepted_at) for letter in self.letters]
        return Counter(minute_of(moment) for moment in moments)


class Publish:
    """Sends each event to its topic; what cannot be sent goes to the dead-letter queue, whole."""

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        topics: Topics,
        queue: DeadLetterQueue,
        receipts: Receipts,
        late: Late,
        workers: Executor,
        clock: Clock,
    ) -> None:
        self._router = Router(catalogue)
        self._max_bytes = {topic.name: topic.max_bytes for topic in catalogue.topics}
        self._topics = topics
        self._queue = queue
        self._receipts = receipts
        self._late = late
        self._workers = workers
        self._clock = clock
        # Of batches that the stream will send again from some record on: what is settled in them.
        self._settled: dict[str, None] = {}

    def __call__(self, records: Sequence[Mapping[str, Any]], *, deadline: Deadline) -> Report:
        """Publish or dead-letter each record; one that fails does not keep the others from it.

        As long as neither can be done with some, and there is time for it, these are tried again: for
        what is handed back unsettled the stream sends all that stands after it a second time. What
        there is no time left to send is handed back too, not cut off in the middle. Receipts are written
        when SNS has answered, beside the dead letters; nothing depends on them.
        """
        ends = deadline.less(ANSWER_SECONDS)
        last_round = ends - DEAD_LETTER_SECONDS - CALL_SECONDS
        fresh = [record for record in records if record["eventID"] not in self._settled]
        pending, elsewhere = self._late.split([self.prepare(record) for record in fresh])
        published: list[Published] = []
        letters: list[DeadLetter] = []
        pause, rounds = FIRST_PAUSE, 1
        while True:
            done, failed, late = self._publish(pending, ends)
            writing = self._receipts.begin([one.taken for one in done], deadline=ends)
            written, unsafe = self._dead_letter(failed, ends)
            self._receipts.settle(writing)
            published += done
            letters += written
            unsettled = [*late, *unsafe]
            if not unsettled or self._clock.monotonic() + pause > last_round:
                break
            self._clock.pause(pause)
            pending = [one.record for one in unsettled]
            pause, rounds = min(2 * pause, LONGEST_PAUSE), rounds + 1
        self._remember([r["eventID"] for r in records], {u.record.stream_id for u in unsettled})
        skipped = len(records) - len(fresh)
        return Report(published, letters, unsettled, skipped, rounds, elsewhere)

    def _publish(
        self, records: Sequence[Record], ends: float
    ) -> tuple[list[Published], list[tuple[Record, Cause]], list[Unsettled]]:
        """Send what has a topic: the records published, those failed, those there was no time for."""
        # Where there is no time for all, each publisher has had its turn.
        records = in_turns(records, lambda record: record.publisher)
        by = ends - DEAD_LETTER_SECONDS
        calls = [
            (chunk, self._workers.submit(self._send, chunk, by - CALL_SECONDS))
            for chunk in self.chunks_of(records)
        ]
        published: list[Published] = []
        failed = [(record, record.fault) for record in records if record.fault]
        late: list[Unsettled] = []
        for chunk, call in calls:
            sent = self._clock.result_by(by, call, _out_of_time(chunk))
            for record, cause in zip(chunk, sent.failures, strict=True):
                if cause is None:
                    published.append(_published(record, sent.at))
                elif cause is _OUT_OF_TIME:
                    late.append(Unsettled(record, cause))
                else:
                    failed.append((record, cause))
        return published, failed, late

    def chunks_of(self, records: Sequence[Record]) -> Iterator[list[Record]]:
        """Split the records into calls; topics take turns, so that none waits for all of another's."""
        by_topic: dict[str, list[Record]] = defaultdict(list)
        for record in records:
            if record.topic:
                by_topic[record.topic].append(record)
        runs = [
            chunks(
                entries,
                most=ENTRIES_PER_CALL,
                most_bytes=self._max_bytes[topic],
                size=lambda record: record.size,
            )
            for topic, entries in by_topic.items()
        ]
        return (chunk for turn in zip_longest(*runs) for chunk in turn if chunk)

    def _send(self, chunk: Sequence[Record], last_call: float) -> _Sent:
        if self._clock.monotonic() > last_call:
            return _out_of_time(chunk)
        messages = [record.message for record in chunk if record.message]
        failures = self._topics.publish(chunk[0].topic, messages, last_call=last_call)
        return _Sent(failures, datetime.now(UTC))

    def _dead_letter(
        self, failed: Sequence[tuple[Record, Cause]], ends: float
    ) -> tuple[list[DeadLetter], list[Unsettled]]:
        """Write letters: those that are safe, and the records of those that are not."""
        letters = [record.letter(cause) for record, cause in failed]
        safe: list[DeadLetter] = []
        unsafe: list[Unsettled] = []
        failures = self._queue.send(letters, deadline=ends)
        for (record, cause), letter, queue_cause in zip(failed, letters, failures, strict=True):
            if queue_cause:
                unsafe.append(Unsettled(record, cause, queue_cause))
            else:
                safe.append(letter)
        return safe, unsafe

    def _remember(self, stream_ids: Sequence[str], unsettled: set[str]) -> None:
        for id in stream_ids:
            self._settled.pop(id, None)
        # The stream sends again what stands after the first unsettled one.
        for id in dropwhile(lambda id: id not in unsettled, stream_ids):
            if id not in unsettled:
                self._settled[id] = None
        for id in list(self._settled)[:-_REMEMBERED]:
            del self._settled[id]

    def prepare(self, stream_record: Mapping[str, Any]) -> Record:
        """The record with its topic and message, or why it has none."""
        change, stream_id = stream_record["dynamodb"], stream_record["eventID"]
        sequence_number, image = change["SequenceNumber"], change.get("NewImage", {})
        try:
            key, publisher, event = (image[name]["S"] for name in ("pk", "publisher", "event"))
            accepted_at = read_moment(image["accepted_at"]["S"])
            value = json.loads(event)
            type = value["type"]
            attributes = message_attributes(
                type=type, source=value["source"], publisher=publisher, subject=value.get("subject")
            )
            message = Message(event, attributes)
            size = message.size
            try:
                topic, fault = self._router.route(type, value), None
            except NoRoute as error:
                topic, fault = "", cause_of(error)
        except Exception as error:
            # Whatever is wrong with one item, the others of the batch must not suffer for it.
            return _damaged(sequence_number, stream_id, image, error)
        return Record(
            sequence_number,
            stream_id,
            publisher,
            accepted_at,
            event,
            key,
            # Not where this runs: were the mapping's filter gone, receipts would tell.
            image.get("origin_region", {}).get("S"),
            topic,
            message,
            size,
            fault,
        )


def _published(record: Record, at: datetime) -> Published:
    lag = (at - record.accepted_at).total_seconds() * 1000
    return Published(record.key, record.topic, record.accepted_at, record.origin, lag)


def _out_of_time(chunk: Sequence[Record]) -> _Sent:
    return _Sent([_OUT_OF_TIME] * len(chunk), datetime.now(UTC))


def _damaged(
    sequence_number: str, stream_id: str, image: Mapping[str, Any], error: Exception
) -> Record:
    """Stands for an item that holds no event; its letter carries the item as it is."""
    return Record(
        sequence_number=sequence_number,
        stream_id=stream_id,
        publisher=image.get("publisher", {}).get("S", "unknown"),
        accepted_at=datetime.now(UTC),
        event=json.dumps({"item": image}, default=repr),
        fault=Cause(
            Code.INVALID, type(error).__name__, "the item is not one that ingestion writes"
        ),
    )
