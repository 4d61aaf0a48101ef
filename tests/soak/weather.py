"""The faults of a soak: which, when and how often, drawn by a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tests.faults.vocabulary import Fault

Kind = Fault | Literal["half"]
"""`half`: some entries of a batch are refused, the others are taken."""

REFUSED: Sequence[Kind] = ("denied", "throttle", "500", "hang", "done-then-timeout")
# By what they happen to: a kind of thing, as `Soak.thing` names it.
FAULTS: Mapping[str, Sequence[Kind]] = {
    "table": (*REFUSED, "half"),
    "stream": REFUSED,
    "archive": REFUSED,
    "topics": (*REFUSED, "half"),
    "queues": REFUSED,
    "ledger": (*REFUSED, "half"),
    "functions": ("killed", "done-then-killed"),
}
# A spell of faults, and the calm after it, in seconds.
_SPELL, _CALM = (3.0, 15.0), (2.0, 8.0)
# A process that is killed at every call never gets anywhere, and a fault that always happens is an outage.
_KILLS, _SOME, _ALL = 0.04, 0.3, 1.0


@dataclass(frozen=True)
class Spell:
    """A time during which calls fail, in seconds since the load began."""

    begins: float
    ends: float
    thing: str
    kind: Kind
    share: float
    """Of the calls, or of the entries."""

    def __str__(self) -> str:
        return f"{self.thing} {self.kind} ({self.share:.0%})"


def spells(seed: int, seconds: float) -> Iterator[Spell]:
    """Draw spells until the time is up; each thing has its own, so that several fail at once."""
    for thing, kinds in FAULTS.items():
        drawn = random.Random(f"{seed} {thing}")
        at = drawn.uniform(*_CALM)
        while at < seconds:
            ends = min(at + drawn.uniform(*_SPELL), seconds)
            share = _KILLS if thing == "functions" else drawn.choice((_SOME, _ALL))
            yield Spell(at, ends, thing, drawn.choice(kinds), share)
            # Two or three of the things are sick at a time.
            at = ends + len(FAULTS) / 2 * drawn.uniform(*_CALM)
