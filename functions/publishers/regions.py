"""Makes API Gateway agree with the registry, in all regions, as far as its limits let it in one turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from eventing.cause import Code, cause_of
from eventing.publishers.keys import ENTROPY_BYTES, key_value
from eventing.publishers.registry import Key, Publisher
from eventing.publishers.steps import Found, Step, next_step
from functions.shared.clock import Clock
from functions.shared.control_plane import ControlPlane
from functions.shared.turns import NotYet

Planes = Mapping[str, ControlPlane]
"""The control planes of all regions that have an API, the primary region's first."""

# Errors of a moment: somebody else was at it, or has just changed it. The next look finds out.
_PASSING = (Code.CONFLICT, Code.NOT_FOUND)
_PASSING_CLASSES = ("ConflictException",)


class NoValue(Exception):  # noqa: N818 - what was found
    """There is no way to the value of a key; `passing` when there may be one later."""

    def __init__(self, text: str, *, passing: bool) -> None:
        super().__init__(text)
        self.passing = passing


@dataclass(frozen=True)
class Failure:
    """Something that could not be done in a region, and why."""

    region: str
    step: str
    why: str
    passing: bool
    """It may go well a little later."""

    def members(self) -> dict[str, Any]:
        """As JSON."""
        return {"region": self.region, "step": self.step, "why": self.why}


@dataclass
class Round:
    """How far a round has come."""

    found: dict[str, Found | None] = field(default_factory=dict)
    """What is there, by region; None where nobody knows for sure."""
    failures: list[Failure] = field(default_factory=list)
    made: int = 0
    """Steps that were made."""
    places: dict[str, int] = field(default_factory=dict)
    """In queues at API Gateway, for steps whose turn is later."""
    more: bool = False
    """There was no time for all steps."""

    @property
    def done(self) -> bool:
        """Every region agrees with the registry."""
        return not (self.failures or self.more or self.places)

    def not_yet(self, not_yet: NotYet) -> None:
        """Keep the place of a step whose turn is later."""
        self.places[not_yet.queue] = not_yet.moment


class Regions:
    """All regions. `entropy` gives random bytes, for the values of keys."""

    def __init__(self, planes: Planes, *, entropy: Callable[[int], bytes], clock: Clock) -> None:
        self._planes = planes
        self._entropy = entropy
        self._clock = clock

    def look(self, publisher: Publisher) -> Round:
        """Look at what is there, and change nothing."""
        round = Round()
        for region, plane in self._planes.items():
            round.found[region] = None
            try:
                round.found[region] = plane.look(publisher)
            except NotYet as not_yet:
                round.not_yet(not_yet)
            except Exception as error:
                round.failures.append(_failure(region, "look", error))
        return round

    def agree(self, publisher: Publisher, *, until: float) -> Round:
        """Look, and make the steps that are missing, none of them begun after `until` (of `monotonic`)."""
        round = self.look(publisher)
        for region, plane in self._planes.items():
            self._agree(round, region, plane, publisher, until)
        return round

    def _agree(
        self, round: Round, region: str, plane: ControlPlane, publisher: Publisher, until: float
    ) -> None:
        while (found := round.found[region]) and (step := next_step(publisher, found)):
            if self._clock.monotonic() >= until:
                round.more = True
                return
            # Until its answer is there, nobody knows what has come of a call.
            round.found[region] = None
            try:
                value = self._value(round, region, publisher, step)
                round.found[region] = plane.make(step, publisher, found, value=value)
                round.made += 1
            except NotYet as not_yet:
                round.not_yet(not_yet)
            except Exception as error:
                round.failures.append(_failure(region, step.operation, error))

    def _value(self, round: Round, region: str, publisher: Publisher, step: Step) -> str:
        """The value of the key that a step makes; empty for any other step.

        It is that of the same key in another region. One that is in none yet is made in the first region,
        so that no two have another value.
        """
        if step.operation != "CreateApiKey":
            return ""
        key = next(key for key in publisher.keys if key.number == step.key)
        for other, there in round.found.items():
            if there and key.number in there.keys:
                return self._planes[other].value(there.keys[key.number].id)
        return self._new_value(region, publisher, key)

    def _new_value(self, region: str, publisher: Publisher, key: Key) -> str:
        first = next(iter(self._planes))
        if key.ids:
            raise NoValue(
                f"key {key.number} was there and is not found: where it was deleted, rotate, and retire it",
                passing=True,
            )
        if region != first:
            raise NoValue(f"key {key.number} is made in {first} first", passing=True)
        return key_value(publisher.name, self._entropy(ENTROPY_BYTES))


def _failure(region: str, step: str, error: Exception) -> Failure:
    if isinstance(error, NoValue):
        return Failure(region, step, str(error), error.passing)
    cause = cause_of(error)
    passing = cause.retryable or cause.code in _PASSING or cause.error_class in _PASSING_CLASSES
    # What API Gateway says of a key that it does not take might quote it.
    why = cause.error_class if step == "CreateApiKey" else f"{cause.error_class}: {cause.message}"
    return Failure(region, step, why, passing)
