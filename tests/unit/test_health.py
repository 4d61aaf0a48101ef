"""What a run makes of failures of what its letters need."""

from __future__ import annotations

import json

import pytest

from eventing.cause import Cause, Code
from eventing.redrive.health import Health, read_health
from eventing.redrive.steps import NOTHING, needed

DENIED = Cause(Code.ACCESS_DENIED, "AuthorizationError", "no", "topic orders")
MISSING = Cause(Code.NOT_FOUND, "NotFound", "gone", "topic orders")
THROTTLED = Cause(Code.THROTTLED, "Throttled", "slow down", "topic orders")
TIMED_OUT = Cause(Code.TIMEOUT, "ReadTimeoutError", "", "topic orders")
UNAVAILABLE = Cause(Code.UNAVAILABLE, "InternalError", "", "topic orders")
REFUSED = Cause(Code.INVALID, "InvalidParameter", "an attribute", "topic orders")
ORDERS, PAYMENTS = "topic orders", "topic payments"


def state(health: Health, name: str = ORDERS) -> str:
    if name in health.down:
        return "down"
    return "doubted" if name in health.doubted else "works" if health.works(name) else "unknown"


@pytest.mark.parametrize(
    ("rounds", "becomes"),
    [
        ([[None]], "works"),
        ([[DENIED]], "down"),
        ([[MISSING]], "down"),
        ([[THROTTLED]], "doubted"),
        ([[TIMED_OUT]], "doubted"),
        ([[UNAVAILABLE]], "doubted"),
        ([[TIMED_OUT], [TIMED_OUT]], "down"),
        ([[TIMED_OUT], [THROTTLED]], "down"),
        ([[TIMED_OUT], [None]], "works"),
        ([[TIMED_OUT], [REFUSED], [TIMED_OUT]], "down"),
        ([[REFUSED]], "unknown"),
        ([[REFUSED], [REFUSED]], "unknown"),
        ([[REFUSED], [None]], "works"),
        # It works for others.
        ([[None], [None, DENIED]], "works"),
        ([[None], [THROTTLED, None, THROTTLED]], "works"),
        ([[None], [REFUSED, REFUSED]], "works"),
        # It did.
        ([[None], [DENIED, DENIED]], "down"),
        ([[None], [REFUSED, DENIED]], "down"),
        ([[None], [THROTTLED, THROTTLED]], "doubted"),
        ([[None], [THROTTLED, THROTTLED], [None], [THROTTLED]], "doubted"),
    ],
)
def test_a_dependency_by_how_its_letters_fare(
    rounds: list[list[Cause | None]], becomes: str
) -> None:
    health = Health()
    for causes in rounds:
        health.note(ORDERS, causes)
    assert state(health) == becomes
    assert state(health, PAYMENTS) == "unknown"
    again = read_health(json.loads(json.dumps(health.members())))
    assert state(again) == becomes
    for name in (ORDERS, PAYMENTS):
        there, was = again.down.get(name), health.down.get(name)
        assert (there and (there.code, there.resource)) == (was and (was.code, was.resource))


def test_nothing_is_known_in_the_beginning_and_what_needs_nothing_works() -> None:
    assert not read_health(None).works(ORDERS)
    assert read_health(None).works(NOTHING)


def test_each_topic_is_a_dependency_by_itself() -> None:
    assert needed("publish", "orders") == needed("route", "orders") == ORDERS
    assert needed("publish", "payments") == PAYMENTS
    assert needed("store", None) == "event store"
    assert needed("archive", None) == "archive"
