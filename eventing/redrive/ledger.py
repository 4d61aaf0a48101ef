"""The dead-letter ledger: what is recorded of a letter, the states it goes through, what selects it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from zlib import crc32

from eventing.dead_letter import Stage, Step
from eventing.redrive.request import Filter

State = Literal["open", "redriving", "resolved", "parked", "discarded"]
SHARDS = 16

# How a letter's forecast is written down: it will go through, or the code that it will fail with.
GOES_THROUGH = "ok"


@dataclass(frozen=True, slots=True)
class Outline:
    """What selects a letter, and what a report tells of it."""

    key: str
    stage: Stage
    step: Step
    publisher: str
    type: str
    topic: str | None
    code: str
    fingerprint: str
    failed_at: str

    def matches(self, wanted: Filter) -> bool:
        """Whether the filter selects this letter; letter ids are looked up, not matched."""
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
    """What the ledger's index tells of a letter: everything but the event itself."""

    state: State
    version: int
    accepted_at: str
    episode: int
    event_key: str
    digest: str
    verdict: str
    """`ok` or the code it would fail with, when the catalogue `judged_by` was the deployed one."""
    judged_by: str
    expires_at: int
    size: int
    """Bytes of the event."""
    target: str | None = None
    """The topic it would go to, by the same catalogue."""
    run: str | None = None
    """The execution that has the letter, or had it last."""


def shard(stage: Stage, state: State, key: str, count: int = SHARDS) -> str:
    """The index partition of a letter: `count` for each stage and state, so that none runs hot."""
    return f"{stage}#{state}#{crc32(key.encode()) % count}"


def shards(stage: Stage, state: State, count: int = SHARDS) -> list[str]:
    """All index partitions of a stage and state."""
    return [f"{stage}#{state}#{number}" for number in range(count)]
