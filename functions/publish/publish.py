"""What publication does with one batch of stream records: route, send by topic, then dead letters."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from eventing.catalogue import Catalogue
from eventing.cause import Cause, Code, cause_of
from eventing.chunks import chunks
from eventing.dead_letter import DeadLetter, Step
from eventing.event import timestamp
from eventing.message import Message, message_attributes
from eventing.routing import ConditionFailed, NoRoute, Router
from functions.shared.clients import CALL_SECONDS
from functions.shared.dead_letter_queue import DeadLetterQueue
from functions.shared.invocation import result_by, trace_id
from functions.shared.topics import ENTRIES_PER_CALL, Topics

_ANSWER_SECONDS = 1.0
# A hundred letters are ten calls, which eight workers make in two rounds.
_DEAD_LETTER_SECONDS = 2 * CALL_SECONDS
_OUT_OF_TIME = Cause(Code.TIMEOUT, "OutOfTime", "there was no time left to send it")


@dataclass(frozen=True)
class Published:
    """An event that SNS has taken."""

    topic: str
    accepted_at: datetime
    lag_milliseconds: float


@dataclass(frozen=True)
class Report:
    """What became of a batch."""

    published: Sequence[Published]
    letters: Sequence[DeadLetter]
    unsettled: Mapping[str, Cause]
    """Sequence numbers of records that could be neither published nor dead-lettered."""

    @property
    def by_topic(self) -> Mapping[str, int]:
        """Events published, by topic."""
        return Counter(published.topic for published in self.published)

    @property
    def settled(self) -> Mapping[datetime, int]:
        """Records that are done with for good, by the minute in which their events were accepted."""
        moments = [p.accepted_at for p in self.published]
        moments += [datetime.fromisoformat(letter.accepted_at) for letter in self.letters]
        return Counter(moment.replace(second=0, microsecond=0) for moment in moments)


@dataclass(frozen=True)
class _Record:
    """A stream record on its way: to a topic, or to the dead-letter queue."""

    sequence_number: str
    publisher: str
    event: str = field(repr=False)
    accepted_at: str
    topic: str | None = None
    message: Message | None = None

    def letter(self, step: Step, cause: Cause) -> DeadLetter:
        return DeadLetter(
            stage="publish",
            step=step,
            publisher=self.publisher,
            event=self.event,
            accepted_at=self.accepted_at,
            cause=cause,
            failed_at=timestamp(datetime.now(UTC)),
            topic=self.topic,
            trace_id=trace_id(),
        )


class Publish:
    """Sends each event to its topic; what cannot be sent goes to the dead-letter queue, whole."""

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        topics: Topics,
        queue: DeadLetterQueue,
        workers: ThreadPoolExecutor,
    ) -> None:
        self._router = Router(catalogue)
        self._max_bytes = {topic.name: topic.max_bytes for topic in catalogue.topics}
        self._topics = topics
        self._queue = queue
        self._workers = workers

    def __call__(self, records: Sequence[Mapping[str, Any]], *, seconds_left: float) -> Report:
        """Publish or dead-letter each record; one that fails does not keep the others from it.

        What there is no time left to send is handed back unsettled, not cut off in the middle.
        """
        ends = monotonic() + seconds_left - _ANSWER_SECONDS
        last_call = ends - _DEAD_LETTER_SECONDS - CALL_SECONDS
        failed: list[tuple[_Record, Step, Cause]] = []
        by_topic: dict[str, list[tuple[_Record, Message]]] = defaultdict(list)
        for stream_record in records:
            record, failure = self._prepare(stream_record)
            if failure:
                failed.append((record, "route", failure))
            elif record.topic and record.message:
                by_topic[record.topic].append((record, record.message))
        calls = [
            (chunk, self._workers.submit(self._send, topic, [m for _, m in chunk], last_call))
            for topic, entries in by_topic.items()
            for chunk in chunks(
                entries,
                most=ENTRIES_PER_CALL,
                most_bytes=self._max_bytes[topic],
                size=lambda entry: entry[1].size,
            )
        ]
        published: list[Published] = []
        unsettled: dict[str, Cause] = {}
        for chunk, call in calls:
            late: list[Cause | None] = [_OUT_OF_TIME] * len(chunk)
            fates = result_by(ends - _DEAD_LETTER_SECONDS, call, late)
            now = datetime.now(UTC)
            for (record, _), cause in zip(chunk, fates, strict=True):
                if cause is None:
                    published.append(_published(record, now))
                elif cause is _OUT_OF_TIME:
                    unsettled[record.sequence_number] = cause
                else:
                    failed.append((record, "publish", cause))
        letters = [record.letter(step, cause) for record, step, cause in failed]
        unsafe = self._queue.send(letters, deadline=ends)
        for (record, _, _), cause in zip(failed, unsafe, strict=True):
            if cause:
                unsettled[record.sequence_number] = cause
        return Report(
            published=published,
            letters=[letter for letter, cause in zip(letters, unsafe, strict=True) if not cause],
            unsettled=unsettled,
        )

    def _send(
        self, topic: str, messages: Sequence[Message], last_call: float
    ) -> list[Cause | None]:
        if monotonic() > last_call:
            return [_OUT_OF_TIME] * len(messages)
        return self._topics.publish(topic, messages)

    def _prepare(self, stream_record: Mapping[str, Any]) -> tuple[_Record, Cause | None]:
        """The record with its topic and message, or why it has none."""
        change = stream_record["dynamodb"]
        sequence_number, image = change["SequenceNumber"], change.get("NewImage", {})
        try:
            record = _Record(
                sequence_number=sequence_number,
                publisher=image["publisher"]["S"],
                event=image["event"]["S"],
                accepted_at=image["accepted_at"]["S"],
            )
            value = json.loads(record.event)
            datetime.fromisoformat(record.accepted_at)
            attributes = message_attributes(
                type=value["type"],
                source=value["source"],
                publisher=record.publisher,
                subject=value.get("subject"),
            )
        except (KeyError, TypeError, ValueError) as error:
            return _damaged(sequence_number, image), Cause(
                Code.INVALID, type(error).__name__, "the item is not one that ingestion writes"
            )
        try:
            topic = self._router.route(value["type"], value)
        except (NoRoute, ConditionFailed) as error:
            return record, cause_of(error)
        message = Message(record.event, attributes)
        return _Record(**{**vars(record), "topic": topic, "message": message}), None


def _published(record: _Record, now: datetime) -> Published:
    accepted_at = datetime.fromisoformat(record.accepted_at)
    return Published(record.topic or "", accepted_at, (now - accepted_at).total_seconds() * 1000)


def _damaged(sequence_number: str, image: Mapping[str, Any]) -> _Record:
    """Stands for an item that holds no event; its letter carries the item as it is."""
    publisher = image.get("publisher", {}).get("S", "unknown")
    event = json.dumps({"item": image}, default=repr)
    return _Record(sequence_number, publisher, event, timestamp(datetime.now(UTC)))
