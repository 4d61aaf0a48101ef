"""Letters grouped by root cause, and in words: what fixes each cause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from console.deployed.ledger import Letter
from eventing.dead_letter import Stage
from eventing.redrive.remedies import remedy_of
from eventing.timestamps import timestamp


@dataclass(frozen=True)
class Group:
    """Letters of one stage with the same root cause."""

    fingerprint: str
    stage: Stage
    step: str
    cause: str
    letters: int
    topics: Mapping[str, int]
    publishers: Mapping[str, int]
    types: Mapping[str, int]
    failed_first: str
    failed_last: str
    first_expires_at: str
    episode: int
    """The most redrives that one of them has failed in."""
    example: str
    """The id of the one that failed first."""

    @property
    def remedy(self) -> str:
        """What usually has to happen before a redrive helps."""
        return remedy_of(self.cause)


def grouped(letters: Iterable[Letter]) -> list[Group]:
    """The groups, largest first; the letters come oldest failure first."""
    by_fingerprint: dict[tuple[str, str], list[Letter]] = {}
    for letter in letters:
        by_fingerprint.setdefault((letter.stage, letter.fingerprint), []).append(letter)
    groups = map(_group, by_fingerprint.values())
    return sorted(groups, key=lambda group: (-group.letters, group.failed_first, group.fingerprint))


def _group(letters: list[Letter]) -> Group:
    first = letters[0]
    return Group(
        fingerprint=first.fingerprint,
        stage=first.stage,
        step=first.step,
        cause=first.code,
        letters=len(letters),
        topics=most(letter.topic or "none" for letter in letters),
        publishers=most(letter.publisher for letter in letters),
        types=most(letter.type for letter in letters),
        failed_first=first.failed_at,
        failed_last=letters[-1].failed_at,
        first_expires_at=moment(min(letter.expires_at for letter in letters)),
        episode=max(letter.episode for letter in letters),
        example=first.key,
    )


def most(values: Iterable[str]) -> Mapping[str, int]:
    """How often each value is there, the most frequent first, ten at most."""
    return dict(sorted(Counter(values).items(), key=lambda entry: (-entry[1], entry[0]))[:10])


def moment(seconds: int) -> str:
    """A time of the ledger as a `timestamp`."""
    return timestamp(datetime.fromtimestamp(seconds, UTC))


def summed(counts: Mapping[str, Any]) -> str:
    """`orders 12, payments 3`."""
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())
