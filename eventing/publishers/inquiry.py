"""What became of an event, as its publisher is told: from what the tables have of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from eventing.dead_letter import Stage, Step
from eventing.problem import Kind, Refused
from eventing.redrive.ledger import State
from eventing.timestamps import read_timestamp

Status = Literal[
    "accepted", "published", "dead-lettered", "parked", "redriven", "discarded", "erased"
]

# A letter of this step keeps no event from its topic.
_BESIDE: Step = "archive"
# Of several letters, the one that says most of where the event is; a redrive at work has not ended.
_ORDER: Sequence[tuple[tuple[State, ...], Status]] = (
    (("open", "redriving"), "dead-lettered"),
    (("parked",), "parked"),
    (("resolved",), "redriven"),
    (("discarded",), "discarded"),
)


@dataclass(frozen=True)
class Stored:
    """An event as the Events table has it, without the event itself."""

    accepted_at: str
    region: str
    """The one that took it."""
    digest: str | None = None
    """None once it is erased."""
    erased_at: str | None = None


@dataclass(frozen=True)
class Proof:
    """What a receipt says of an event."""

    topic: str
    published_at: str


@dataclass(frozen=True)
class LetterState:
    """What the ledger has of a dead letter of the event, as far as its publisher is told of it."""

    stage: Stage
    step: Step
    state: State
    code: str
    digest: str
    accepted_at: str
    failed_at: str
    topic: str | None = None
    closed_at: str | None = None


@dataclass(frozen=True)
class Asked:
    """The event that is asked for."""

    source: str
    id: str


def asked_for(parameters: Mapping[str, Sequence[str]]) -> Asked:
    """The event that query parameters, decoded, name; raises `Refused` where they name none, or several."""
    return Asked(*(_only(name, parameters.get(name) or ()) for name in ("source", "id")))


def told(
    asked: Asked,
    *,
    here: str,
    stored: Stored | None,
    letters: Sequence[LetterState],
    proof: Proof | None,
) -> Mapping[str, Any] | None:
    """What the publisher is told of its event in the region `here`; None: it has never sent it.

    `letters` are those of this region. An event that could not be stored yet is known by its letters alone.
    What a receipt proves is said whatever else is known.
    """
    members: dict[str, Any] = {"id": asked.id, "source": asked.source}
    own = [letter for letter in letters if letter.step != _BESIDE]
    if stored is None:
        if not own:
            return None
        accepted_at = min(letter.accepted_at for letter in own)
        return members | {"accepted_at": accepted_at, "region": here} | _state(own)
    members |= {"accepted_at": stored.accepted_at, "region": stored.region}
    if stored.erased_at:
        return members | {"status": "erased", "at": stored.erased_at}
    # Not those of another event with this source and id.
    own = [letter for letter in own if letter.digest == stored.digest]
    if proof:
        again = any(letter.state == "resolved" for letter in own)
        status: Status = "redriven" if again else "published"
        return members | {"status": status, "topic": proof.topic, "at": proof.published_at}
    if stored.region != here:
        where = f"{stored.region} has taken it: ask there for what became of it since."
        return members | {"status": "accepted", "detail": where}
    return members | _state(own)


def _state(letters: Sequence[LetterState]) -> dict[str, Any]:
    for states, status in _ORDER:
        found = [letter for letter in letters if letter.state in states]
        if found:
            last = max(found, key=lambda letter: letter.failed_at)
            return {"status": status, **_details(last, status)}
    return {"status": "accepted"}


def _details(letter: LetterState, status: Status) -> dict[str, Any]:
    if status == "redriven":
        # Of one that is stored by now, and on its way to its topic, there is none yet.
        topic = {"topic": letter.topic} if letter.topic and letter.stage == "publish" else {}
        return {**topic, "at": read_timestamp(letter.closed_at or letter.failed_at)}
    return {"stage": letter.stage, "code": letter.code, "since": letter.failed_at}


def _only(name: str, values: Sequence[str]) -> str:
    if len(values) != 1 or not values[0]:
        raise Refused(Kind.PARAMETER, f"Give {name} once, percent-encoded.")
    (value,) = values
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Refused(Kind.PARAMETER, f"{name} is no text in UTF-8.") from None
    return value
