"""A plan: what it sums up, what its hash covers, what it costs, and how it says what has changed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from eventing.prices import PRICES
from eventing.redrive.actions import ACTIONS
from eventing.redrive.filter import Filter
from eventing.redrive.ledger import Row
from eventing.redrive.plan import Plan, Prospect, differences, make_plan, read_plan
from eventing.redrive.price import MEMORY_MB, price
from eventing.redrive.request import RedriveRequest
from eventing.redrive.withheld import Withheld
from tests.unit.letters import row

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
REQUEST = RedriveRequest(action="redrive", filter=Filter(publisher="acme-web"), reason="fixed")


def prospect(number: int, verdict: str = "ok", to: str | None = "orders", **m: Any) -> Prospect:
    return Prospect(row(number, **m), verdict, to)


def plan_of(*prospects: Prospect, request: RedriveRequest = REQUEST, judged_by: str = "c1") -> Plan:
    return make_plan(request, judged_by, prospects, NOW)


def test_it_sums_up_what_will_become_of_the_letters() -> None:
    soon = int(NOW.timestamp())
    plan = plan_of(
        *(prospect(n) for n in range(312)),
        *(prospect(n, "NO_ROUTE", None, fingerprint="f2") for n in range(400, 407)),
        *(prospect(n, "INVALID", None, publisher="other") for n in range(500, 502)),
        prospect(600, to="payments"),
        Prospect(row(601, step="route", topic=None, expires_at=soon + 1), "ok", "customers"),
        Prospect(
            row(602, stage="ingest", step="store", topic=None), "ok", None, stored_already=True
        ),
    )
    summary = plan.summary
    assert summary["letters"] == len(plan.letters) == 324
    assert summary["will_go_through"] == 315
    assert summary["will_fail"] == {"NO_ROUTE": 7, "INVALID": 2}
    assert summary["already_stored"] == 1
    assert summary["rerouted"] == {"orders -> payments": 1, "none -> customers": 1}
    assert summary["topics"] == {"orders": 312, "payments": 1, "customers": 1}
    assert summary["by_step"] == {"publish": 322, "route": 1, "store": 1}
    assert summary["by_publisher"] == {"acme-web": 322, "other": 2}
    assert summary["by_fingerprint"] == {"0123456789abcdef": 317, "f2": 7}
    assert 1 < summary["seconds"] < 3
    assert summary["dollars"] > 0
    assert summary["expire_before_it_is_done"] == 1
    assert summary["first_expires_at"] == "2026-11-24T10:00:01.000Z"


def test_a_plan_of_nothing() -> None:
    summary = plan_of().summary
    assert (summary["letters"], summary["first_expires_at"]) == (0, None)
    assert summary["seconds"] == 0


def test_it_is_read_as_it_was_written() -> None:
    plan = plan_of(prospect(1), prospect(2, "INVALID"))
    again = read_plan(plan.text())
    assert (again.hash, again.letters) == (plan.hash, plan.letters)
    assert (again.request, again.summary) == (plan.request, plan.summary)


def test_it_says_whose_letters_are_left_out_and_is_another_plan_for_it() -> None:
    plan = plan_of(prospect(1))
    withheld = Withheld({"globex": 2, "acme": 1})
    without = make_plan(REQUEST, "c1", [prospect(1)], NOW, withheld=withheld)

    assert without.letters == plan.letters
    assert without.hash != plan.hash
    assert read_plan(without.text()).hash == without.hash
    assert read_plan(without.text()).withheld == ["acme", "globex"]
    assert without.summary["withheld"] == 3
    assert without.summary["withheld_by_publisher"] == {"globex": 2, "acme": 1}
    assert without.summary["warnings"] == withheld.warnings()
    assert (plan.summary["withheld"], plan.summary["warnings"]) == (0, [])


def test_the_hash_covers_all_that_a_redrive_depends_on() -> None:
    plan = plan_of(prospect(1), prospect(2))
    others = [
        plan_of(prospect(1)),
        plan_of(prospect(1), prospect(3)),
        plan_of(prospect(1), prospect(2), prospect(3)),
        plan_of(prospect(1), prospect(2, version=2)),
        plan_of(prospect(1), prospect(2), judged_by="c2"),
        *(
            plan_of(prospect(1), prospect(2), request=replace(REQUEST, **change))
            for change in (
                {"stage": "publish"},
                {"action": "discard"},
                {"filter": Filter()},
                {"filter": Filter(publisher="acme-web", topic="orders")},
                {"limit": 2},
                {"rate_per_second": 1},
                {"canary": 0},
                {"abort_failure_percent": 100},
                {"max_episodes": 9},
                {"approval_above": 0},
                {"reason": "another"},
                {"started_by": "somebody else"},
            )
        ),
    ]
    assert len({plan.hash, *(other.hash for other in others)}) == len(others) + 1
    # Not the order in which the index gave the letters, nor what it was expected to take.
    assert plan.hash == replace(plan, letters=plan.letters[::-1], summary={}).hash


def test_nothing_has_changed() -> None:
    plan = plan_of(prospect(1), prospect(2))
    assert list(differences(plan, judged_by="c1", letters=plan.letters[::-1])) == []


def test_what_has_changed_is_said_in_words() -> None:
    keys = [row(number).key for number in range(20)]
    plan = plan_of(*(prospect(number) for number in range(10)))
    letters = [
        *((key, 1) for key in keys[2:9]),
        (keys[9], 2),
        *((key, 1) for key in keys[13:20]),
    ]
    assert list(differences(plan, judged_by="c2", letters=letters)) == [
        "the catalogue or the code changed (from c1 to c2)",
        f"7 letters were added: {', '.join(keys[13:18])} and 2 more",
        f"2 letters are gone: {keys[0]}, {keys[1]}",
        f"1 letter was changed: {keys[9]}",
    ]
    (gone,) = differences(plan, judged_by="c1", letters=plan.letters[1:])
    assert gone == f"1 letter is gone: {keys[0]}"


def test_a_publisher_that_was_suspended_since_is_named_where_its_letters_are_gone() -> None:
    plan = make_plan(REQUEST, "c1", [prospect(1), prospect(2)], NOW, withheld=Withheld({"acme": 1}))
    others = plan.letters[1:]
    gone, since = differences(plan, judged_by="c1", letters=others, withheld=["globex", "acme"])
    assert gone == f"1 letter is gone: {row(1).key}"
    assert since == "suspended since: globex"
    # Whoever was suspended and has no letter in the plan changes nothing.
    assert not [*differences(plan, judged_by="c1", letters=plan.letters, withheld=["globex"])]


def dollars(*rows: Row, seconds: float = 0) -> float:
    return price(rows, ACTIONS["redrive"], seconds=seconds)


OVERHEAD = 20 * PRICES["transition"]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], 0.0),
        # 10,000 letters of 1 KiB: twice 2 units and 3 of the indexes each, and a request for ten.
        (
            [row(size=1024)] * 10_000,
            100_000 * PRICES["write"] + (10_000 + 2_500) * PRICES["read"] + 1000 * PRICES["sns"],
        ),
        # Of 50 KiB: 51 units for each write, 13 for each read, and every 64 KiB is a request.
        (
            [row(size=51_200)] * 10_000,
            1_080_000 * PRICES["write"]
            + (130_000 + 2_500) * PRICES["read"]
            + 7_813 * PRICES["sns"],
        ),
        # What is stored is written once more, and not published by the redrive.
        (
            [row(size=1024, stage="ingest", step="store")] * 10_000,
            110_000 * PRICES["write"] + (10_000 + 2_500) * PRICES["read"],
        ),
        (
            [row(size=1024, stage="ingest", step="archive")] * 10_000,
            100_000 * PRICES["write"] + (10_000 + 2_500) * PRICES["read"] + 10_000 * PRICES["s3"],
        ),
    ],
)
def test_the_cost_is_that_of_the_calls(rows: list[Row], expected: float) -> None:
    assert dollars(*rows) == pytest.approx(expected + OVERHEAD, abs=1e-4)


def test_a_discard_is_one_change_of_each_letter_and_sends_nothing() -> None:
    rows = [row(size=1024, stage=stage, step=step)
            for stage, step in (("publish", "publish"), ("ingest", "store"), ("ingest", "archive"))
            for _ in range(10_000)]  # fmt: skip
    request = RedriveRequest(action="discard", rate_per_second=10_000, reason="tests")
    plan = make_plan(request, "c1", [Prospect(one, "ok", one.topic) for one in rows], NOW)
    time = dollars(seconds=plan.summary["seconds"])
    expected = 150_000 * PRICES["write"] + (30_000 + 7_500) * PRICES["read"] + time
    assert plan.summary["dollars"] == pytest.approx(expected, abs=2e-4)


def test_time_costs_too() -> None:
    hour = dollars(seconds=3600)
    transitions = (20 + 2 * 3600 / 50) * PRICES["transition"]
    assert hour == pytest.approx(
        3600 * MEMORY_MB / 1024 * PRICES["gb_second"] + transitions, abs=1e-4
    )
