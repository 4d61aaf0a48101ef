"""Letters of suspended publishers, which a run that makes steps leaves out unless they are asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from eventing.cause import Cause
from eventing.foreign_text import name_counts, plain
from eventing.redrive.ledger import Row
from eventing.words import counted


@dataclass(frozen=True)
class Withheld:
    """The letters that a plan leaves out because their publishers are suspended."""

    publishers: Mapping[str, int] = field(default_factory=dict)
    """The number of letters of each."""
    unknown: Cause | None = None
    """The reason why nobody could tell who is suspended: then nobody is taken to be."""

    @property
    def letters(self) -> int:
        """The number of letters."""
        return sum(self.publishers.values())

    def warnings(self) -> list[str]:
        """Sentences for whoever decides about the plan, each on one line; none where all is as usual."""
        found: list[str] = []
        if self.publishers:
            of, are = (
                ("a suspended publisher", "is")
                if self.letters == 1
                else ("suspended publishers", "are")
            )
            most = dict(Counter(self.publishers).most_common())
            found.append(
                f"{counted(self.letters, 'letter')} of {of} {are} left out ({name_counts(most)}): resume "
                "the publisher, or ask for its letters by its name or by their ids."
            )
        if self.unknown:
            found.append(
                "Nobody could tell which publishers are suspended, so letters of those are not left "
                f"out: {plain(self.unknown.reason)}"
            )
        return found


def withhold(rows: Sequence[Row], suspended: AbstractSet[str]) -> tuple[list[Row], Withheld]:
    """The letters of everybody else, and what is said of those of suspended publishers."""
    left = [row for row in rows if row.publisher not in suspended]
    return left, Withheld(Counter(row.publisher for row in rows if row.publisher in suspended))
