"""Tells a publisher where it stands."""

from __future__ import annotations

from eventing.answer import Answer, refusal, reply
from eventing.catalogue import Catalogue
from eventing.cause import Cause, cause_of
from eventing.problem import Kind, Problem
from eventing.publishers.standing import standing
from functions.shared.clock import Clock
from functions.shared.registry import Registry

_UNKNOWN = Problem(Kind.NO_PUBLISHER, "The registry does not have you: ask the operators.")
_UNAVAILABLE = Problem(
    Kind.REGISTRY, "The registry can't be reached. Events are taken all the same."
)


class Standing:
    """Answers `GET me` from the registry's row of whoever asks."""

    def __init__(self, *, registry: Registry, catalogue: Catalogue, clock: Clock) -> None:
        self._registry = registry
        self._catalogue = catalogue
        self._clock = clock

    def __call__(self, name: str, *, request_id: str) -> tuple[Answer, Cause | None]:
        """The answer, and why the registry could not be asked."""
        try:
            found = self._registry.find(name).publisher
        except Exception as error:
            return refusal(_UNAVAILABLE, request_id=request_id), cause_of(error)
        if found is None:
            return refusal(_UNKNOWN, request_id=request_id), None
        told = standing(found, self._catalogue, self._clock.now())
        return reply(told, request_id=request_id), None
