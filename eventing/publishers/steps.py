"""What is to be done in API Gateway, one step after another, so that a region agrees with the registry.

Steps are found by looking at what is there: whoever dies after one of them, the next look finds the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from eventing.catalogue import Quota
from eventing.publishers.registry import Publisher

Operation = Literal[
    "CreateUsagePlan",
    "UpdateUsagePlan",
    "DeleteUsagePlan",
    "CreateApiKey",
    "UpdateApiKey",
    "DeleteApiKey",
    "CreateUsagePlanKey",
]


@dataclass(frozen=True)
class Rates:
    """What API Gateway itself enforces: the part of a `UsagePlan` that it knows."""

    per_second: float
    burst: int
    quota: Quota | None = None


@dataclass(frozen=True)
class FoundPlan:
    """A usage plan as API Gateway has it."""

    id: str
    rates: Rates
    serves: bool
    """It is of the stage of this region's API."""
    key_ids: frozenset[str] = frozenset()


@dataclass(frozen=True)
class FoundKey:
    """An API key as API Gateway has it."""

    id: str
    enabled: bool


@dataclass(frozen=True)
class Found:
    """All that API Gateway has of a publisher in one region."""

    plan: FoundPlan | None = None
    keys: Mapping[int, FoundKey] = field(default_factory=dict)
    """By number."""
    spare_plans: tuple[FoundPlan, ...] = ()
    """More of the same name: a call was made twice, or its answer was lost."""
    spare_keys: tuple[str, ...] = ()
    """Ids of more keys with a number that another has."""

    @property
    def ids(self) -> dict[int, str]:
        """The keys' ids by number."""
        return {number: key.id for number, key in self.keys.items()}


@dataclass(frozen=True)
class Step:
    """One call that changes something."""

    operation: Operation
    id: str = ""
    """Of the plan or key that is there already."""
    key: int | None = None
    """The number of a key."""
    serves: bool = True
    """Of a plan: whether it is to be of the stage."""


def rates_of(publisher: Publisher) -> Rates:
    """What API Gateway is to enforce of this publisher's limits."""
    limits = publisher.in_force
    return Rates(limits.rate_per_second, limits.burst, limits.quota)


def next_step(publisher: Publisher, found: Found) -> Step | None:
    """The first thing that is not as the registry has it; None when all is.

    What keeps somebody out comes first.
    """
    closing = _of_keys_there(publisher, found)
    if closing or publisher.status == "revoked":
        return closing or _gone(found.plan) or _without_spares(found)
    return _missing(publisher, found) or _without_spares(found)


def _of_keys_there(publisher: Publisher, found: Found) -> Step | None:
    enabled = publisher.status == "active"
    live = {key.number for key in publisher.live_keys}
    for number, key in found.keys.items():
        if number not in live:
            return Step("DeleteApiKey", key.id, number)
        if key.enabled is not enabled:
            return Step("UpdateApiKey", key.id, number)
    return None


def _missing(publisher: Publisher, found: Found) -> Step | None:
    plan = found.plan
    if plan is None:
        return Step("CreateUsagePlan")
    if plan.rates != rates_of(publisher) or not plan.serves:
        return Step("UpdateUsagePlan", plan.id)
    for key in publisher.live_keys:
        there = found.keys.get(key.number)
        if there is None:
            return Step("CreateApiKey", key=key.number)
        if there.id not in plan.key_ids:
            return Step("CreateUsagePlanKey", there.id, key.number)
    return None


def _without_spares(found: Found) -> Step | None:
    for id in found.spare_keys:
        return Step("DeleteApiKey", id)
    return next(filter(None, map(_gone, found.spare_plans)), None)


def _gone(plan: FoundPlan | None) -> Step | None:
    """The step towards a plan's end: one that is of a stage can't be deleted."""
    if plan is None:
        return None
    if plan.serves:
        return Step("UpdateUsagePlan", plan.id, serves=False)
    return Step("DeleteUsagePlan", plan.id)
