"""The dead-letter queues and their alarms."""

from __future__ import annotations

import pytest

from infrastructure.constructs.dead_letters import TRIAGE_TIMEOUT
from tests.infrastructure.synthesis import Resource, Template

STAGES = ("ingest", "publish")


def _alarm(template: Template, name: str) -> Resource:
    return template.one("AWS::CloudWatch::Alarm", AlarmName=name)


@pytest.mark.parametrize("stage", STAGES)
def test_a_dead_letter_is_kept_as_long_as_sqs_can(regional: Template, stage: str) -> None:
    queue = regional.one("AWS::SQS::Queue", QueueName=f"eventing-{stage}-dlq").properties

    assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600
    assert queue["SqsManagedSseEnabled"] is True
    # While triage is at work, nobody else receives what it received.
    assert queue["VisibilityTimeout"] > TRIAGE_TIMEOUT.to_seconds()


@pytest.mark.parametrize("stage", STAGES)
def test_accepted_events_do_not_go_with_the_stack(regional: Template, stage: str) -> None:
    """What is in a dead-letter queue was answered 202, and may be nowhere else.

    One that a first deployment made in vain goes with it, since its name would be in the way of the next
    (CloudFormation, "DeletionPolicy attribute", RetainExceptOnCreate).
    """
    queue = regional.one("AWS::SQS::Queue", QueueName=f"eventing-{stage}-dlq")

    assert queue.body["DeletionPolicy"] == "RetainExceptOnCreate"
    assert queue.body["UpdateReplacePolicy"] == "Retain"


@pytest.mark.parametrize("stage", STAGES)
def test_the_fast_alarm_counts_what_the_function_reports(regional: Template, stage: str) -> None:
    alarm = _alarm(regional, f"eventing-{stage}-dead-lettered").properties

    assert alarm["Namespace"] == "Eventing"
    assert alarm["MetricName"] == "DeadLettered"
    assert _dimensions(alarm) == {"service": "eventing", "stage": stage, "fault": "system"}
    assert alarm["Statistic"] == "Sum"
    _above_within_a_minute(alarm)


@pytest.mark.parametrize("stage", STAGES)
def test_the_backstop_looks_at_the_queue_itself(regional: Template, stage: str) -> None:
    alarm = _alarm(regional, f"eventing-{stage}-dlq-age").properties

    assert alarm["Namespace"] == "AWS/SQS"
    assert alarm["MetricName"] == "ApproximateAgeOfOldestMessage"
    queue = regional.one("AWS::SQS::Queue", QueueName=f"eventing-{stage}-dlq")
    assert alarm["Dimensions"] == [
        {"Name": "QueueName", "Value": f"<eventing-{stage}-dlq.QueueName>"}
    ], queue.id
    assert alarm["Statistic"] == "Maximum"
    # Longer than triage takes, which the counter starts every minute.
    _above_within_a_minute(alarm, 300)


@pytest.mark.parametrize("stage", STAGES)
def test_an_incident_lasts_until_no_letter_is_open(regional: Template, stage: str) -> None:
    alarm = _alarm(regional, f"eventing-{stage}-open-dead-letters").properties

    assert (alarm["Namespace"], alarm["MetricName"]) == ("Eventing", "OpenDeadLettersByFault")
    assert _dimensions(alarm) == {"service": "eventing", "stage": stage, "fault": "system"}
    assert alarm["Statistic"] == "Maximum"
    # The counter reports 0 as well. Without a report nobody knows, and the alarm stays what it is.
    _above_within_a_minute(alarm, missing="ignore")


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(
    ("name", "metric", "more"),
    [
        ("own-fault", "OpenDeadLettersByFault", {"fault": "event"}),
        ("parked", "ParkedDeadLetters", {}),
    ],
)
def test_what_waits_for_a_person_lasts_until_all_of_it_is_dealt_with(
    regional: Template, stage: str, name: str, metric: str, more: dict[str, str]
) -> None:
    alarm = _alarm(regional, f"eventing-{stage}-{name}-dead-letters").properties

    assert (alarm["Namespace"], alarm["MetricName"]) == ("Eventing", metric)
    assert _dimensions(alarm) == {"service": "eventing", "stage": stage, **more}
    assert alarm["Statistic"] == "Maximum"
    _above_within_a_minute(alarm, missing="ignore")


def _dimensions(alarm: dict[str, list[dict[str, str]]]) -> dict[str, str]:
    return {dimension["Name"]: dimension["Value"] for dimension in alarm["Dimensions"]}


def _above_within_a_minute(
    alarm: dict[str, object], threshold: float = 0, *, missing: str = "notBreaching"
) -> None:
    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
    assert alarm["Threshold"] == threshold
    assert alarm["Period"] == 60
    assert alarm["EvaluationPeriods"] == 1
    assert alarm["TreatMissingData"] == missing


def _composite(template: Template, stage: str) -> Resource:
    return template.one(
        "AWS::CloudWatch::CompositeAlarm", AlarmName=f"eventing-{stage}-dead-letters"
    )


@pytest.mark.parametrize("stage", STAGES)
def test_one_incident_sends_one_message(regional: Template, stage: str) -> None:
    composite = _composite(regional, stage).properties
    joined = ("dead-lettered", "dlq-age", "open-dead-letters")

    assert composite["AlarmActions"] == ["eventing-notifier"]
    alarms = " OR ".join(f'ALARM("eventing-{stage}-{name}")' for name in joined)
    assert composite["AlarmRule"] == f"({alarms})"
    assert "OKActions" not in composite
    for name in (*joined, "reported"):
        silent = _alarm(regional, f"eventing-{stage}-{name}").properties
        assert not {"AlarmActions", "OKActions", "InsufficientDataActions"} & silent.keys()


@pytest.mark.parametrize("stage", STAGES)
def test_the_alarm_leaves_the_message_to_triage_but_does_not_wait_for_ever(
    regional: Template, stage: str
) -> None:
    composite = _composite(regional, stage).properties
    suppressor = _alarm(regional, composite["ActionsSuppressor"]).properties

    assert composite["ActionsSuppressor"] == f"eventing-{stage}-reported"
    assert (suppressor["Namespace"], suppressor["MetricName"]) == ("Eventing", "IncidentReported")
    assert _dimensions(suppressor) == {"service": "eventing", "stage": stage}
    assert suppressor["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
    assert (suppressor["Statistic"], suppressor["Threshold"]) == ("Sum", 1)
    # The counter repeats it every minute while letters are open, and may miss one.
    assert (suppressor["EvaluationPeriods"], suppressor["DatapointsToAlarm"]) == (3, 1)
    assert suppressor["TreatMissingData"] == "notBreaching"
    # Triage broken, or broken half-way: operators are notified all the same.
    # EventBridge, triage and SNS take their time when many letters come at once.
    assert composite["ActionsSuppressorWaitPeriod"] == 300
    assert composite["ActionsSuppressorExtensionPeriod"] == 300


def test_every_alarm_says_what_it_means(regional: Template) -> None:
    kinds = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
    alarms = [alarm.properties for kind in kinds for alarm in regional.all(kind)]

    assert alarms
    assert all(len(alarm["AlarmDescription"]) > 20 for alarm in alarms)
