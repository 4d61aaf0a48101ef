"""Requests about publishers, and what each makes of one: every fault is named, and nothing is done twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from eventing.catalogue import Quota, UsagePlan
from eventing.input import InvalidInput
from eventing.publishers.changes import Change, concluded, due, to_warn_of, warned_of
from eventing.publishers.registry import Key, Publisher
from eventing.publishers.request import ACTIONS, read_request
from eventing.publishers.steps import Found, FoundKey, FoundPlan, Step, next_step, rates_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
AT = "2026-03-01T12:00:00.000Z"
PLANS = {"standard": UsagePlan(50, 100), "trial": UsagePlan(5, 10, None, 20, 1_000)}
BY = {"started_by": "dana", "reason": "as agreed"}
KEY = Key(number=1, created_at=AT)
ACME = Publisher(
    name="acme-web",
    contact="ops@acme.example",
    usage_plan="standard",
    limits=PLANS["standard"],
    changed_by="dana",
    changed_at=AT,
    registered_at=AT,
    keys=(KEY,),
)
TWO = replace(ACME, keys=(KEY, replace(KEY, number=2)))


def changed(found: Publisher | None, action: str, **members: Any) -> Publisher:
    request = read_request({"action": action, "name": "acme-web", **BY, **members})
    return Change(request, PLANS, NOW, 550).of(found)


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({}, "action: is required"),
        ({"action": "publish"}, "action: must be one of register, update"),
        ({"action": "show"}, "name: is required to show"),
        ({"action": "show", "name": "Acme"}, "name: 'Acme' is no name"),
        ({"action": "show", "name": "a", "color": 1}, "color: there is no such field"),
        ({"action": "show", "name": "a", "key": 1}, "key: is of no use to show"),
        ({"action": "list", "name": "a"}, "name: is of no use to list"),
        ({"action": "rotate", "name": "a"}, "started_by: must say who asks"),
        ({"action": "rotate", "name": "a", "started_by": "NAME"}, "started_by: must say who"),
        ({"action": "suspend", "name": "a", **BY, "reason": "WHY"}, "reason: must say why"),
        (
            {"action": "suspend", "name": "a", **BY, "reason": "a\nb"},
            "reason: must be a single line",
        ),
        ({"action": "register", "name": "a", **BY}, "contact: is required"),
        ({"action": "throttle", "name": "a", **BY}, "limits: is required"),
        ({"action": "throttle", "name": "a", **BY, "limits": {}}, "limits.rate_per_second"),
        (
            {"action": "throttle", "name": "a", **BY, "limits": {"rate_per_second": 0}},
            "limits: rate_per_second: must be a number above 0",
        ),
        (
            {"action": "update", "name": "a", **BY, "limits": {"rate_per_second": 1, "speed": 2}},
            "limits: speed: there is no such field",
        ),
        (
            {
                "action": "update",
                "name": "a",
                **BY,
                "limits": {"rate_per_second": 1, "quota": {"limit": 1}},
            },
            "limits: quota: period: is required",
        ),
        (
            {
                "action": "update",
                "name": "a",
                **BY,
                "usage_plan": "trial",
                "limits": {"rate_per_second": 1},
            },
            "usage_plan: contradicts the limits",
        ),
        ({"action": "update", "name": "a", **BY, "types": ["a*b"]}, "types: has an entry"),
        ({"action": "update", "name": "a", **BY, "types": ["a"] * 51}, "at most 50"),
        ({"action": "retire-key", "name": "a", **BY, "key": 0}, "key: must be a whole number"),
        ({"action": "rotate", "name": "a", **BY, "retire_at": "soon"}, "retire_at: must be a time"),
    ],
)
def test_every_fault_is_named(members: Mapping[str, Any], why: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_request(members)

    assert why in str(refused.value)


def test_a_burst_is_a_seconds_requests_unless_it_is_said() -> None:
    limits = {"rate_per_second": 0.5}
    assert changed(ACME, "throttle", limits=limits).in_force == UsagePlan(0.5, 1)
    limits = {"rate_per_second": 7.2}
    assert changed(ACME, "update", limits=limits).limits == UsagePlan(7.2, 8)
    quota = {"limit": 9, "period": "DAY"}
    found = changed(ACME, "update", limits={"rate_per_second": 1, "burst": 5, "quota": quota})
    assert (found.limits, found.usage_plan) == (UsagePlan(1, 5, Quota(9, "DAY")), None)


# What to ask of which publisher, for each action that changes one.
ASKED: Mapping[str, tuple[Publisher | None, dict[str, Any]]] = {
    "register": (None, {"contact": "a@b.example", "usage_plan": "trial", "types": ["a.*"]}),
    "update": (ACME, {"usage_plan": "trial", "types": []}),
    "rotate": (ACME, {}),
    "retire-key": (TWO, {}),
    "suspend": (ACME, {}),
    "resume": (replace(ACME, status="suspended"), {}),
    "throttle": (ACME, {"limits": {"rate_per_second": 1}}),
    "restore": (replace(ACME, throttle=PLANS["trial"]), {}),
    "revoke": (TWO, {}),
}


@pytest.mark.parametrize("action", [action for action, rules in ACTIONS.items() if rules.changes])
def test_asked_a_second_time_it_changes_nothing(action: str) -> None:
    found, members = ASKED[action]

    once = changed(found, action, **members)

    assert once != found
    assert changed(once, action, **members) == once


def test_a_plan_is_that_of_the_catalogue_as_it_is_by_now() -> None:
    outdated = replace(ACME, limits=UsagePlan(1, 1))
    assert changed(outdated, "update").limits == PLANS["standard"]
    # A plan that is gone stays what it was.
    gone = replace(outdated, usage_plan="gone")
    assert changed(gone, "update").limits == UsagePlan(1, 1)
    with pytest.raises(InvalidInput, match="the catalogue has no 'gone', only standard, trial"):
        changed(ACME, "update", usage_plan="gone")


def test_nobody_gets_the_canarys_name() -> None:
    with pytest.raises(InvalidInput, match="the canary's name"):
        read_request({**BY, "action": "register", "name": "canary", "contact": "a"})


def test_all_types_are_allowed_again() -> None:
    restricted = changed(ACME, "update", types=["a.*", "a.*", "b"])
    assert restricted.types == ("a.*", "b")
    assert changed(restricted, "update").types == ("a.*", "b")
    assert changed(restricted, "update", types=["*"]).types is None
    assert changed(restricted, "update", types=[]).types == ()


def test_a_name_that_is_taken_is_not_given_again() -> None:
    given = {"contact": "ops@acme.example", "usage_plan": "standard"}
    assert changed(ACME, "register", **given) is ACME
    with pytest.raises(InvalidInput, match="registered already, otherwise: update it"):
        changed(ACME, "register", **{**given, "usage_plan": "trial"})
    with pytest.raises(InvalidInput, match="either this or limits"):
        changed(None, "register", contact="a")
    # While a key of it may be there, not even after its date.
    revoked = replace(changed(ACME, "revoke"), name_free_at="2026-02-01T00:00:00.000Z")
    with pytest.raises(InvalidInput, match="is being revoked"):
        changed(revoked, "register", **given)
    gone = concluded(revoked, {}, gone=True)
    assert changed(gone, "register", **given).status == "active"


def test_which_key_is_retired() -> None:
    assert [key.state for key in changed(TWO, "retire-key").keys] == ["retiring", "live"]
    assert [key.state for key in changed(TWO, "retire-key", key=2).keys] == ["live", "retiring"]
    with pytest.raises(InvalidInput, match="has no key 3"):
        changed(TWO, "retire-key", key=3)
    with pytest.raises(InvalidInput, match="has one alone: rotate it first"):
        changed(ACME, "retire-key")
    with pytest.raises(InvalidInput, match="1 is all that acme-web has"):
        changed(ACME, "retire-key", key=1)


def test_a_rotation_gives_the_older_key_a_date() -> None:
    first, second = changed(ACME, "rotate").keys
    assert (first.expires_at, second.expires_at) == ("2026-03-31T12:00:00.000Z", None)
    sooner = changed(changed(ACME, "rotate"), "rotate", retire_at="2026-03-03T00:00:00Z")
    assert [key.expires_at for key in sooner.keys] == ["2026-03-03T00:00:00.000Z", None]
    with pytest.raises(InvalidInput, match="has to be in the future"):
        changed(ACME, "rotate", retire_at="2026-03-01T12:00:00Z")


@pytest.mark.parametrize(
    ("date", "warned", "retired"),
    [
        ("2026-03-08T12:00:00.001Z", 0, 0),
        ("2026-03-08T12:00:00.000Z", 1, 0),
        ("2026-03-01T12:00:00.001Z", 1, 0),
        ("2026-03-01T12:00:00.000Z", 0, 1),
        ("2026-02-01T12:00:00.000Z", 0, 1),
    ],
)
def test_dates_of_keys(date: str, warned: int, retired: int) -> None:
    publisher = replace(TWO, keys=(replace(KEY, expires_at=date), replace(KEY, number=2)))

    soon = to_warn_of(publisher, NOW)

    assert (len(soon), len(due(publisher, NOW))) == (warned, retired)
    assert to_warn_of(warned_of(publisher, soon), NOW) == []
    # The last key that is left has no date, and nobody who is revoked has any.
    assert due(replace(publisher, keys=publisher.keys[:1]), NOW) == []
    assert due(replace(publisher, status="revoked"), NOW) == []


def test_what_is_found_is_put_on_record() -> None:
    retiring = replace(TWO, keys=(replace(KEY, state="retiring"), replace(KEY, number=2)))
    ids = {"here": {2: "b"}, "there": {2: "c"}}

    assert [key.state for key in concluded(retiring, ids, gone=False).keys] == ["retiring", "live"]
    found = concluded(retiring, ids, gone=True)
    assert [key.state for key in found.keys] == ["retired", "live"]
    assert found.keys[1].ids == {"here": "b", "there": "c"}
    assert concluded(found, {"here": {2: "d"}}, gone=True).keys[1].ids == {
        "here": "d",
        "there": "c",
    }


def test_the_last_few_retired_keys_stay_on_record() -> None:
    keys = tuple(replace(KEY, number=n, state="retired") for n in range(1, 15))
    many = replace(ACME, keys=(*keys, replace(KEY, number=15)))

    assert [key.number for key in concluded(many, {}, gone=True).keys] == list(range(5, 16))


RATES = rates_of(ACME)
PLAN = FoundPlan("plan", RATES, serves=True, key_ids=frozenset({"key"}))
THERE = Found(PLAN, {1: FoundKey("key", enabled=True)})


@pytest.mark.parametrize(
    ("publisher", "found", "step"),
    [
        (ACME, THERE, None),
        (ACME, Found(), Step("CreateUsagePlan")),
        (ACME, Found(PLAN), Step("CreateApiKey", key=1)),
        (
            ACME,
            replace(THERE, plan=replace(PLAN, key_ids=frozenset())),
            Step("CreateUsagePlanKey", "key", 1),
        ),
        (ACME, replace(THERE, plan=replace(PLAN, serves=False)), Step("UpdateUsagePlan", "plan")),
        (replace(ACME, throttle=PLANS["trial"]), THERE, Step("UpdateUsagePlan", "plan")),
        (replace(ACME, status="suspended"), THERE, Step("UpdateApiKey", "key", 1)),
        # Whoever is to be kept out is, before anything else is put right.
        (
            replace(ACME, status="suspended", throttle=PLANS["trial"]),
            THERE,
            Step("UpdateApiKey", "key", 1),
        ),
        (replace(ACME, keys=()), THERE, Step("DeleteApiKey", "key", 1)),
        (replace(ACME, status="revoked", keys=()), THERE, Step("DeleteApiKey", "key", 1)),
        (
            replace(ACME, status="revoked", keys=()),
            Found(PLAN),
            Step("UpdateUsagePlan", "plan", serves=False),
        ),
        (
            replace(ACME, status="revoked", keys=()),
            Found(replace(PLAN, serves=False)),
            Step("DeleteUsagePlan", "plan"),
        ),
        (replace(ACME, status="revoked", keys=()), Found(), None),
        (ACME, replace(THERE, spare_keys=("more",)), Step("DeleteApiKey", "more")),
        (
            ACME,
            replace(THERE, spare_plans=(replace(PLAN, id="more"),)),
            Step("UpdateUsagePlan", "more", serves=False),
        ),
    ],
)
def test_the_step_that_comes_next(publisher: Publisher, found: Found, step: Step | None) -> None:
    assert next_step(publisher, found) == step
