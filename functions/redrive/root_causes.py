"""The letters of the ledger, grouped by their root causes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from eventing.dead_letter import Stage
from eventing.foreign_text import plain
from eventing.redrive.filter import Filter
from eventing.redrive.ledger import Outline, State
from functions.shared.letters import Letters

# More groups than this are no diagnosis; a report's counts cover all of them.
GROUPS = 20
# Of the most frequent topics, publishers and types of a group.
_NAMES = 10
# Characters of a group's message.
_MESSAGE = 1024
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

    def most(self) -> dict[str, int]:
        """The most frequent ones, as people are shown them."""
        ordered = sorted(self.counts.items(), key=lambda entry: (-entry[1], entry[0]))
        return {plain(name): count for name, count in ordered[:_NAMES]}


@dataclass
class Group:
    """Letters with the same root cause: what is told of them, not the letters themselves."""

    first: Outline
    last: Outline
    letters: int = 0
    """The number of letters."""
    topics: NameCounts = field(default_factory=lambda: NameCounts())
    publishers: NameCounts = field(default_factory=lambda: NameCounts())
    types: NameCounts = field(default_factory=lambda: NameCounts())

    def add(self, letter: Outline) -> None:
        """Count a letter that failed after all before it."""
        self.last = letter
        self.letters += 1
        self.topics.add(letter.topic or "none")
        self.publishers.add(letter.publisher)
        self.types.add(letter.type)

    def merge(self, other: Group) -> None:
        """Count these in."""
        self.first = min(self.first, other.first, key=_order)
        self.last = max(self.last, other.last, key=_order)
        self.letters += other.letters
        for mine, others in (
            (self.topics, other.topics),
            (self.publishers, other.publishers),
            (self.types, other.types),
        ):
            for name, count in others.counts.items():
                mine.add(name, count)


class RootCauses:
    """Groups letters by fingerprint, however many there are."""

    def __init__(self, letters: Letters) -> None:
        self._letters = letters

    def find(self, stages: Iterable[Stage], states: Iterable[State]) -> dict[str, Group]:
        """The letters that are in these states, by fingerprint."""
        groups: dict[str, Group] = {}
        for part in self._letters.fold(stages, states, Filter(), Outline, grouped):
            for fingerprint, group in part.items():
                there = groups.setdefault(fingerprint, group)
                if there is not group:
                    there.merge(group)
        return groups

    def describe(self, groups: Mapping[str, Group]) -> list[dict[str, Any]]:
        """The largest groups, as a report has them."""
        return self.with_messages(largest(groups))

    def with_messages(self, groups: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Groups of `largest` with the message of their causes, each read from a letter."""
        return [
            {**group, "message": plain(self._letters.message(group["example"]), _MESSAGE)}
            for group in groups
        ]


def largest(groups: Mapping[str, Group]) -> list[dict[str, Any]]:
    """The largest groups, as a report has them but for the message, which no index has."""
    ordered = sorted(groups.values(), key=lambda group: (-group.letters, _order(group.first)))
    return [_describe(group) for group in ordered[:GROUPS]]


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


def grouped(letters: Iterable[Outline]) -> dict[str, Group]:
    """The groups of letters by fingerprint; the letters come oldest failure first."""
    groups: dict[str, Group] = {}
    for letter in letters:
        group = groups.setdefault(letter.fingerprint, Group(letter, letter))
        group.add(letter)
    return groups


def _order(letter: Outline) -> tuple[str, str]:
    return letter.failed_at, letter.key
