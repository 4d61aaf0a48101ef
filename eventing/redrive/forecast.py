"""Forecasts of dead letters, by what is deployed now.

Triage, a plan and a redrive all ask here, so that a redrive does what its plan said.
"""

from __future__ import annotations

from typing import Protocol

from eventing.catalogue import SNS_BYTES, Catalogue
from eventing.cause import Cause, Code
from eventing.dead_letter import Step
from eventing.json_text import Document
from eventing.message import makes_message
from eventing.redrive.steps import STEPS, Deployed, Forecast

_NO_EVENT = Forecast(cause=Cause(Code.INVALID, "NoEvent", "the letter holds no event"))


class Letter(Protocol):
    """A dead letter, as it was sent or as it is on record."""

    @property
    def step(self) -> Step:
        """The step that it failed at."""

    @property
    def topic(self) -> str | None:
        """The topic that it was to go to."""

    @property
    def publisher(self) -> str:
        """Whose event it holds."""


class Forecaster:
    """Forecasts by one catalogue.

    `version` is another one when the catalogue or the code of `eventing` (by its digest) is: a forecast
    made before a deployment that fixed either says nothing about what is deployed now.
    """

    def __init__(self, catalogue: Catalogue, *, code_digest: str) -> None:
        self.catalogue = catalogue
        self.version = f"{catalogue.digest}-{code_digest}"
        self._deployed = Deployed(catalogue)

    def max_bytes(self, topic: str) -> int:
        """Of one call that publishes to this topic; of any topic that the catalogue does not know."""
        known = self.catalogue.topic(topic)
        return known.max_bytes if known else SNS_BYTES

    def needs_event(self, letter: Letter) -> bool:
        """True when the forecast depends on the event itself, and not on the letter's record alone."""
        return STEPS[letter.step].by_record(self._deployed, letter.topic) is None

    def forecast(self, letter: Letter, document: Document | None) -> Forecast:
        """The forecast; `document` (the event) may be None where `needs_event` says so."""
        rules = STEPS[letter.step]
        known = rules.by_record(self._deployed, letter.topic)
        if known:
            return known
        if document is None or not makes_message(document.value):
            return _NO_EVENT
        return rules.by_event(self._deployed, letter.publisher, document)
