"""`eventing verify` before it begins; the end-to-end tests have all that it does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.console.cloud import Cloud, alarm, item
from tests.unit.console.given import Eventing


def test_it_refuses_while_an_alarm_on_the_flow_is_on(cloud: Cloud, eventing: Eventing) -> None:
    cloud.alarms.append(alarm("ingestion-unavailable"))

    told = eventing("verify")

    assert told.code == 1
    assert "There is an incident: ingestion-unavailable." in told.err
    assert set(cloud.count()) <= {"DescribeStacks", "DescribeAlarms", "Query"}


def test_it_refuses_while_a_letter_is_open(cloud: Cloud, eventing: Eventing) -> None:
    cloud.items.append(item(1))

    assert "1 open letter (ACCESS_DENIED)" in eventing("verify").err


@pytest.mark.parametrize("name", ["publish-dead-letters", "attention"])
def test_what_is_no_incident_keeps_it_from_nothing(
    cloud: Cloud, eventing: Eventing, name: str
) -> None:
    """An alarm on letters that are gone is late by two minutes; one for a person stops no event."""
    cloud.alarms.append(alarm(name))

    assert "There is an incident" not in eventing("verify").err


@pytest.mark.parametrize(
    "load", [("0", "1"), ("501", "1"), ("1", "0"), ("1", "3601"), ("fast", "1")]
)
def test_a_load_that_is_none(eventing: Eventing, load: tuple[str, str]) -> None:
    assert eventing("verify", "--load", *load).code == 2


def test_a_report_that_can_not_be_written(eventing: Eventing, tmp_path: Path) -> None:
    told = eventing("verify", "--report", str(tmp_path / "none" / "report.txt"))

    assert told.code == 2
    assert "can't be written" in told.err


def test_without_a_canary_nothing_walks(cloud: Cloud, eventing: Eventing) -> None:
    """And a call that AWS refuses is a failed check that says so, not the end of all others."""
    told = eventing("verify", "--json")

    assert told.code == 1
    assert not told.document["ok"]
    assert told.document["checks"][-1]["name"] == "walk"
    assert "has no canary" in told.document["checks"][-1]["detail"]
    refused = {check["name"]: check["detail"] for check in told.document["checks"]}
    assert (
        refused["quota: Lambda"]
        == "The right lambda:GetAccountSettings is missing: ask whoever gives you yours for it."
    )
    assert "SendMessage" not in cloud.count()
