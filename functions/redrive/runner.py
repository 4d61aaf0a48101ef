"""Takes letters up again, a chunk at a time: read, claim, make the step that failed, record."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from eventing.cause import Cause, Code, cause_of
from eventing.chunks import chunks
from eventing.dead_letter import DeadLetter
from eventing.event import sha256_text
from eventing.json_text import Document, parse_if_json
from eventing.message import Message, message_attributes
from eventing.redrive.forecast import Judge
from eventing.redrive.ledger import Row, State
from eventing.redrive.request import RedriveRequest
from eventing.timestamps import timestamp
from functions.shared.archive import Archive
from functions.shared.clients import CALL_SECONDS
from functions.shared.clock import Clock
from functions.shared.event_store import EventItem, EventStore, NotStored
from functions.shared.ledger import Change, Entry, Ledger
from functions.shared.topics import ENTRIES_PER_CALL, Topics

Fate = Literal["resolved", "failed", "parked", "discarded", "changed", "left", "unrecorded"]
_OTHER_EVENT = Cause(Code.CONFLICT, "Conflict", "another event has this publisher, source and id")
# What a letter fails with by the catalogue's rules or by its own event, whatever the dependency does.
_ITS_OWN_FAULT = (Code.INVALID, Code.NO_ROUTE, Code.TOO_LARGE, Code.CONFLICT)


@dataclass
class Outcome:
    """What became of letters."""

    fates: Counter[Fate] = field(default_factory=Counter)
    """`changed`: somebody else was at the letter since the plan. `left`: the ledger did not let it be
    taken up. `unrecorded`: taken up, but the ledger did not take down what became of it; it is open
    again when the run ends."""
    by_fingerprint: dict[str, Counter[Fate]] = field(default_factory=lambda: defaultdict(Counter))
    failed: list[dict[str, Any]] = field(default_factory=list)
    """The letters that were not resolved, with their causes."""
    stored: Counter[datetime] = field(default_factory=Counter)
    """Events stored anew, by the minute in which they were accepted."""
    attempted: int = 0
    """Letters that a dependency was called for."""
    refused: int = 0
    """Of these, those that failed."""

    def add(self, row: Row, fate: Fate, cause: Cause | None = None) -> None:
        """Take note of one letter."""
        self.fates[fate] += 1
        self.by_fingerprint[row.fingerprint][fate] += 1
        if cause:
            self.failed.append(
                {
                    "letter": row.key,
                    "step": row.step,
                    "code": cause.code,
                    "message": cause.message,
                    "fate": fate,
                }
            )

    def merge(self, other: Outcome) -> None:
        """Count these in."""
        self.fates += other.fates
        self.failed += other.failed
        self.stored += other.stored
        self.attempted += other.attempted
        self.refused += other.refused
        for fingerprint, fates in other.by_fingerprint.items():
            self.by_fingerprint[fingerprint] += fates

    @property
    def failures(self) -> int:
        """Letters that failed again."""
        return self.fates["failed"] + self.fates["parked"]


@dataclass(frozen=True)
class _Try:
    """A claimed letter and what it needs to make its step."""

    row: Row
    event: str = field(repr=False)
    topic: str | None = None
    message: Message | None = None
    size: int = 0
    """Of the message, as SNS counts it."""
    cause: Cause | None = None
    """Why its step cannot be made."""


class Runner:
    """Makes the steps that dead letters still have to make."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        store: EventStore,
        archive: Archive,
        topics: Topics,
        judge: Judge,
        workers: Executor,
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._store = store
        self._archive = archive
        self._topics = topics
        self._judge = judge
        self._workers = workers
        self._clock = clock

    def run(
        self,
        letters: Sequence[tuple[str, int]],
        request: RedriveRequest,
        *,
        execution: str,
    ) -> Outcome:
        """Take up these letters, each as it was planned (key and version); others are left alone.

        Claimed before, recorded after: a letter whose process dies in between is open again when its
        run is released, and may reach its topic twice.
        """
        outcome = Outcome()
        entries = self._ledger.read([key for key, _ in letters])
        waiting: list[Entry] = []
        for key, version in letters:
            entry = entries.get(key)
            if entry is None:
                outcome.fates["changed"] += 1
            elif entry.row.version == version and entry.row.state in ("open", "parked"):
                waiting.append(entry)
            elif entry.row.run == execution and entry.row.state == "redriving":
                waiting.append(entry)  # this very page, before it died
            elif entry.row.run == execution:
                _add_replayed(outcome, entry.row)
            else:
                outcome.add(entry.row, "changed")
        if request.action == "discard":
            self._discard(waiting, request, execution, outcome)
        else:
            self._redrive(waiting, request, execution, outcome)
        return outcome

    def _discard(
        self,
        entries: Sequence[Entry],
        request: RedriveRequest,
        execution: str,
        outcome: Outcome,
    ) -> None:
        members = {
            **self._ledger.closed(self._clock.now()),
            "run": execution,
            "reason": request.reason,
        }
        changes = [Change(entry.row, "discarded", members) for entry in entries]
        for change, made in zip(changes, self._ledger.change(changes), strict=True):
            if made is True:
                outcome.add(change.row, "discarded")
            elif made is False:
                outcome.add(change.row, "changed")
            else:
                outcome.add(change.row, "left", made)

    def _redrive(
        self,
        entries: Sequence[Entry],
        request: RedriveRequest,
        execution: str,
        outcome: Outcome,
    ) -> None:
        claims = [Change(entry.row, "redriving", {"run": execution}) for entry in entries]
        tries: list[_Try] = []
        for entry, made in zip(entries, self._ledger.change(claims), strict=True):
            if made is True:
                tries.append(self._try(entry))
            elif made is False:
                outcome.add(entry.row, "changed")
            else:
                outcome.add(entry.row, "left", made)
        causes = self._make(tries, execution, outcome)
        now = self._clock.now()
        closed = self._ledger.closed(now)
        records = [
            _recorded(attempt, cause, request, execution, now, closed)
            for attempt, cause in zip(tries, causes, strict=True)
        ]
        results = self._ledger.change(records)
        for attempt, record, cause, result in zip(tries, records, causes, results, strict=True):
            if attempt.cause is None:
                outcome.attempted += 1
                outcome.refused += cause is not None and cause is not _OTHER_EVENT
            if result is True:
                outcome.add(attempt.row, _fate(record.state), cause)
            else:
                outcome.add(attempt.row, "unrecorded", cause or (result or None))

    def _try(self, entry: Entry) -> _Try:
        row = entry.row
        try:
            document = parse_if_json(entry.event)
            forecast = self._judge.forecast(
                row.step, topic=row.topic, publisher=row.publisher, document=document
            )
            if row.stage != "publish" or forecast.cause:
                return _Try(row, entry.event, cause=forecast.cause)
            message = _message(entry, document)
            return _Try(row, entry.event, forecast.topic, message, message.size)
        except Exception as error:
            # Whatever is wrong with one letter, the others of the chunk must not suffer for it.
            return _Try(row, entry.event, cause=cause_of(error))

    def _make(self, tries: Sequence[_Try], execution: str, outcome: Outcome) -> list[Cause | None]:
        """Make every step; for each, None or why it failed."""
        causes: list[Cause | None] = [attempt.cause for attempt in tries]
        ready = [n for n, cause in enumerate(causes) if cause is None]
        stores = [n for n in ready if tries[n].row.step == "store"]
        archives = [n for n in ready if tries[n].row.step == "archive"]
        publishes = [n for n in ready if tries[n].row.stage == "publish"]
        for numbers, make in (
            (stores, lambda chosen: self._make_store(chosen, outcome)),
            (archives, lambda chosen: self._make_archive(chosen, execution)),
            (publishes, self._make_publish),
        ):
            if numbers:
                results = make([tries[n] for n in numbers])
                for number, cause in zip(numbers, results, strict=True):
                    causes[number] = cause
        return causes

    def _make_store(self, tries: Sequence[_Try], outcome: Outcome) -> list[Cause | None]:
        # Two letters can hold different events of one identity: the first has the key.
        firsts: dict[str, _Try] = {}
        for attempt in tries:
            firsts.setdefault(attempt.row.event_key, attempt)
        items = [
            EventItem(key, a.row.publisher, a.event, a.row.type, a.row.accepted_at, a.row.digest)
            for key, a in firsts.items()
        ]
        deadline = self._clock.monotonic() + 2 * CALL_SECONDS
        results = dict(zip(firsts, self._store.put(items, deadline=deadline), strict=True))
        causes: list[Cause | None] = []
        for attempt in tries:
            result = results[attempt.row.event_key]
            if isinstance(result, NotStored):
                causes.append(result.cause)
                continue
            if result.stored_now and attempt is firsts[attempt.row.event_key]:
                accepted_at = datetime.fromisoformat(attempt.row.accepted_at)
                outcome.stored[accepted_at.replace(second=0, microsecond=0)] += 1
            causes.append(None if result.digest == attempt.row.digest else _OTHER_EVENT)
        return causes

    def _make_archive(self, tries: Sequence[_Try], execution: str) -> list[Cause | None]:
        """One object for the letters of a publisher and an hour, named by them.

        A page that is tried again may group them otherwise: the same name means the same letters.
        """
        groups: dict[tuple[str, str], list[int]] = defaultdict(list)
        for number, attempt in enumerate(tries):
            groups[attempt.row.publisher, attempt.row.accepted_at[:13]].append(number)

        def put(numbers: Sequence[int]) -> Cause | None:
            first = tries[numbers[0]].row
            keys = " ".join(sorted(tries[n].row.key for n in numbers))
            return self._archive.put(
                [tries[n].event for n in numbers],
                publisher=first.publisher,
                accepted_at=first.accepted_at,
                name=f"redrive-{execution}-{sha256_text(keys.encode())}",
            )

        causes: list[Cause | None] = [None] * len(tries)
        for numbers, cause in zip(
            groups.values(), self._workers.map(put, groups.values()), strict=True
        ):
            for number in numbers:
                causes[number] = cause
        return causes

    def _make_publish(self, tries: Sequence[_Try]) -> list[Cause | None]:
        by_topic: dict[str, list[int]] = defaultdict(list)
        for number, attempt in enumerate(tries):
            by_topic[attempt.topic or ""].append(number)
        calls = [
            (topic, chunk)
            for topic, numbers in by_topic.items()
            for chunk in chunks(
                numbers,
                most=ENTRIES_PER_CALL,
                most_bytes=self._judge.max_bytes(topic),
                size=lambda number: tries[number].size,
            )
        ]

        def send(topic: str, numbers: Sequence[int]) -> list[Cause | None]:
            messages = [message for n in numbers if (message := tries[n].message)]
            return self._topics.publish(topic, messages)

        causes: list[Cause | None] = [None] * len(tries)
        answers = self._workers.map(lambda call: send(*call), calls)
        for (_, chunk), results in zip(calls, answers, strict=True):
            for number, cause in zip(chunk, results, strict=True):
                causes[number] = cause
        return causes


def _message(entry: Entry, document: Document | None) -> Message:
    """The message of the letter's event; raises what an event that is none makes it raise."""
    value: Any = document.value if document else {}
    attributes = message_attributes(
        type=entry.row.type,
        source=value["source"],
        publisher=entry.row.publisher,
        subject=value.get("subject"),
    )
    attributes["redrive_episode"] = str(entry.row.episode + 1)
    return Message(entry.event, attributes)


def _recorded(
    attempt: _Try,
    cause: Cause | None,
    request: RedriveRequest,
    execution: str,
    now: datetime,
    closed: Mapping[str, str | int],
) -> Change:
    """The change that says what became of a claimed letter; `closed` is set on one that is done with."""
    row = attempt.row
    claimed = replace(row, version=row.version + 1)
    if cause is None:
        return Change(claimed, "resolved", {**closed, "run": execution})
    episode = row.episode + 1
    letter = DeadLetter(
        stage=row.stage,
        step=row.step,
        publisher=row.publisher,
        event=attempt.event,
        accepted_at=row.accepted_at,
        cause=cause,
        failed_at=timestamp(now),
        topic=row.topic,
    )
    # Another event has the key: no redrive will ever change that.
    parks = episode >= request.max_episodes or cause.code is Code.CONFLICT
    return Change(
        claimed,
        "parked" if parks else "open",
        {
            "run": execution,
            "episode": episode,
            "code": cause.code.value,
            "error_class": cause.error_class or "-",
            "message": cause.message or "-",
            "fingerprint": letter.fingerprint,
            "failed_at": letter.failed_at,
        },
    )


def traces(rows: Sequence[Row]) -> Outcome:
    """What a run has made of letters that it was the last to have, and has let go of since."""
    outcome = Outcome()
    for row in rows:
        _add_replayed(outcome, row)
    return outcome


def _add_replayed(outcome: Outcome, row: Row) -> None:
    """Take note of a letter that a page had done with before it died."""
    fate = _fate(row.state)
    if fate not in ("failed", "parked"):
        outcome.attempted += fate == "resolved"
        outcome.add(row, fate)
        return
    code = Code(row.code)
    if code not in _ITS_OWN_FAULT:
        outcome.attempted += 1
        outcome.refused += 1
    outcome.add(row, fate, Cause(code, "", "its message is in the ledger"))


def _fate(state: State) -> Fate:
    """What a run made of a letter that it has left in this state."""
    return state if state in ("resolved", "parked", "discarded") else "failed"
