"""The tally of a run: what became of the letters that it took up."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from eventing.cause import OWN_FAULT, Cause, Code
from eventing.redrive.ledger import Row, State

Fate = Literal[
    "resolved", "adopted", "failed", "parked", "discarded", "changed", "left", "unrecorded"
]
# Those of letters that a run is done with.
DONE_WITH: Sequence[Fate] = ("resolved", "adopted", "failed", "parked", "discarded", "changed")


ADOPTED = "adopted: another region has published it"
"""The reason on record of a letter that was resolved without being sent."""


@dataclass
class LeftOut:
    """Letters that are left out of a run, as they were before: what they need is down or in doubt."""

    code: Code
    resource: str | None
    message: str
    letters: int = 0

    def __str__(self) -> str:
        return f"{self.resource}: {self.code}, {self.letters} left out"

    def merge(self, other: LeftOut) -> None:
        """Count these in; only the page that has noticed knows the message."""
        self.letters += other.letters
        self.message = self.message or other.message


@dataclass
class Tally:
    """Counts of the letters of a chunk, a page or a run, by what became of them."""

    fates: Counter[Fate] = field(default_factory=Counter)
    """`adopted`: another region has published the event. `changed`: somebody else was at the letter since
    the plan. `left`: the ledger did not let it be taken up. `unrecorded`: taken up, but the ledger did not
    take down what became of it; it is open again when the run ends."""
    by_fingerprint: dict[str, Counter[Fate]] = field(default_factory=lambda: defaultdict(Counter))
    failed: list[dict[str, Any]] = field(default_factory=list)
    """The letters that were not resolved, with their causes."""
    stored: Counter[datetime] = field(default_factory=Counter)
    """Events stored anew, by the minute in which they were accepted."""
    attempted: int = 0
    """Letters that a dependency was called for."""
    refused: int = 0
    """Of these, those that failed."""
    left_out: dict[str, LeftOut] = field(default_factory=dict)
    """Letters that their dependency keeps out of the run, by its name."""
    unwritten: Cause | None = None
    """The reason why the ledger did not take something down."""

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

    def leave_out(self, needed: str, cause: Cause) -> None:
        """Take note of a letter that is left out of the run, for this cause of what it needs."""
        made = LeftOut(cause.code, cause.resource, cause.message, 1)
        self._leave_out(needed, made)

    def _leave_out(self, needed: str, some: LeftOut) -> None:
        if there := self.left_out.get(needed):
            there.merge(some)
        else:
            self.left_out[needed] = replace(some)

    def add_replayed(self, row: Row, reason: str = "") -> None:
        """Take note of a letter that a page had done with before it died, for this reason on record."""
        fate: Fate = "adopted" if reason == ADOPTED else fate_of(row.state)
        if fate not in ("failed", "parked"):
            self.attempted += fate == "resolved"
            self.add(row, fate)
            return
        code = Code(row.code)
        if code not in OWN_FAULT:
            self.attempted += 1
            self.refused += 1
        self.add(row, fate, Cause(code, "", "its message is in the ledger"))

    @property
    def ledger_down(self) -> Cause | None:
        """The reason why the ledger took down nothing at all of what it was to."""
        return self.unwritten if self.fates.keys() <= {"left", "unrecorded", "changed"} else None

    def merge(self, other: Tally) -> None:
        """Count these in."""
        self.fates += other.fates
        self.failed += other.failed
        self.stored += other.stored
        self.attempted += other.attempted
        self.refused += other.refused
        self.unwritten = other.unwritten or self.unwritten
        for needed, some in other.left_out.items():
            self._leave_out(needed, some)
        for fingerprint, fates in other.by_fingerprint.items():
            self.by_fingerprint[fingerprint] += fates

    @property
    def failures(self) -> int:
        """Letters that failed again."""
        return self.fates["failed"] + self.fates["parked"]

    def result(self) -> dict[str, Any]:
        """As JSON, for the report."""
        return {
            "fates": self.fates,
            "by_fingerprint": self.by_fingerprint,
            "failed": self.failed,
            "left_out": {needed: asdict(some) for needed, some in self.left_out.items()},
        }


def left_out_of(results: Sequence[Mapping[str, Any]]) -> Mapping[str, LeftOut]:
    """The letters that the pages of a run have left out, by the name of what they need."""
    total = Tally()
    for page in results:
        found = {name: LeftOut(**some) for name, some in page["left_out"].items()}
        total.merge(Tally(left_out=found))
    return total.left_out


def traces(rows: Sequence[Row]) -> Tally:
    """The tally of letters that a run was the last to have, and has let go of since."""
    tally = Tally()
    for row in rows:
        tally.add_replayed(row)
    return tally


def fate_of(state: State) -> Fate:
    """The fate of a letter that a run has left in this state."""
    return state if state in ("resolved", "parked", "discarded") else "failed"
