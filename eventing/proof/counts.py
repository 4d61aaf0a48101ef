"""Proof: each event that a region took was published by one region, or is a dead letter.

By counts, minute by minute of acceptance: what was stored is held against the events that have a receipt or a
letter. Which events are missing is looked for where these differ, and only there.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from eventing.receipts import split

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Settled:
    """The events of some partition of receipts, by what receipts and letters say of them.

    `twice` is by two regions, `again` by one region in two receipts: each is written after SNS has taken its
    events, so that these were sent again. Letters are those of events without a receipt.
    """

    published: frozenset[bytes]
    """Their hashes."""
    letters: int = 0
    twice: int = 0
    again: int = 0


def settled(receipts: Iterable[tuple[str, bytes]], letters: Collection[bytes]) -> Settled:
    """Hold a partition's receipts against each other: the region that wrote it, and packed hashes, of each.

    `letters` are the hashes of all unresolved letters that fall into the partition.
    """
    by_region: dict[str, Counter[bytes]] = defaultdict(Counter)
    for region, packed in receipts:
        by_region[region].update(split(packed))
    published: set[bytes] = set()
    twice: set[bytes] = set()
    for hashes in by_region.values():
        twice |= published & hashes.keys()
        published |= hashes.keys()
    return Settled(
        frozenset(published),
        letters=len(set(letters) - published),
        twice=len(twice),
        again=sum(count > 1 for hashes in by_region.values() for count in hashes.values()),
    )


@dataclass
class Tally:
    """Counts of a window by the number of the minute in it; pages hand it on."""

    published: Counter[int] = field(default_factory=Counter)
    letters: Counter[int] = field(default_factory=Counter)
    twice: Counter[int] = field(default_factory=Counter)
    again: Counter[int] = field(default_factory=Counter)
    in_two_regions: int = 0
    """Events that another region has accepted as well, in the same window: a publisher sent them to both."""

    def add(self, minute: int, some: Settled) -> None:
        """Count in what is settled in a partition of this minute."""
        self.published[minute] += len(some.published)
        self.letters[minute] += some.letters
        self.twice[minute] += some.twice
        self.again[minute] += some.again

    def members(self) -> dict[str, Any]:
        """As JSON; `of` reads it again."""
        counts = {
            name: {str(minute): count for minute, count in counter.items() if count}
            for name, counter in vars(self).items()
            if isinstance(counter, Counter)
        }
        return {**counts, "in_two_regions": self.in_two_regions}

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Tally:
        """The tally in the JSON that `members` gave: JSONata hands whole numbers on as floats."""
        counters = {
            name: Counter({int(minute): int(count) for minute, count in content[name].items()})
            for name in ("published", "letters", "twice", "again")
        }
        return cls(**counters, in_two_regions=int(content["in_two_regions"]))


@dataclass(frozen=True)
class Minute:
    """What is known of the events that a region took in a minute."""

    at: datetime
    stored: int
    published: int
    letters: int
    twice: int

    @property
    def unproven(self) -> int:
        """Events stored, and without a receipt or a letter."""
        return max(0, self.stored - self.published - self.letters)

    @property
    def uncounted(self) -> int:
        """Events with a receipt or a letter whose storing was not counted: a process died before it did."""
        return max(0, self.published + self.letters - self.stored)

    @property
    def differs(self) -> bool:
        """True where something is to be looked for."""
        return bool(self.unproven or self.twice)


def minutes(start: datetime, stored: Mapping[datetime, float], tally: Tally) -> Iterator[Minute]:
    """The minutes of a window that begins at `start` in which anything was stored or settled, in order."""
    numbers = {round((at - start) / MINUTE): round(count) for at, count in stored.items()}
    for number in sorted({*numbers, *tally.published, *tally.letters}):
        yield Minute(
            start + number * MINUTE,
            numbers.get(number, 0),
            tally.published[number],
            tally.letters[number],
            tally.twice[number],
        )


def totals(found: Iterable[Minute], tally: Tally) -> dict[str, int]:
    """The sums over all minutes; `proven` are the events stored that have a receipt or a letter."""
    sums: Counter[str] = Counter(
        dict.fromkeys(("stored", "published", "letters", "unproven", "uncounted", "twice"), 0)
    )
    differing = 0
    for minute in found:
        differing += minute.differs
        for name in sums:
            sums[name] += getattr(minute, name)
    return {
        **sums,
        "proven": sums["stored"] - sums["unproven"],
        "differing_minutes": differing,
        "sent_again": sum(tally.again.values()),
        "in_two_regions": tally.in_two_regions,
    }
