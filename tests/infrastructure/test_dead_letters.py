"""The dead-letter queues and their alarms."""

from __future__ import annotations

import pytest

from infrastructure.constructs.dead_letters import REDRIVE_PAGE
from tests.infrastructure.synthesis import Resource, Template

STAGES = ("ingest", "publish")


def _alarm(template: Template, name: str) -> Resource:
    return template.one("AWS::CloudWatch::Alarm", AlarmName=name)


@pytest.mark.parametrize("stage", STAGES)
def test_a_dead_letter_is_kept_as_long_as_sqs_can(regional: Template, stage: str) -> None:
    queue = regional.one("AWS::SQS::Queue", QueueName=f"eventing-{stage}-dlq").properties

    assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600
    assert queue["SqsManagedSseEnabled"] is True
    # While a page is at work, nobody else receives what it received.
    assert queue["VisibilityTimeout"] > REDRIVE_PAGE.to_seconds()


@pytest.mark.parametrize("stage", STAGES)
def test_the_fast_alarm_counts_what_the_function_reports(regional: Template, stage: str) -> None:
    alarm = _alarm(regional, f"eventing-{stage}-dead-lettered").properties

    assert alarm["Namespace"] == "Eventing"
    assert alarm["MetricName"] == "DeadLettered"
    assert _dimensions(alarm) == {"service": "eventing", "stage": stage}
    assert alarm["Statistic"] == "Sum"
    _above_zero_within_a_minute(alarm)


@pytest.mark.parametrize("stage", STAGES)
def test_the_backstop_looks_at_the_queue_itself(regional: Template, stage: str) -> None:
    alarm = _alarm(regional, f"eventing-{stage}-dlq-messages").properties

    assert alarm["Namespace"] == "AWS/SQS"
    assert alarm["MetricName"] == "ApproximateNumberOfMessagesVisible"
    queue = regional.one("AWS::SQS::Queue", QueueName=f"eventing-{stage}-dlq")
    assert alarm["Dimensions"] == [
        {"Name": "QueueName", "Value": f"<eventing-{stage}-dlq.QueueName>"}
    ], queue.id
    assert alarm["Statistic"] == "Maximum"
    _above_zero_within_a_minute(alarm)


def _dimensions(alarm: dict[str, list[dict[str, str]]]) -> dict[str, str]:
    return {dimension["Name"]: dimension["Value"] for dimension in alarm["Dimensions"]}


def _above_zero_within_a_minute(alarm: dict[str, object]) -> None:
    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
    assert alarm["Threshold"] == 0
    assert alarm["Period"] == 60
    assert alarm["EvaluationPeriods"] == 1
    assert alarm["TreatMissingData"] == "notBreaching"


@pytest.mark.parametrize("stage", STAGES)
def test_one_incident_sends_one_message(regional: Template, stage: str) -> None:
    composite = regional.one(
        "AWS::CloudWatch::CompositeAlarm", AlarmName=f"eventing-{stage}-dead-letters"
    ).properties

    assert composite["AlarmActions"] == ["eventing-ops"]
    assert composite["AlarmRule"] == (
        f'(ALARM("eventing-{stage}-dead-lettered") OR ALARM("eventing-{stage}-dlq-messages"))'
    )
    assert "OKActions" not in composite
    for name in (f"eventing-{stage}-dead-lettered", f"eventing-{stage}-dlq-messages"):
        assert "AlarmActions" not in _alarm(regional, name).properties


def test_every_alarm_says_what_it_means(regional: Template) -> None:
    kinds = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
    alarms = [alarm.properties for kind in kinds for alarm in regional.all(kind)]

    assert alarms
    assert all(len(alarm["AlarmDescription"]) > 20 for alarm in alarms)
