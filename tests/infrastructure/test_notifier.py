"""The notifier: what may call it, what it may do, and who tells when it fails."""

from __future__ import annotations

import pytest

from functions.contract import Variable
from tests.infrastructure.synthesis import ACCOUNT, Json, Synthesis, Template

FUNCTION, TOPIC = "eventing-notifier", "eventing-ops"


def _permissions(template: Template) -> list[Json]:
    found = [permission.properties for permission in template.all("AWS::Lambda::Permission")]
    return [one for one in found if one["FunctionName"] == FUNCTION]


def test_it_may_tell_operators_and_read_what_alarms_say(regional: Template) -> None:
    function = regional.one("AWS::Lambda::Function", FunctionName=FUNCTION)
    statements = regional.role_statements(function.properties["Role"])

    assert {
        statement for statement in statements if not statement[0].startswith(("logs:", "xray:"))
    } == {
        ("sns:Publish", TOPIC),
        ("cloudwatch:DescribeAlarms", "*"),
    }


def test_the_alarms_and_rules_of_this_deployment_may_call_it_and_nobody_else(
    regional: Template,
) -> None:
    permissions = {one["Principal"]: one for one in _permissions(regional)}

    assert set(permissions) == {
        "lambda.alarms.cloudwatch.amazonaws.com",
        "events.amazonaws.com",
    }
    alarms = permissions["lambda.alarms.cloudwatch.amazonaws.com"]
    assert alarms["SourceAccount"] == ACCOUNT
    assert alarms["SourceArn"] == f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:eventing-*"
    rules = {one["SourceArn"] for one in _permissions(regional)} - {alarms["SourceArn"]}
    assert rules == {"eventing-well-again"}


def test_no_alarm_goes_off_before_it_may_call_it(regional: Template) -> None:
    (permission,) = (
        one.id
        for one in regional.all("AWS::Lambda::Permission")
        if one.properties["Principal"].startswith("lambda.alarms.")
    )
    calling = [
        alarm
        for type in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
        for alarm in regional.all(type)
        if FUNCTION in alarm.properties.get("AlarmActions", ())
    ]

    assert len(calling) > 10
    for alarm in calling:
        assert permission in alarm.body["DependsOn"], alarm.properties["AlarmName"]


def test_what_it_can_not_tell_reaches_operators_as_it_is_within_minutes(regional: Template) -> None:
    invoked = regional.one("AWS::Lambda::EventInvokeConfig", FunctionName=FUNCTION).properties

    assert invoked["DestinationConfig"] == {"OnFailure": {"Destination": TOPIC}}
    assert invoked["MaximumRetryAttempts"] == 1
    # As when the account's concurrency is used up, which is what an alarm may be about.
    assert invoked["MaximumEventAgeInSeconds"] <= 300


def test_that_it_fails_is_told_by_cloudwatch_itself(regional: Template) -> None:
    alarm = regional.one(
        "AWS::CloudWatch::CompositeAlarm", AlarmName=f"{FUNCTION}-impaired"
    ).properties
    parts = ("errors", "throttles", "duration", "undelivered")

    assert alarm["AlarmActions"] == [TOPIC]
    assert alarm["AlarmRule"] == "({})".format(
        " OR ".join(f'ALARM("{FUNCTION}-{p}")' for p in parts)
    )
    assert "ActionsSuppressor" not in alarm
    # With the topic's own policy, and none of the function's rights.
    (policy,) = (
        one.properties["PolicyDocument"]["Statement"]
        for one in regional.all("AWS::SNS::TopicPolicy")
        if one.properties["Topics"] == [TOPIC]
    )
    assert any(
        (one["Effect"], one["Principal"]) == ("Allow", {"Service": "cloudwatch.amazonaws.com"})
        for one in policy
    )


def test_nothing_but_the_notifier_and_its_own_alarm_sends_to_the_topic_in_another_form(
    regional: Template,
) -> None:
    rules = [
        target
        for rule in regional.all("AWS::Events::Rule")
        for target in rule.properties["Targets"]
    ]

    assert all(target["Arn"] != TOPIC for target in rules)
    alarms = [
        alarm.properties["AlarmName"]
        for type in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
        for alarm in regional.all(type)
        for actions in ("AlarmActions", "OKActions", "InsufficientDataActions")
        if TOPIC in alarm.properties.get(actions, ())
    ]
    assert alarms == [f"{FUNCTION}-impaired"]


@pytest.mark.parametrize("name", ["notifier", "redrive"])
def test_mails_link_to_the_region_and_commands_name_the_deployment(
    two_regions: Synthesis, laptop: Synthesis, name: str
) -> None:
    def variables(template: Template) -> Json:
        function = template.one("AWS::Lambda::Function", FunctionName=f"eventing-{name}")
        return function.properties["Environment"]["Variables"]

    there = variables(two_regions.regional("eu-west-1"))
    assert there[Variable.COMMAND_OPTIONS] == "--deployment eventing --region eu-west-1"
    assert there[Variable.DASHBOARD].startswith("https://eu-west-1.console.aws.amazon.com/")
    assert there[Variable.DASHBOARD].endswith("/eventing-operations-eu-west-1")
    here = variables(laptop.regional())
    assert (here[Variable.COMMAND_OPTIONS], here[Variable.DASHBOARD]) == ("", "")
