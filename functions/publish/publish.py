"""What publication does with one batch of stream records: route, send by topic, then dead letters."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from eventing.cause import Cause, Code, cause_of
from eventing.chunks import chunks
from eventing.dead_letter import DeadLetter, Step
from eventing.event import timestamp
from eventing.message import Message, message_attributes
from eventing.routing import ConditionFailed, NoRoute, Router
from functions.shared.dead_letter_queue import DeadLetterQueue
from functions.shared.invocation import trace_id
from functions.shared.topics import BYTES_PER_CALL, ENTRIES_PER_CALL, Topics


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
        self, *, router: Router, topics: Topics, queue: DeadLetterQueue, workers: ThreadPoolExecutor
    ) -> None:
        self._router = router
        self._topics = topics
        self._queue = queue
        self._workers = workers

    def __call__(self, records: Sequence[Mapping[str, Any]]) -> Report:
        """Publish or dead-letter each record; one that fails does not keep the others from it."""
        failed: list[tuple[_Record, Step, Cause]] = []
        by_topic: dict[str, list[tuple[_Record, Message]]] = defaultdict(list)
        for stream_record in records:
            record, failure = self._prepare(stream_record)
            if failure:
                failed.append((record, "route", failure))
            elif record.topic and record.message:
                by_topic[record.topic].append((record, record.message))
        calls = [
            (topic, chunk)
            for topic, entries in by_topic.items()
            for chunk in chunks(
                entries,
                most=ENTRIES_PER_CALL,
                most_bytes=BYTES_PER_CALL,
                size=lambda entry: entry[1].size,
            )
        ]
        published: list[Published] = []
        fates = self._workers.map(
            lambda call: self._topics.publish(call[0], [message for _, message in call[1]]), calls
        )
        for (topic, chunk), causes in zip(calls, fates, strict=True):
            now = datetime.now(UTC)
            for (record, _), cause in zip(chunk, causes, strict=True):
                if cause:
                    failed.append((record, "publish", cause))
                else:
                    accepted_at = datetime.fromisoformat(record.accepted_at)
                    lag = (now - accepted_at).total_seconds() * 1000
                    published.append(Published(topic, accepted_at, lag))
        letters = [record.letter(step, cause) for record, step, cause in failed]
        unsafe = self._queue.send(letters) if letters else []
        return Report(
            published=published,
            letters=[letter for letter, cause in zip(letters, unsafe, strict=True) if not cause],
            unsettled={
                record.sequence_number: cause
                for (record, _, _), cause in zip(failed, unsafe, strict=True)
                if cause
            },
        )

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


def _damaged(sequence_number: str, image: Mapping[str, Any]) -> _Record:
    """Stands for an item that holds no event; its letter carries the item as it is."""
    publisher = image.get("publisher", {}).get("S", "unknown")
    event = json.dumps({"item": image}, default=repr)
    return _Record(sequence_number, publisher, event, timestamp(datetime.now(UTC)))
