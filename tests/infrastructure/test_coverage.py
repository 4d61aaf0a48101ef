"""Coverage: what the coverage function writes sets off the alarm that it is about, and ends it."""

from __future__ import annotations

import pytest

from functions.contract import Metric
from tests.infrastructure.synthesis import Json, Synthesis, Template

HOUR = 3600


def _alarm(template: Template, metric: str) -> Json:
    (alarm,) = (
        alarm.properties
        for alarm in template.all("AWS::CloudWatch::Alarm")
        if alarm.properties.get("MetricName") == metric
    )
    return alarm


@pytest.mark.parametrize(
    ("metric", "well", "amiss", "name"),
    [
        (Metric.MACIE_OFF, 0, 1, "macie-off"),
        (Metric.MACIE_JOB_STOPPED, 0, 1, "macie-job-stopped"),
        (Metric.MACIE_RUN_ERRORS, 0, 1, "macie-run-errors"),
        (Metric.ARCHIVE_UNEXAMINED, 36 * HOUR, 36 * HOUR + 1, "macie-run-overdue"),
        (Metric.FINDINGS_UNSEEN, 0, 1, "findings-unseen"),
    ],
)
def test_an_alarm_for_each_thing_that_can_be_amiss(
    metric: str, well: float, amiss: float, name: str, regional: Template
) -> None:
    """One look that finds it amiss begins the alarm, and one that finds all well ends it."""
    alarm = _alarm(regional, metric)

    assert alarm["AlarmName"] == f"eventing-{name}"
    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
    assert well <= alarm["Threshold"] < amiss
    # A look an hour; of two, the second after something was put right, the better counts.
    assert (alarm["Period"], alarm["Statistic"]) == (HOUR, "Minimum")
    assert (alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (1, 1)
    assert alarm["AlarmActions"] == ["eventing-notifier"]
    assert f"docs/runbook.md#{name}" in alarm["AlarmDescription"]


def test_who_does_not_look_is_noticed(regional: Template) -> None:
    rule = regional.one("AWS::Events::Rule", Name="eventing-coverage").properties

    assert rule["ScheduleExpression"] == "rate(1 hour)"
    assert [target["Arn"] for target in rule["Targets"]] == ["eventing-coverage"]
    assert _alarm(regional, Metric.MACIE_OFF)["InsufficientDataActions"] == ["eventing-notifier"]


def test_a_switch_leaves_it_out(without_macie: Synthesis) -> None:
    names = {
        f.properties["FunctionName"]
        for f in without_macie.regional().all("AWS::Lambda::Function")
        if "FunctionName" in f.properties
    }
    assert "eventing-publish" in names
    assert "eventing-coverage" not in names
