"""The canary: what it is made of, what it may do, and that nothing of it is left when it is off."""

from __future__ import annotations

import json

import pytest

from eventing import canary
from functions.contract import Variable
from infrastructure.configuration import Configuration, ConfigurationError
from tests.infrastructure.synthesis import CONTEXT, Json, Template


def _read(**context: Json) -> Configuration:
    return Configuration.read({**CONTEXT, **context}.get)


def test_it_is_on_unless_somebody_says_otherwise() -> None:
    assert _read().canary
    assert not _read(canary="false").canary


def test_it_sends_beside_the_publishers_and_is_none_of_them() -> None:
    names = [publisher.name for publisher in _read().publishers]

    assert [sender.name for sender in _read().senders] == [*names, canary.PUBLISHER]
    assert [sender.name for sender in _read(canary=False).senders] == names
    assert canary.PUBLISHER not in names


@pytest.mark.parametrize("on", [True, False])
def test_no_publisher_takes_its_name(on: bool) -> None:
    publishers = {"canary": {"usage_plan": "standard"}}
    with pytest.raises(ConfigurationError) as raised:
        _read(publishers=publishers, canary=on)
    assert str(raised.value) == (
        "configuration: publishers: 'canary' is the canary's name, which each deployment has of its own"
    )


def test_its_topic_is_not_one_that_others_are_let_into() -> None:
    with pytest.raises(ConfigurationError, match="subscriber_accounts"):
        _read(subscriber_accounts={"canary": ["123456789012"]})


def test_it_has_a_key_a_usage_plan_and_a_topic_of_its_own(regional: Template) -> None:
    key = regional.one("AWS::ApiGateway::ApiKey", Name="eventing-canary")
    plan = regional.one("AWS::ApiGateway::UsagePlan", UsagePlanName="eventing-canary").properties
    function = regional.one("AWS::Lambda::Function", FunctionName="eventing-ingest").properties
    publishers = json.loads(function["Environment"]["Variables"][Variable.PUBLISHERS])

    assert key.properties["Enabled"] is True
    assert plan["Throttle"] == {
        "RateLimit": canary.USAGE_PLAN.rate_per_second,
        "BurstLimit": canary.USAGE_PLAN.burst,
    }
    assert "Quota" not in plan
    assert publishers["eventing-canary"] == canary.PUBLISHER
    assert regional.output("CanaryKeyId") == "eventing-canary"
    assert regional.output("CanaryTopicArn") == "eventing-topic-canary"
    assert (
        "sns:Publish",
        "eventing-topic-canary",
    ) in regional.statements("eventing-publish")
