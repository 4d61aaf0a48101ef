"""The reckoning after a soak: every accepted event is delivered once, or twice for a reason that is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

# An invocation of a function lasts no longer, so what happens to its process later is another's.
INVOCATION_SECONDS = 125.0


@dataclass(frozen=True)
class Happening:
    """Something that went wrong on purpose: when, in which function, what, and to which thing."""

    at: float
    function: str
    what: str
    thing: str = ""


@dataclass(frozen=True)
class Sending:
    """A call that brought an event to its topic, or its letter to the queue: when, and which function's."""

    at: float
    function: str
    answered: bool = True
    number: int = 0
    """Of the call, among those to its topic or queue."""
    letter: bool = False


@dataclass
class Journal:
    """What was seen of a soak."""

    accepted: set[str] = field(default_factory=set)
    arrived: dict[str, set[str]] = field(default_factory=dict)
    """By event: the ids of the messages that brought it."""
    sendings: dict[str, list[Sending]] = field(default_factory=dict)
    """By event, in their order."""
    happenings: list[Happening] = field(default_factory=list)


@dataclass(frozen=True)
class Reckoning:
    """Who got what."""

    accepted: int
    lost: Sequence[str]
    doubled: Mapping[str, int]
    """By reason: how many events arrived more than once because of it."""
    unexplained: Mapping[str, Sequence[str]]
    """Events that arrived more than once for no known reason: what was seen of each, in its order."""
    strange: Sequence[str]
    """Arrived, and nobody had it accepted."""

    @property
    def is_good(self) -> bool:
        """Nothing is lost, and every double has a reason."""
        return not (self.lost or self.unexplained or self.strange)


def reckon(journal: Journal) -> Reckoning:
    """Compare what was accepted with what arrived."""
    doubles = [id for id, messages in journal.arrived.items() if len(messages) > 1]
    reasons = {id: _reason(journal, id) for id in doubles}
    return Reckoning(
        accepted=len(journal.accepted),
        lost=sorted(journal.accepted - journal.arrived.keys()),
        doubled=Counter(reason for reason in reasons.values() if reason),
        unexplained={id: _story(journal, id) for id, reason in reasons.items() if not reason},
        strange=sorted(journal.arrived.keys() - journal.accepted),
    )


def _reason(journal: Journal, id: str) -> str | None:
    """The reason why somebody sent an event again that had been sent, or None: nothing tells."""
    sendings = journal.sendings.get(id, [])
    for first, second in pairwise(sendings):
        if first.letter and second.function != first.function:
            continue  # a redrive of the letter: that is what it is written for
        taken = "SQS took its letter" if first.letter else "SNS took it"
        if not first.answered:
            return f"{taken}, and the answer was lost"
        for reason in _between(journal.happenings, first, second):
            return f"{first.function} {reason} that {taken}"
    return None


def _between(happenings: Sequence[Happening], first: Sending, second: Sending) -> Iterator[str]:
    """What kept the first sender from remembering that it was sent."""
    until = min(second.at, first.at + INVOCATION_SECONDS)
    own = [h for h in happenings if h.function == first.function and first.at <= h.at <= until]
    for what in ("killed", "stopped"):
        if any(h.what == what for h in own):
            yield f"was {what} before it could record"
    if any(h.thing in ("ledger", "queues") for h in own):
        yield "could not record"


def _story(journal: Journal, id: str) -> list[str]:
    """What a person needs to find out why an event was sent more than once."""
    sendings = journal.sendings.get(id, [])
    if not sendings:
        return []
    first, last = sendings[0].at, sendings[-1].at
    told = [
        (
            s.at,
            f"{s.function} sent {'its letter' if s.letter else 'it'}{'' if s.answered else ', no answer'}",
        )
        for s in sendings
    ]
    told += [
        (h.at, f"{h.function}: {h.what} {h.thing}".rstrip())
        for h in journal.happenings
        if first - 1 <= h.at <= last + 1
    ]
    return [f"{at - first:+.3f} s {what}" for at, what in sorted(told)]
