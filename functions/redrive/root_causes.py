"""The letters of the ledger, grouped by their root causes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from eventing.dead_letter import Stage
from eventing.redrive.filter import Filter
from eventing.redrive.ledger import Outline, State
from functions.shared.letters import Letters

# More groups than this are no diagnosis; a report's counts cover all of them.
GROUPS = 20
# Of the most frequent topics, publishers and types of a group.
_NAMES = 10


@dataclass
class Group:
    """Letters with the same root cause: what is told of them, not the letters themselves."""

    first: Outline
    last: Outline
    kinds: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """The number of letters of each topic, publisher and type."""

    @property
    def letters(self) -> int:
        """The number of letters."""
        return self.kinds.total()


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
                    there.first = min(there.first, group.first, key=_order)
                    there.last = max(there.last, group.last, key=_order)
                    there.kinds += group.kinds
        return groups

    def describe(self, groups: Mapping[str, Group]) -> list[dict[str, Any]]:
        """The largest groups, as a report has them."""
        return self.with_messages(largest(groups))

    def with_messages(self, groups: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Groups of `largest` with the message of their causes, each read from a letter."""
        return [{**group, "message": self._letters.message(group["example"])} for group in groups]


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
        "topics": _most(group, 0),
        "publishers": _most(group, 1),
        "types": _most(group, 2),
        "failed_first": first.failed_at,
        "failed_last": group.last.failed_at,
        "example": first.key,
    }


def grouped(letters: Iterable[Outline]) -> dict[str, Group]:
    """The groups of letters by fingerprint; the letters come oldest failure first."""
    groups: dict[str, Group] = {}
    for letter in letters:
        group = groups.setdefault(letter.fingerprint, Group(letter, letter))
        group.last = letter
        group.kinds[letter.topic or "none", letter.publisher, letter.type] += 1
    return groups


def _order(letter: Outline) -> tuple[str, str]:
    return letter.failed_at, letter.key


def _most(group: Group, member: int) -> dict[str, int]:
    """The most frequent topics, publishers or types of a group."""
    counts = Counter[str]()
    for kind, count in group.kinds.items():
        counts[kind[member]] += count
    return dict(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))[:_NAMES])
