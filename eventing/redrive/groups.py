"""Letters that wait, grouped by their root causes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from eventing.cause import OWN_FAULT
from eventing.foreign_text import plain
from eventing.redrive.ledger import Outline

# More groups than this are no diagnosis; a report's counts cover all of them.
GROUPS = 20
# Of the most frequent topics, publishers and types of a group.
_NAMES = 10
# So many different ones are counted at least, and twice as many at most: each letter may have its own.
_KEPT = 100


class NameCounts:
    """How often names are there: of a bounded number of them, and of the most frequent ones in any case."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def add(self, name: str, count: int = 1) -> None:
        """Count a name; where there are too many, those that were rare until now are forgotten."""
        self.counts[name] += count
        if len(self.counts) > 2 * _KEPT:
            self.counts = Counter(dict(self.counts.most_common(_KEPT)))

    def merge(self, other: NameCounts) -> None:
        """Count these in."""
        for name, count in other.counts.items():
            self.add(name, count)

    def most(self, names: int = _NAMES) -> dict[str, int]:
        """The most frequent ones, as people are shown them."""
        ordered = sorted(self.counts.items(), key=lambda entry: (-entry[1], entry[0]))
        return {plain(name): count for name, count in ordered[:names]}


@dataclass
class Group:
    """Letters with the same root cause: what is told of them, not the letters themselves."""

    first: Outline
    last: Outline
    letters: int = 0
    """The number of letters."""
    first_expires_at: int = 0
    """When the first of them is gone for good, in seconds since 1970."""
    topics: NameCounts = field(default_factory=lambda: NameCounts())
    publishers: NameCounts = field(default_factory=lambda: NameCounts())
    types: NameCounts = field(default_factory=lambda: NameCounts())

    def add(self, letter: Outline) -> None:
        """Count a letter that failed after all before it."""
        self.last = letter
        self.letters += 1
        self.first_expires_at = min(self.first_expires_at or letter.expires_at, letter.expires_at)
        self.topics.add(letter.topic or "none")
        self.publishers.add(letter.publisher)
        self.types.add(letter.type)

    def merge(self, other: Group) -> None:
        """Count these in."""
        self.first = min(self.first, other.first, key=_order)
        self.last = max(self.last, other.last, key=_order)
        self.letters += other.letters
        self.first_expires_at = min(self.first_expires_at, other.first_expires_at)
        self.topics.merge(other.topics)
        self.publishers.merge(other.publishers)
        self.types.merge(other.types)


def grouped(letters: Iterable[Outline]) -> dict[str, Group]:
    """The groups of letters by fingerprint; the letters come oldest failure first."""
    groups: dict[str, Group] = {}
    for letter in letters:
        count_in(groups, letter)
    return groups


def count_in(groups: dict[str, Group], letter: Outline) -> None:
    """Count a letter that failed after all before it."""
    groups.setdefault(letter.fingerprint, Group(letter, letter)).add(letter)


def merged(parts: Iterable[Mapping[str, Group]]) -> dict[str, Group]:
    """The groups of all parts, by fingerprint. The parts are used up."""
    groups: dict[str, Group] = {}
    for part in parts:
        for fingerprint, group in part.items():
            there = groups.setdefault(fingerprint, group)
            if there is not group:
                there.merge(group)
    return groups


def in_order(groups: Iterable[Group]) -> list[Group]:
    """The groups, the largest first; of two that are as large, the one that failed first."""
    return sorted(groups, key=lambda group: (-group.letters, _order(group.first)))


def largest(groups: Mapping[str, Group]) -> list[dict[str, Any]]:
    """The largest groups, as a report has them but for the message, which no index has."""
    return [_describe(group) for group in in_order(groups.values())[:GROUPS]]


def _describe(group: Group) -> dict[str, Any]:
    first = group.first
    return {
        "fingerprint": first.fingerprint,
        "letters": group.letters,
        "stage": first.stage,
        "step": first.step,
        "cause": first.code,
        "topics": group.topics.most(),
        "publishers": group.publishers.most(),
        "types": group.types.most(),
        "failed_first": first.failed_at,
        "failed_last": group.last.failed_at,
        "example": first.key,
    }


def _order(letter: Outline) -> tuple[str, str]:
    return letter.failed_at, letter.key


@dataclass
class Waiting:
    """Letters that wait, counted; up to a number of them also grouped."""

    letters: int = 0
    own_fault: int = 0
    """Those whose cause is their own event's fault."""
    failed_first: str | None = None
    first_expires_at: int | None = None
    """When the first is gone for good, in seconds since 1970."""
    groups: dict[str, Group] = field(default_factory=dict)
    """By fingerprint."""

    def add(self, letter: Outline) -> None:
        """Count and group a letter that failed after all before it."""
        self.letters += 1
        self.failed_first = self.failed_first or letter.failed_at
        self.look_at(letter.code, letter.expires_at)
        count_in(self.groups, letter)

    def look_at(self, code: str, expires_at: int) -> None:
        """Take note of a letter's cause and its end; it is neither counted nor grouped."""
        self.own_fault += code in OWN_FAULT
        self.first_expires_at = min(self.first_expires_at or expires_at, expires_at)

    @property
    def ungrouped(self) -> int:
        """The number of letters that are in none of the groups."""
        return self.letters - sum(group.letters for group in self.groups.values())


def all_waiting(parts: Iterable[Waiting]) -> Waiting:
    """The letters of several partitions. The parts are used up."""
    parts = list(parts)
    return Waiting(
        sum(one.letters for one in parts),
        sum(one.own_fault for one in parts),
        min((one.failed_first for one in parts if one.failed_first), default=None),
        min((one.first_expires_at for one in parts if one.first_expires_at), default=None),
        merged(one.groups for one in parts),
    )
