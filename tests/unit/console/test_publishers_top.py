"""`eventing publishers top`: who sends how much, what is refused, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from eventing.cost import Usage, dollars
from eventing.publishers.log_queries import events_by_publisher, sent_in
from tests.unit.console.cloud import NOW, PUBLISHER, REGION, Cloud, Refused, Run
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


SUMS, REFUSED, GATEWAY = "used_requests", "problems.0", "error_type"


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
        GATEWAY: [],
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
    usage = Usage(1000, 35, 1000, 0, 0, 20_000, 1000, 1000)
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

    logs = [query["logGroupName"] for query in busy.queries]
    assert logs == [*["/aws/lambda/eventing-ingest"] * 2, "/aws/apigateway/eventing-access"]
    for query in busy.queries:
        assert query["endTime"] == int(NOW.timestamp())
        assert query["startTime"] == int((NOW - timedelta(hours=hours)).timestamp())


@pytest.mark.parametrize("hours", ["0", "745", "-1", "x"])
def test_hours_that_are_none(cloud: Cloud, eventing: Eventing, hours: str) -> None:
    assert eventing("publishers", "top", "--hours", hours).code == 2
    assert cloud.queries == []


def turned_away(key_id: str, error_type: str, refused: int) -> dict[str, str]:
    """A row of the access log's answer."""
    return {"api_key_id": key_id, "error_type": error_type, "refused": str(refused)}


def test_what_the_gateway_refused_is_its_publishers(busy: Cloud, eventing: Eventing) -> None:
    busy.found[GATEWAY] = [
        turned_away("k1", "THROTTLED", 70),
        # The other key of the same publisher.
        turned_away("k2", "THROTTLED", 5),
        turned_away("k2", "REQUEST_TOO_LARGE", 2),
        turned_away("k9", "QUOTA_EXCEEDED", 4),
        turned_away("-", "INVALID_API_KEY", 30),
        turned_away("-", "WAF_FILTERED", 1),
        turned_away("k8", "THROTTLED", 3),
    ]
    quiet = {**PUBLISHER, "name": "quiet", "keys": [{"number": 1, "ids": {REGION: "k9"}}]}
    # In another region a key has another id.
    other = {**PUBLISHER, "name": "zeta", "keys": [{"number": 1, "ids": {"eu-west-1": "k8"}}]}

    def engine(cloud: Cloud, request: Mapping[str, Any]) -> Run:
        page = [PUBLISHER, other] if "after" not in request else [quiet]
        return Run(request, {"publishers": page, "after": None if "after" in request else "zeta"})

    busy.changing = engine
    document = eventing("publishers", "top", "--json").document
    found = {one["publisher"]: one for one in document["publishers"]}

    assert found["acme-web"]["refused_by_gateway"] == {"rate": 75, "body-too-large": 2}
    assert found["acme-web"]["refused"] == {"schema": 3, "unknown-type": 2}
    assert found["globex"]["refused_by_gateway"] == {}
    # One of whom nothing came through is there all the same.
    assert found["quiet"]["refused_by_gateway"] == {"quota": 4}
    assert (found["quiet"]["requests"], found["quiet"]["dollars"]) == (0, 0)
    assert document["unknown_keys"] == [
        {"key_id": None, "refused_by_gateway": {"no-key": 30, "WAF_FILTERED": 1}},
        {"key_id": "k8", "refused_by_gateway": {"rate": 3}},
    ]
    shown = eventing("publishers", "top").out
    for text in ("rate 75, body-too-large 2", "quota 4", "no valid key", "key k8"):
        assert text in shown


def test_the_registry_is_read_for_as_long_as_keys_are_unknown(
    busy: Cloud, eventing: Eventing
) -> None:
    busy.found[GATEWAY] = [turned_away("-", "INVALID_API_KEY", 30)]
    assert eventing("publishers", "top").code == 0
    assert busy.count()["StartExecution"] == 0

    busy.found[GATEWAY] = [turned_away("k1", "THROTTLED", 1)]
    busy.changing = lambda cloud, request: Run(
        request, {"publishers": [PUBLISHER], "after": "acme-web"}
    )
    assert eventing("publishers", "top").code == 0
    assert busy.count()["StartExecution"] == 1


def test_only_the_gateway_has_refused_something(cloud: Cloud, eventing: Eventing) -> None:
    cloud.found = {SUMS: [], REFUSED: [], GATEWAY: [turned_away("-", "INVALID_API_KEY", 30)]}

    shown = eventing("publishers", "top").out

    assert "no-key 30" in shown
    assert "Nobody sent anything" not in shown


def test_nobody(cloud: Cloud, eventing: Eventing) -> None:
    cloud.found = {SUMS: [], REFUSED: [], GATEWAY: []}

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
    usage = Usage(1000, 35, 1000, 0, 0, 20_000, 1000, 1000)
    worked_out = sum(
        getattr(usage, term.partition("usage.")[2].partition(")")[0])
        * float(term.partition(" * ")[2])
        for term in cost.split(" + ")
    )

    assert worked_out == pytest.approx(dollars(usage, regions=2), rel=0.001)
