"""Takes in one request: admit its events, store and archive them at once, then dead letters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime

from eventing.answer import Accepted, Outcome, Rejected
from eventing.cause import Cause
from eventing.cost import Usage, of_request
from eventing.dead_letter import DeadLetter, Step
from eventing.event import Event
from eventing.problem import Kind, Problem
from eventing.timestamps import timestamp
from functions.ingest.copying import Copying
from functions.ingest.judging import Judging
from functions.shared.clients import CALL_SECONDS
from functions.shared.clock import Clock, Deadline
from functions.shared.dead_letter_queue import DeadLetterQueue
from functions.shared.event_store import Erased, EventItem, EventStore, NotStored, Present, Result
from functions.shared.invocation import trace_id

_ANSWER_SECONDS = 0.5
_CONFLICT = Problem(Kind.CONFLICT, "Give the event an id of its own, or send what was sent before.")
_ERASED = Problem(
    Kind.ERASED,
    "It was accepted before, and erased since: it is not taken again. Don't send it again.",
)
_LOST = Problem(Kind.UNAVAILABLE, "It may be sent again as it is: it will not be stored twice.")


@dataclass(frozen=True)
class Report:
    """The result of a request: an outcome for each event, and what was done to get there."""

    outcomes: Sequence[Outcome]
    batched: bool
    accepted_at: datetime
    stored: int = 0
    letters: Sequence[DeadLetter] = ()
    warnings: int = 0
    erased: Sequence[str] = ()
    """The keys of events that were erased, and that this request brought again."""
    usage: Usage = field(default_factory=Usage)
    stream_refused: Cause | None = None
    """Why the archive's delivery stream did not take all of them: an object has those, or a dead letter."""
    milliseconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def accepted(self) -> int:
        """Events accepted by this request."""
        return sum(isinstance(o, Accepted) and not o.duplicate for o in self.outcomes)

    @property
    def duplicate(self) -> int:
        """Events that were accepted before."""
        return sum(isinstance(o, Accepted) and o.duplicate for o in self.outcomes)

    @property
    def rejected(self) -> int:
        """Events, or requests of which none could be read, that were refused or could not be kept."""
        return sum(isinstance(o, Rejected) for o in self.outcomes)


@dataclass(frozen=True)
class _Kept:
    """The event that stands for its key in this request, and what the table says of the key."""

    event: Event
    stored: Result

    @property
    def digest(self) -> str:
        """Of the event that has the key: the one in the table, else the one to be stored later."""
        return self.stored.digest if isinstance(self.stored, Present) else self.event.digest

    def failures(
        self, numbered: Sequence[tuple[int, Event]], not_archived: Mapping[int, Cause]
    ) -> Iterator[tuple[Event, Step, Cause]]:
        """The steps that still have to be made, and for which of the events with this key.

        `not_archived` has causes by the events' numbers.
        """
        if isinstance(self.stored, Erased):
            return
        if isinstance(self.stored, NotStored):
            yield self.event, "store", self.stored.cause
        # The event in the table need not be the one that stands for the key.
        for number, event in numbered:
            if event.digest == self.digest:
                if cause := not_archived.get(number):
                    yield event, "archive", cause
                break


class Ingest:
    """Takes events in: each is stored, or safe in the dead-letter queue, or its publisher is told."""

    def __init__(
        self,
        *,
        judge: Judging,
        store: EventStore,
        copying: Copying,
        queue: DeadLetterQueue,
        workers: Executor,
        clock: Clock,
    ) -> None:
        self._judge = judge
        self._store = store
        self._copying = copying
        self._queue = queue
        self._workers = workers
        self._clock = clock

    def __call__(
        self,
        *,
        headers: Mapping[str, Sequence[str]],
        body: bytes,
        publisher: str,
        name: str,
        deadline: Deadline,
    ) -> Report:
        """Judge the events of a request, keep those that are valid, and say what became of each.

        `name` is that of the archived object, if there is one: see `Archive.put`.
        """
        watch = _Watch(self._clock)
        now = self._clock.now()
        judgement = self._judge(headers, body, publisher)
        judged, batched = judgement.results, judgement.batched
        watch.lap("judge")
        # The first of several events with one key stands for it; the others are held against it.
        by_key: dict[str, list[tuple[int, Event]]] = {}
        keys = ["" if isinstance(e, Rejected) else e.key(publisher) for e in judged]
        texts: list[str] = []
        for key, event in zip(keys, judged, strict=True):
            if isinstance(event, Event):
                by_key.setdefault(key, []).append((len(texts), event))
                texts.append(event.text)
        firsts = {key: numbered[0][1] for key, numbered in by_key.items()}
        if not firsts:
            return Report(
                [o for o in judged if isinstance(o, Rejected)],
                batched,
                now,
                usage=of_request(written=(), seconds=watch.seconds),
                milliseconds=watch.laps,
            )

        accepted_at = timestamp(now)
        # The dead-letter queue gets its turn when these hang.
        by = deadline.less(_ANSWER_SECONDS + CALL_SECONDS)
        # Conflicts and duplicates among them only show when the table answers: a copy too many is
        # harmless, waiting for the table first would cost every request its time.
        copying = self._workers.submit(
            self._copying,
            texts,
            publisher=publisher,
            accepted_at=accepted_at,
            name=name,
        )
        items = [
            EventItem(key, publisher, event.text, event.type, accepted_at, event.digest)
            for key, event in firsts.items()
        ]
        results = self._store.put(items, deadline=by)
        watch.lap("store")
        copied = self._clock.result_by(by, copying, self._copying.late(len(texts)))
        watch.lap("archive_after_store")

        kept = {
            key: _Kept(event, result)
            for (key, event), result in zip(firsts.items(), results, strict=True)
        }
        letters = [
            (key, self._letter(event, publisher, step, cause, accepted_at))
            for key, first in kept.items()
            for event, step, cause in first.failures(by_key[key], copied.failures)
        ]
        failures = self._queue.send(
            [letter for _, letter in letters], deadline=deadline.less(_ANSWER_SECONDS)
        )
        lost = {key for (key, _), failure in zip(letters, failures, strict=True) if failure}
        watch.lap("dead_letters")
        sizes = [len(item.event.encode()) for item in items]
        stored_now = [isinstance(r, Present) and r.stored_now for r in results]

        return Report(
            outcomes=[
                event
                if isinstance(event, Rejected)
                else _outcome(event, kept[key], key in lost, accepted_at)
                for key, event in zip(keys, judged, strict=True)
            ],
            batched=batched,
            accepted_at=now,
            stored=sum(stored_now),
            letters=[
                letter
                for (_, letter), failure in zip(letters, failures, strict=True)
                if not failure
            ],
            warnings=judgement.warnings,
            erased=[key for key, first in kept.items() if isinstance(first.stored, Erased)],
            usage=of_request(
                written=sizes,
                objects=copied.objects,
                streamed=copied.streamed,
                published=[s for s, stored in zip(sizes, stored_now, strict=True) if stored],
                seconds=watch.seconds,
            ),
            stream_refused=copied.refused,
            milliseconds=watch.laps,
        )

    def _letter(
        self, event: Event, publisher: str, step: Step, cause: Cause, accepted_at: str
    ) -> DeadLetter:
        return DeadLetter(
            stage="ingest",
            step=step,
            publisher=publisher,
            event=event.text,
            accepted_at=accepted_at,
            cause=cause,
            failed_at=timestamp(self._clock.now()),
            trace_id=trace_id(),
        )


def _outcome(event: Event, kept: _Kept, lost: bool, accepted_at: str) -> Outcome:
    if isinstance(kept.stored, Erased):
        return Rejected(_ERASED, {"id": event.id, "source": event.source})
    if event.digest != kept.digest:
        return Rejected(_CONFLICT, {"id": event.id, "source": event.source})
    if lost:
        return Rejected(_LOST, {"id": event.id, "source": event.source})
    if isinstance(kept.stored, NotStored):
        return Accepted(event.id, event.source, accepted_at, duplicate=event is not kept.event)
    first = event is kept.event and kept.stored.stored_now
    return Accepted(event.id, event.source, kept.stored.accepted_at, duplicate=not first)


class _Watch:
    """Milliseconds between the steps of a request."""

    def __init__(self, clock: Clock) -> None:
        self.laps: dict[str, float] = {}
        self._clock = clock
        self._last = clock.monotonic()

    @property
    def seconds(self) -> float:
        """From the first step to the last one that was taken down."""
        return round(sum(self.laps.values()) / 1000, 5)

    def lap(self, name: str) -> None:
        now = self._clock.monotonic()
        self.laps[name] = round((now - self._last) * 1000, 2)
        self._last = now
