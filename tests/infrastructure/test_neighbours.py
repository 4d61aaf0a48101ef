"""The other regions: each region looks at all others, and tells when one is lost."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from eventing.alarm_text import AlarmText
from functions.contract import Variable
from infrastructure.packaging import ROOT
from tests.infrastructure.synthesis import Json, Synthesis, Template

REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-2")


def _alarms(template: Template) -> dict[str, Json]:
    found = [alarm.properties for alarm in template.all("AWS::CloudWatch::Alarm")]
    return {
        alarm["AlarmName"]: alarm for alarm in found if alarm["AlarmName"].endswith("-unreachable")
    }


def _looked_at(template: Template) -> Mapping[str, str]:
    function = template.one("AWS::Lambda::Function", FunctionName="eventing-canary").properties
    urls: Mapping[str, str] = json.loads(
        function["Environment"]["Variables"].get(Variable.NEIGHBOURS, "{}")
    )
    return urls


@pytest.mark.parametrize("count", [1, 2, 3])
def test_each_region_looks_at_all_others(named: Mapping[int, Synthesis], count: int) -> None:
    for region in REGIONS[:count]:
        template = named[count].regional(region)
        others = set(REGIONS[:count]) - {region}

        assert _looked_at(template) == {
            other: f"https://{other}.events.example.com/health" for other in others
        }
        assert set(_alarms(template)) == {
            f"eventing-region-{other}-unreachable" for other in others
        }


def test_nobody_looks_where_regions_have_no_names(two_regions: Synthesis) -> None:
    assert not _looked_at(two_regions.regional())
    assert not _alarms(two_regions.regional())


def test_operators_are_told_by_a_region_that_is_there(named: Mapping[int, Synthesis]) -> None:
    (alarm,) = _alarms(named[2].regional("us-east-1")).values()
    text = AlarmText.read(alarm["AlarmDescription"])

    assert alarm["AlarmActions"] == ["eventing-notifier"]
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("LessThanThreshold", 1)
    assert (alarm["EvaluationPeriods"], alarm["Period"]) == (3, 60)
    # The canary's silence is an alarm of its own, and no news of another region.
    assert alarm["TreatMissingData"] == "ignore"
    assert {"Name": "region", "Value": "eu-west-1"} in alarm["Dimensions"]
    assert text
    assert text.headline == "The region eu-west-1 does not answer"
    assert text.runbook == "docs/runbook.md#region-unreachable"
    assert "\n## Region unreachable\n" in (ROOT / "docs" / "runbook.md").read_text()
    row = f"| `region-REGION-unreachable` | {text.headline.replace('eu-west-1', 'REGION')} |"
    assert row in (ROOT / "docs" / "mails.md").read_text()


def test_events_flow_here_meanwhile(named: Mapping[int, Synthesis]) -> None:
    composites = {
        alarm.properties["AlarmName"]: alarm.properties["AlarmRule"]
        for alarm in named[2].regional().all("AWS::CloudWatch::CompositeAlarm")
    }

    name = "eventing-region-eu-west-1-unreachable"
    assert name not in composites["eventing-unhealthy"]
    assert name in composites["eventing-any-alarm"]


def test_the_dashboard_shows_them(named: Mapping[int, Synthesis]) -> None:
    board = (
        named[3]
        .regional()
        .one("AWS::CloudWatch::Dashboard", DashboardName="eventing-operations-us-east-1")
    )
    widgets = json.loads(board.properties["DashboardBody"])["widgets"]
    (graph,) = (
        widget
        for widget in widgets
        if widget["properties"].get("title") == "Other regions whose gateway answers"
    )

    shown = [part for row in graph["properties"]["metrics"] for part in row]
    assert {"eu-west-1", "ap-southeast-2"} <= {part for part in shown if isinstance(part, str)}
    assert graph["x"] + graph["width"] == 24
