"""Makes letters' steps: one class for each dependency that a step calls."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any, Protocol

from eventing.archive_line import archive_line
from eventing.cause import Cause, Code, cause_of
from eventing.chunks import chunks
from eventing.event import sha256_text
from eventing.message import Message, message_attributes
from eventing.receipts import Taken
from eventing.redrive.forecast import Forecaster
from eventing.redrive.ledger import Row
from eventing.redrive.steps import NOTHING, STEPS, Dependency, needed
from eventing.timestamps import read_moment
from functions.shared.archive import Archive
from functions.shared.clients import CALL_SECONDS
from functions.shared.clock import Clock
from functions.shared.event_store import Erased, EventItem, EventStore, NotStored
from functions.shared.letter_items import Entry
from functions.shared.parts import Parts
from functions.shared.receipt_reader import ReceiptReader
from functions.shared.receipts import Receipts
from functions.shared.topics import ENTRIES_PER_CALL, Topics

OTHER_EVENT = Cause(Code.CONFLICT, "Conflict", "another event has this publisher, source and id")

ERASED = Cause(Code.CONFLICT, "Erased", "the event with this publisher, source and id was erased")


@dataclass(frozen=True)
class Attempt:
    """A letter that a run has claimed, and what it needs to make its step."""

    entry: Entry
    execution: str
    topic: str | None = None
    message: Message | None = None
    size: int = 0
    """Of the message, as SNS counts it."""
    cause: Cause | None = None
    """Why its step cannot be made."""

    @property
    def needed(self) -> str:
        """The name of what its step calls."""
        return NOTHING if self.cause else needed(self.entry.row.step, self.topic)

    @property
    def row(self) -> Row:
        """The letter, as it was before it was claimed."""
        return self.entry.row

    def taken(self, region: str) -> Taken:
        """Its event, as receipts have it; `region` is the one that took it unless the letter says another."""
        accepted_at = read_moment(self.row.accepted_at)
        origin = self.entry.origin or region
        return Taken(self.row.event_key, self.topic or "", accepted_at, origin)


@dataclass(frozen=True)
class Made:
    """The result of a step: `cause` is why it failed."""

    cause: Cause | None = None
    stored: bool = False
    """The event was put into the event store just now."""
    adopted: bool = False
    """Another region has published the event."""


class Steps(Protocol):
    """Makes the steps that call one dependency."""

    def prepare(self, attempt: Attempt, /) -> Attempt:
        """The attempt with what its step needs; raises what a faulty event makes it raise."""

    def make(self, attempts: Sequence[Attempt], /) -> list[Made]:
        """Make the steps of these, side by side; how each went, in their order."""

    def probe(self, plan: Mapping[str, Any], /) -> Iterator[tuple[str, Cause]]:
        """Look at what a plan needs (its summary says so), without touching a letter.

        The names of what does not answer, each with why.
        """


class StoreEvents(Steps):
    """Puts events into the event store: the stream takes them to publication."""

    def __init__(self, store: EventStore, *, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def prepare(self, attempt: Attempt) -> Attempt:
        return attempt

    def make(self, attempts: Sequence[Attempt]) -> list[Made]:
        # Two letters can hold different events of one identity: the first has the key.
        firsts: dict[str, Attempt] = {}
        for attempt in attempts:
            firsts.setdefault(attempt.row.event_key, attempt)
        items = [
            EventItem(key, r.publisher, a.entry.event, r.type, r.accepted_at, r.digest)
            for key, a in firsts.items()
            if (r := a.row)
        ]
        deadline = self._clock.monotonic() + 2 * CALL_SECONDS
        results = dict(zip(firsts, self._store.put(items, deadline=deadline), strict=True))
        made: list[Made] = []
        for attempt in attempts:
            result = results[attempt.row.event_key]
            if isinstance(result, NotStored):
                made.append(Made(result.cause))
            elif isinstance(result, Erased):
                made.append(Made(ERASED))
            elif result.digest != attempt.row.digest:
                made.append(Made(OTHER_EVENT))
            else:
                first = attempt is firsts[attempt.row.event_key]
                made.append(Made(stored=first and result.stored_now))
        return made

    def probe(self, _: Mapping[str, Any]) -> Iterator[tuple[str, Cause]]:
        if cause := self._store.check():
            yield needed("store", None), cause


class ArchiveEvents(Steps):
    """Writes events into the archive."""

    def __init__(self, archive: Archive, *, workers: Executor) -> None:
        self._archive = archive
        self._workers = workers

    def prepare(self, attempt: Attempt) -> Attempt:
        return attempt

    def make(self, attempts: Sequence[Attempt]) -> list[Made]:
        """One object for the letters of a publisher and an hour, named by them.

        A page that is tried again may group them otherwise: the same name means the same letters.
        """
        groups: dict[tuple[str, str], list[int]] = defaultdict(list)
        for number, attempt in enumerate(attempts):
            groups[attempt.row.publisher, attempt.row.accepted_at[:13]].append(number)

        def put(numbers: Sequence[int]) -> Cause | None:
            attempt = attempts[numbers[0]]
            first = attempt.row
            keys = " ".join(sorted(attempts[n].row.key for n in numbers))
            return self._archive.put(
                [
                    archive_line(
                        a.entry.event, publisher=r.publisher, accepted_at=r.accepted_at
                    ).encode()
                    for n in numbers
                    if (a := attempts[n]) and (r := a.row)
                ],
                publisher=first.publisher,
                accepted_at=first.accepted_at,
                name=f"redrive-{attempt.execution}-{sha256_text(keys.encode())}",
            )

        made = [Made()] * len(attempts)
        puts = self._workers.map(put, groups.values())
        for numbers, cause in zip(groups.values(), puts, strict=True):
            for number in numbers:
                made[number] = Made(cause)
        return made

    def probe(self, _: Mapping[str, Any]) -> Iterator[tuple[str, Cause]]:
        # Nothing shows that it takes an object but to put one there.
        return iter(())


class PublishEvents(Steps):
    """Publishes events to their topics, and writes receipts of those that SNS has taken.

    With `elsewhere`, the receipts of other regions, it publishes nothing that one of them has published.
    """

    def __init__(
        self,
        topics: Topics,
        *,
        receipts: Receipts,
        elsewhere: ReceiptReader | None,
        region: str,
        forecaster: Forecaster,
        workers: Executor,
    ) -> None:
        self._topics = topics
        self._receipts = receipts
        self._elsewhere = elsewhere
        self._region = region
        self._forecaster = forecaster
        self._workers = workers

    def prepare(self, attempt: Attempt) -> Attempt:
        message = _message(attempt.entry)
        return replace(attempt, message=message, size=message.size)

    def make(self, attempts: Sequence[Attempt]) -> list[Made]:
        made = self._made_elsewhere(attempts)
        by_topic: dict[str, list[int]] = defaultdict(list)
        for number, attempt in enumerate(attempts):
            if number not in made:
                by_topic[attempt.topic or ""].append(number)
        calls = [
            (topic, chunk)
            for topic, numbers in by_topic.items()
            for chunk in chunks(
                numbers,
                most=ENTRIES_PER_CALL,
                most_bytes=self._forecaster.max_bytes(topic),
                size=lambda number: attempts[number].size,
            )
        ]

        def send(topic: str, numbers: Sequence[int]) -> list[Cause | None]:
            messages = [message for n in numbers if (message := attempts[n].message)]
            return self._topics.publish(topic, messages)

        answers = self._workers.map(lambda call: send(*call), calls)
        sent: list[int] = []
        for (_, chunk), causes in zip(calls, answers, strict=True):
            for number, cause in zip(chunk, causes, strict=True):
                made[number] = Made(cause)
                sent += [] if cause else [number]
        self._receipts.write([attempts[number].taken(self._region) for number in sorted(sent)])
        return [made[number] for number in range(len(attempts))]

    def _made_elsewhere(self, attempts: Sequence[Attempt]) -> dict[int, Made]:
        """By number, the attempts at what another region has published.

        Where that cannot be looked up nothing is published: what was adopted would come to all subscribers
        twice.
        """
        if self._elsewhere is None:
            return {}
        try:
            regions = self._elsewhere.regions([one.taken(self._region) for one in attempts])
        except Exception as error:
            return dict.fromkeys(range(len(attempts)), Made(cause_of(error)))
        return {
            number: Made(adopted=True)
            for number, published in enumerate(regions)
            if published - {self._region}
        }

    def probe(self, plan: Mapping[str, Any]) -> Iterator[tuple[str, Cause]]:
        for topic in plan["topics"]:
            needs = topic in plan["subscribers_needed"]
            if cause := self._topics.check(topic, needs_subscribers=needs):
                yield needed("publish", topic), cause


def _message(entry: Entry) -> Message:
    """The message of the letter's event; raises what an event that is none makes it raise."""
    value: Any = entry.document.value if entry.document else {}
    attributes = message_attributes(
        type=entry.row.type,
        source=value["source"],
        publisher=entry.row.publisher,
        subject=value.get("subject"),
    )
    attributes["redrive_episode"] = str(entry.row.episode + 1)
    return Message(entry.event, attributes)


Dependencies = Mapping[Dependency, Steps]
"""By dependency, what makes its steps; they are probed in this order."""


def make_dependencies(parts: Parts) -> Dependencies:
    """Those of the redrive function."""
    return {
        "event store": StoreEvents(parts.event_store, clock=parts.clock),
        "archive": ArchiveEvents(parts.archive, workers=parts.workers),
        "topics": PublishEvents(
            parts.topics,
            receipts=parts.receipts,
            elsewhere=parts.receipt_reader if parts.has_peers else None,
            region=parts.clients.region,
            forecaster=parts.forecaster,
            workers=parts.workers,
        ),
    }


def not_there(dependencies: Dependencies, summary: Mapping[str, Any]) -> dict[str, Cause]:
    """The causes of what a plan needs and what is not there, by its names; `summary` is the plan's."""
    used = {STEPS[step].dependency for step in summary["by_step"]}
    return {
        name: cause
        for dependency, steps in dependencies.items()
        if dependency in used
        for name, cause in steps.probe(summary)
        if cause.code is Code.NOT_FOUND
    }
