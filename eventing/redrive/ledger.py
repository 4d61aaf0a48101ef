"""The dead-letter ledger: what is recorded of a letter, and where its index has it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zlib import crc32

from eventing.dead_letter import DeadLetter, Stage, Step
from eventing.redrive.filter import Filter
from eventing.timestamps import timestamp

State = Literal["open", "redriving", "resolved", "parked", "discarded"]
SHARDS = 16
ERASED = "erased"
"""The state of a row that is no letter any more, and keeps those of an erased event out."""

# How a letter's forecast is written down: it will go through, or the code that it will fail with.
GOES_THROUGH = "ok"


@dataclass(frozen=True, slots=True)
class Outline:
    """The part of a letter's record that selects it, and that a report tells."""

    key: str
    stage: Stage
    step: Step
    publisher: str
    type: str
    topic: str | None
    code: str
    fingerprint: str
    failed_at: str
    expires_at: int
    """When it is gone for good, in seconds since 1970."""

    def matches(self, wanted: Filter) -> bool:
        """True when the filter selects this letter; letter ids are looked up, not matched."""
        return (
            wanted.publisher in (None, self.publisher)
            and wanted.type in (None, self.type)
            and wanted.topic in (None, self.topic)
            and wanted.cause in (None, self.code)
            and wanted.fingerprint in (None, self.fingerprint)
            and (wanted.failed_before is None or self.failed_at < wanted.failed_before)
            and (wanted.failed_after is None or self.failed_at > wanted.failed_after)
        )


@dataclass(frozen=True, slots=True)
class Row(Outline):
    """A letter's record as the ledger's index has it: everything but the event itself."""

    state: State
    version: int
    accepted_at: str
    episode: int
    event_key: str
    digest: str
    verdict: str
    """`ok` or the code it would fail with, when the catalogue `judged_by` was the deployed one."""
    judged_by: str
    size: int
    """Bytes of the event."""
    target: str | None = None
    """The topic it would go to, by the same catalogue."""
    run: str | None = None
    """The execution that has the letter, or had it last."""


def new_row(
    letter: DeadLetter,
    *,
    verdict: str,
    target: str | None,
    judged_by: str,
    now: datetime,
    days: int,
) -> Row:
    """The row of a letter that is news to the ledger, which keeps it for so many days.

    What the letter says of the future has happened by now: clocks are skewed, and no run takes up what
    failed after it began.
    """
    latest = timestamp(now)
    return Row(
        key=letter.key,
        stage=letter.stage,
        step=letter.step,
        publisher=letter.publisher,
        type=str(letter.document.value.get("type")),
        topic=letter.topic,
        code=letter.cause.code.value,
        fingerprint=letter.fingerprint,
        failed_at=min(letter.failed_at, latest),
        state="open",
        version=1,
        accepted_at=min(letter.accepted_at, latest),
        episode=letter.episode,
        event_key=letter.event_key,
        digest=letter.digest,
        verdict=verdict,
        judged_by=judged_by,
        expires_at=expiry(now, days),
        size=len(letter.event.encode()),
        target=target,
    )


ORIGINALS = ("original_failed_at", "original_accepted_at")
"""The members with times that a letter says, where its row has others."""


def originals_of(letter: DeadLetter, row: Row) -> dict[str, str]:
    """The times that the letter says and its row has otherwise, by the names of `ORIGINALS`."""
    times = ((letter.failed_at, row.failed_at), (letter.accepted_at, row.accepted_at))
    return {
        name: said
        for name, (said, recorded) in zip(ORIGINALS, times, strict=True)
        if said != recorded
    }


def expiry(now: datetime, days: int) -> int:
    """When a row goes, in seconds since 1970."""
    return int((now + timedelta(days=days)).timestamp())


def shard(stage: Stage, state: State, key: str, count: int = SHARDS) -> str:
    """The index partition of a letter: `count` for each stage and state, so that none runs hot."""
    return f"{stage}#{state}#{crc32(key.encode()) % count}"


def shards(stage: Stage, state: State, count: int = SHARDS) -> list[str]:
    """All index partitions of a stage and state."""
    return [f"{stage}#{state}#{number}" for number in range(count)]
