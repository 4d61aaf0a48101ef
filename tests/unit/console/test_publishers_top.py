"""`eventing publishers top`: who sends how much, what is refused, and what it costs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from eventing.cost import Usage, dollars
from eventing.publishers.log_queries import events_by_publisher, sent_in
from tests.unit.console.cloud import NOW, Cloud, Refused
from tests.unit.console.given import Eventing, laptop


def row(publisher: str, requests: int, **sums: float) -> dict[str, str]:
    """As Logs Insights answers."""
    numbers = {
        "accepted_events": requests * 10,
        "rejected_events": 0,
        "bytes_sent": requests * 10_000,
        "used_requests": requests,
        "used_seconds": requests * 0.035,
        "used_objects": requests,
        "used_write_units": requests * 20,
        "used_publish_calls": requests,
        "used_batches": requests,
        **sums,
    }
    return {"publisher": publisher, **{name: f"{value:g}" for name, value in numbers.items()}}


SUMS, REFUSED = "used_requests", "as refused"


@pytest.fixture
def busy(cloud: Cloud) -> Cloud:
    """A cloud in which three publishers have sent something."""
    cloud.found = {
        SUMS: [
            row("acme-web", 1000, rejected_events=5, dead_letters=2),
            row("globex", 50_000, accepted_before=7),
            row("nobody-yet", 0),
        ],
        REFUSED: [
            {"publisher": "acme-web", "problem": "schema", "refused": "3"},
            {"publisher": "acme-web", "problem": "unknown-type", "refused": "2"},
        ],
    }
    return cloud


def test_the_dearest_publisher_comes_first(busy: Cloud, eventing: Eventing) -> None:
    ended = eventing("publishers", "top", "--json")

    assert ended.code == 0
    found = ended.document["publishers"]
    assert [one["publisher"] for one in found] == ["globex", "acme-web", "nobody-yet"]
    acme = found[1]
    assert acme["refused"] == {"schema": 3, "unknown-type": 2}
    assert (acme["requests"], acme["accepted"], acme["dead_letters"]) == (1000, 10_000, 2)
    assert acme["bytes"] == 10_000_000
    assert found[0]["accepted_before"] == 7
    usage = Usage(1000, 35, 1000, 20_000, 1000, 1000)
    # The table has a replica in two regions.
    assert acme["dollars"] == pytest.approx(dollars(usage, regions=2))
    whole = sum(one["dollars"] for one in found)
    assert ended.document["dollars"] == pytest.approx(whole, rel=0.01)


def test_a_table_for_people(busy: Cloud, eventing: Eventing) -> None:
    shown = eventing("publishers", "top", "--hours", "2").out

    for text in ("acme-web", "globex", "schema 3", "unknown-type 2", "98%", "in 2 hours"):
        assert text in shown


@pytest.mark.parametrize("hours", [1, 24, 744])
def test_the_time_that_is_asked_for(busy: Cloud, eventing: Eventing, hours: int) -> None:
    assert eventing("publishers", "top", "--hours", str(hours)).code == 0

    for query in busy.queries:
        assert query["logGroupName"] == "/aws/lambda/eventing-ingest"
        assert query["endTime"] == int(NOW.timestamp())
        assert query["startTime"] == int((NOW - timedelta(hours=hours)).timestamp())


@pytest.mark.parametrize("hours", ["0", "745", "-1", "x"])
def test_hours_that_are_none(cloud: Cloud, eventing: Eventing, hours: str) -> None:
    assert eventing("publishers", "top", "--hours", hours).code == 2
    assert cloud.queries == []


def test_nobody(cloud: Cloud, eventing: Eventing) -> None:
    cloud.found = {SUMS: [], REFUSED: []}

    assert "Nobody sent anything in the last 24 hours" in eventing("publishers", "top").out


def test_a_query_that_runs_is_waited_for_and_not_for_ever(busy: Cloud, eventing: Eventing) -> None:
    busy.looks_of_queries = 5
    assert eventing("publishers", "top").code == 0
    busy.calls.clear()
    busy.looks_of_queries = 10_000
    ended = eventing("publishers", "top")
    assert ended.code == 1
    assert "take fewer hours" in ended.err


@pytest.mark.parametrize("status", ["Failed", "Cancelled", "Timeout"])
def test_a_query_that_fails(busy: Cloud, eventing: Eventing, status: str) -> None:
    busy.query_status = status
    ended = eventing("publishers", "top")

    assert ended.code == 1
    assert f"ended as {status}" in ended.err


@pytest.mark.parametrize("operation", ["StartQuery", "GetQueryResults"])
def test_a_right_that_is_missing_is_named(busy: Cloud, eventing: Eventing, operation: str) -> None:
    def refuse(asked: str) -> None:
        if asked == operation:
            raise Refused("AccessDeniedException")

    busy.fault = refuse
    ended = eventing("publishers", "top")

    assert ended.code == 2
    assert f"logs:{operation} is missing" in ended.err


def test_the_emulator_has_no_such_queries(cloud: Cloud, eventing: Eventing) -> None:
    laptop(cloud)
    ended = eventing("publishers", "top")

    assert ended.code == 2
    assert "no Logs Insights" in ended.err


@pytest.mark.parametrize("found", [{}, {"publisher": "a", "used_seconds": ""}])
def test_a_sum_of_nothing_is_nothing(found: dict[str, Any]) -> None:
    assert sent_in(found).usage == Usage()


def test_the_dashboards_cost_is_the_models(busy: Cloud) -> None:
    """The expression of the dashboard, worked out as Logs Insights would."""
    (*_, stats, _) = events_by_publisher(regions=2)
    cost = stats.partition("as bytes_sent, ")[2].partition(" as ")[0]
    usage = Usage(1000, 35, 1000, 20_000, 1000, 1000)
    worked_out = sum(
        getattr(usage, term.partition("usage.")[2].partition(")")[0])
        * float(term.partition(" * ")[2])
        for term in cost.split(" + ")
    )

    assert worked_out == pytest.approx(dollars(usage, regions=2), rel=0.001)
