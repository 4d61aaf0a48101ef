"""The canary: what it is made of, what it may do, and that nothing of it is left when it is off."""

from __future__ import annotations

from pathlib import Path

import pytest

from eventing import canary
from functions.contract import Variable
from infrastructure.configuration import Configuration, ConfigurationError
from tests.infrastructure.synthesis import CONTEXT, Json, Template, synthesise


def _read(**context: Json) -> Configuration:
    return Configuration.read({**CONTEXT, **context}.get)


def test_it_is_on_unless_somebody_says_otherwise() -> None:
    assert _read().canary
    assert not _read(canary="false").canary


def test_its_topic_is_not_one_that_others_are_let_into() -> None:
    with pytest.raises(ConfigurationError, match="subscriber_accounts"):
        _read(subscriber_accounts={"canary": ["123456789012"]})


def test_it_has_a_key_a_usage_plan_and_a_topic_of_its_own(regional: Template) -> None:
    key = regional.one("AWS::ApiGateway::ApiKey", Name="eventing-canary")
    plan = regional.one("AWS::ApiGateway::UsagePlan", UsagePlanName="eventing-canary").properties
    function = regional.one("AWS::Lambda::Function", FunctionName="eventing-ingest").properties

    assert key.properties["Enabled"] is True
    assert plan["Throttle"] == {
        "RateLimit": canary.USAGE_PLAN.rate_per_second,
        "BurstLimit": canary.USAGE_PLAN.burst,
    }
    assert "Quota" not in plan
    assert function["Environment"]["Variables"][Variable.CANARY_KEY_ID] == "eventing-canary"
    assert regional.output("CanaryKeyId") == "eventing-canary"
    assert regional.output("CanaryTopicArn") == "eventing-topic-canary"
    assert (
        "sns:Publish",
        "eventing-topic-canary",
    ) in regional.statements("eventing-publish")
    assert regional.output("CanaryFunction") == "eventing-canary"


def test_the_function_may_read_its_own_key_and_its_own_queue_and_nothing_else(
    regional: Template,
) -> None:
    assert regional.statements("eventing-canary") == {
        ("apigateway:GET", "arn:aws:apigateway:us-east-1::/apikeys/eventing-canary"),
        ("sqs:ReceiveMessage", "eventing-canary"),
        ("sqs:DeleteMessage", "eventing-canary"),
        ("logs:CreateLogStream", "/aws/lambda/eventing-canary"),
        ("logs:PutLogEvents", "/aws/lambda/eventing-canary"),
        ("xray:PutTraceSegments", "*"),
        ("xray:PutTelemetryRecords", "*"),
    }


def test_the_functions_environment_has_the_keys_id_and_not_the_key(regional: Template) -> None:
    function = regional.one("AWS::Lambda::Function", FunctionName="eventing-canary").properties
    (stage,) = regional.all("AWS::ApiGateway::Stage")
    host = "eventing-api.execute-api.us-east-1.amazonaws.com"

    assert function["Environment"]["Variables"] == {
        Variable.SERVICE: "eventing",
        Variable.NAMESPACE: "Eventing",
        Variable.LOG_LEVEL: "INFO",
        Variable.CANARY: "on",
        Variable.API_URL: f"https://{host}/<{stage.id}>/",
        Variable.CANARY_KEY_ID: "eventing-canary",
        Variable.CANARY_QUEUE_URL: "eventing-canary",
    }
    # Over before the next one begins.
    assert function["Timeout"] == canary.MOST_SECONDS.total_seconds() < 60


def test_it_is_called_every_minute_and_late_calls_are_dropped(regional: Template) -> None:
    rule = regional.one("AWS::Events::Rule", Name="eventing-canary").properties
    (target,) = rule["Targets"]
    dropped = {"MaximumEventAgeInSeconds": 60, "MaximumRetryAttempts": 0}
    invoked = regional.one(
        "AWS::Lambda::EventInvokeConfig", FunctionName="eventing-canary"
    ).properties

    assert rule["ScheduleExpression"] == "rate(1 minute)"
    assert target["Arn"] == "eventing-canary"
    assert target["RetryPolicy"] == dropped
    assert {name: invoked[name] for name in dropped} == dropped


def test_its_queue_gets_its_own_events_of_its_own_topic_for_a_minute(regional: Template) -> None:
    queue = regional.one("AWS::SQS::Queue", QueueName="eventing-canary")
    (subscription,) = regional.all("AWS::SNS::Subscription")
    policy = regional.one("AWS::SQS::QueuePolicy", Queues=["eventing-canary"]).properties
    allowed = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]

    assert queue.properties["MessageRetentionPeriod"] == 60
    assert queue.properties["SqsManagedSseEnabled"] is True
    assert queue.body["DeletionPolicy"] == "Delete"
    assert subscription.properties["TopicArn"] == "eventing-topic-canary"
    assert subscription.properties["RawMessageDelivery"] is True
    # A load of such events, of another source, does not get here.
    assert subscription.properties["FilterPolicy"] == {"source": [canary.SOURCE]}
    (statement,) = allowed
    assert statement["Principal"] == {"Service": "sns.amazonaws.com"}
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": "eventing-topic-canary"}}


def test_off_leaves_nothing_of_it(tmp_path: Path) -> None:
    template = synthesise(tmp_path, macie="off", canary="false").regional()
    named = [
        str(value)
        for resource in template.body["Resources"].values()
        for name, value in resource.get("Properties", {}).items()
        if name.endswith("Name")
    ]

    assert not [id for id in template.body["Resources"] if "canary" in id.lower()]
    assert not [name for name in named if "canary" in name]
    assert not [key for key in template.body["Outputs"] if "Canary" in key]
    for function in template.all("AWS::Lambda::Function"):
        variables = function.properties.get("Environment", {}).get("Variables", {})
        assert Variable.CANARY not in variables
        assert Variable.CANARY_KEY_ID not in variables
