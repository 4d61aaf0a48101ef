"""What the validator and the router that are deployed now say of a dead letter.

A plan and a redrive both ask here, so that a redrive does what its plan said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eventing.catalogue import SNS_BYTES, Catalogue
from eventing.cause import Cause, Code, cause_of, clip
from eventing.dead_letter import Step
from eventing.ingestion import admit
from eventing.json_text import Document
from eventing.problem import Kind, Refused
from eventing.routing import ConditionFailed, NoRoute, Router
from eventing.schemas import Schemas

_CODES: Mapping[Kind, Code] = {
    Kind.UNKNOWN_TYPE: Code.NO_ROUTE,
    Kind.EVENT_TOO_LARGE: Code.TOO_LARGE,
}


@dataclass(frozen=True)
class Forecast:
    """Where a letter's event goes when it is taken up again, or why it cannot."""

    topic: str | None = None
    cause: Cause | None = None


class Judge:
    """Judges letters by one catalogue.

    `version` is another one when the catalogue or the code of `eventing` (by its digest) is: what was
    judged before a deployment that fixed either says nothing about what is deployed now.
    """

    def __init__(self, catalogue: Catalogue, *, code_digest: str) -> None:
        self.catalogue = catalogue
        self.version = f"{catalogue.digest}-{code_digest}"
        self._schemas = Schemas(catalogue)
        self._router = Router(catalogue)

    def max_bytes(self, topic: str) -> int:
        """Of one call that publishes to this topic; of any topic that the catalogue does not know."""
        known = self.catalogue.topic(topic)
        return known.max_bytes if known else SNS_BYTES

    def needs_event(self, step: Step, topic: str | None) -> bool:
        """Whether the forecast depends on the event itself, and not on the letter's record alone."""
        if step == "archive":
            return False
        return not (step == "publish" and topic and self.catalogue.topic(topic))

    def forecast(
        self, step: Step, *, topic: str | None, publisher: str, document: Document | None
    ) -> Forecast:
        """The forecast; `document` (the event) may be None where `needs_event` says so."""
        if not self.needs_event(step, topic):
            return Forecast(topic if step == "publish" else None)
        value: Any = document.value if document else None
        if not document or not _is_event(value):
            return Forecast(cause=Cause(Code.INVALID, "NoEvent", "the letter holds no event"))
        if step == "store":
            try:
                admit(document, publisher=publisher, schemas=self._schemas)
            except Refused as refused:
                kind = refused.problem.kind
                code = _CODES.get(kind, Code.INVALID)
                return Forecast(cause=Cause(code, "Refused", clip(f"{kind.title}: {kind.slug}")))
            return Forecast()
        try:
            return Forecast(self._router.route(value["type"], value))
        except (NoRoute, ConditionFailed) as error:
            return Forecast(cause=cause_of(error))


def _is_event(value: Any) -> bool:
    """Whether a message can be made of it: an item that ingestion did not write may be anything."""
    if not isinstance(value, dict):
        return False
    needed, subject = [value.get("type"), value.get("source")], value.get("subject") or ""
    return all(needed) and all(isinstance(text, str) for text in (*needed, subject))
