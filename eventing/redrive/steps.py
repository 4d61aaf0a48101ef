"""The steps that dead letters still have to make: what each depends on, will lead to and costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from eventing.catalogue import Catalogue
from eventing.cause import Cause, Code, cause_of, clip
from eventing.dead_letter import Step
from eventing.ingestion import admit
from eventing.json_text import Document
from eventing.prices import PRICES, units
from eventing.problem import Kind, Refused
from eventing.redrive.ledger import GOES_THROUGH
from eventing.routing import NoRoute, Router
from eventing.schemas import Schemas

# What is called when a step is made; functions/redrive/dependencies.py has how it is called, and how it is
# looked at beforehand.
Dependency = Literal["event store", "archive", "topics"]

WRITE_BYTES = 1024  # of a write unit
_SNS_BYTES = 64 * 1024
_SNS_ENTRIES = 10

_CODES: Mapping[Kind, Code] = {
    Kind.UNKNOWN_TYPE: Code.NO_ROUTE,
    Kind.EVENT_TOO_LARGE: Code.TOO_LARGE,
}


@dataclass(frozen=True)
class Forecast:
    """The topic that a letter's event goes to when it is taken up again, or why it fails."""

    topic: str | None = None
    cause: Cause | None = None

    @property
    def verdict(self) -> str:
        """As the ledger has it: `ok`, or the code that the letter will fail with."""
        return self.cause.code.value if self.cause else GOES_THROUGH


class Deployed:
    """The catalogue, the validator and the router that are deployed now."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.schemas = Schemas(catalogue)
        self.router = Router(catalogue)


@dataclass(frozen=True)
class StepRules:
    """The rules of a step: what it depends on, and how it is forecast."""

    dependency: Dependency
    by_event: Callable[[Deployed, str, Document], Forecast]
    """The forecast for an event of this publisher."""
    by_record: Callable[[Deployed, str | None], Forecast | None] = lambda *_: None
    """The forecast from the letter's topic alone, or None where it takes the event."""


def _accept(deployed: Deployed, publisher: str, document: Document) -> Forecast:
    try:
        admit(document, publisher=publisher, schemas=deployed.schemas)
    except Refused as refused:
        kind = refused.problem.kind
        code = _CODES.get(kind, Code.INVALID)
        return Forecast(cause=Cause(code, "Refused", clip(f"{kind.title}: {kind.slug}")))
    return Forecast()


def _route(deployed: Deployed, _: str, document: Document) -> Forecast:
    value: Any = document.value
    try:
        return Forecast(deployed.router.route(value["type"], value))
    except NoRoute as error:
        return Forecast(cause=cause_of(error))


def _where_it_was_to_go(deployed: Deployed, topic: str | None) -> Forecast | None:
    # A topic that the catalogue does not know any more: the event is routed anew.
    return Forecast(topic) if topic and deployed.catalogue.topic(topic) else None


STEPS: Mapping[Step, StepRules] = {
    "store": StepRules("event store", _accept),
    # An object takes whatever there is.
    "archive": StepRules("archive", lambda *_: Forecast(), by_record=lambda *_: Forecast()),
    "route": StepRules("topics", _route),
    "publish": StepRules("topics", _route, by_record=_where_it_was_to_go),
}


def _stores(sizes: Sequence[int]) -> float:
    return sum(units(size, WRITE_BYTES) for size in sizes) * PRICES["write"]


def _publishes(sizes: Sequence[int]) -> float:
    requests = max(units(len(sizes), _SNS_ENTRIES), units(sum(sizes), _SNS_BYTES))
    return requests * PRICES["sns"]


CALLS: Mapping[Dependency, Callable[[Sequence[int]], float]] = {
    "event store": _stores,
    "archive": lambda sizes: len(sizes) * PRICES["s3"],
    "topics": _publishes,
}
"""What the calls of a dependency cost, in dollars, for events of these sizes in bytes."""


NOTHING = "nothing"
"""The name of what a letter needs that fails by the catalogue's rules, or that is closed."""


def needed(step: Step, topic: str | None) -> str:
    """The name of what this step calls: its dependency, and of topics the one that the event goes to."""
    dependency = STEPS[step].dependency
    return f"topic {topic}" if dependency == "topics" else dependency
