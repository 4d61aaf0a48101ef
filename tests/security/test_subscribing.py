"""What an account that a topic is open to may subscribe, and what it may not, at its owner's cost."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.infrastructure.synthesis import Synthesis, synthesise
from tests.security.policies import Decisions

OPENED, OTHER, STRANGER = "111111111111", "222222222222", "333333333333"
ORDERS, PAYMENTS = "eventing-topic-orders", "eventing-topic-payments"
SAFE = {
    "sqs": f"arn:aws:sqs:eu-west-1:{OPENED}:orders",
    "lambda": f"arn:aws:lambda:us-east-1:{OPENED}:function:orders",
    "firehose": f"arn:aws:firehose:us-east-1:{OPENED}:deliverystream/orders",
    "https": "https://example.com/orders",
}
UNSAFE = {
    "http": "http://example.com/orders",
    "email": "someone@example.com",
    "email-json": "someone@example.com",
    "sms": "+491700000000",
    "application": f"arn:aws:sns:us-east-1:{OPENED}:endpoint/GCM/app/1",
}


def _synthesise(folder: pytest.TempPathFactory, name: str, **context: Any) -> Synthesis:
    accounts = json.dumps({"orders": [OPENED, OTHER], "payments": [OTHER]})
    return synthesise(folder.mktemp(name), subscriber_accounts=accounts, **context)


@pytest.fixture(scope="module")
def decisions(tmp_path_factory: pytest.TempPathFactory) -> Decisions:
    return Decisions(_synthesise(tmp_path_factory, "opened").regional())


def request(protocol: str, endpoint: str) -> dict[str, str]:
    return {"sns:Protocol": protocol, "sns:Endpoint": endpoint}


@pytest.mark.parametrize(("protocol", "endpoint"), SAFE.items())
def test_an_opened_account_subscribes_what_is_safe(
    decisions: Decisions, protocol: str, endpoint: str
) -> None:
    assert decisions.may_subscribe(OPENED, ORDERS, request(protocol, endpoint))
    assert not decisions.may_subscribe(OPENED, PAYMENTS, request(protocol, endpoint))
    assert not decisions.may_subscribe(STRANGER, ORDERS, request(protocol, endpoint))


@pytest.mark.parametrize(("protocol", "endpoint"), UNSAFE.items())
def test_it_subscribes_nothing_that_costs_the_owner_or_is_not_encrypted(
    decisions: Decisions, protocol: str, endpoint: str
) -> None:
    assert not decisions.may_subscribe(OPENED, ORDERS, request(protocol, endpoint))


@pytest.mark.parametrize(
    ("protocol", "endpoint"),
    [
        # Of an account that nobody opened the topic to.
        ("sqs", f"arn:aws:sqs:us-east-1:{STRANGER}:orders"),
        ("lambda", f"arn:aws:lambda:us-east-1:{STRANGER}:function:orders"),
        ("firehose", f"arn:aws:firehose:us-east-1:{STRANGER}:deliverystream/orders"),
        # The protocol says one thing, the endpoint another.
        ("https", "http://example.com/orders"),
        ("https", SAFE["sqs"]),
        ("sqs", SAFE["https"]),
        ("sqs", "someone@example.com"),
        ("HTTPS", SAFE["https"]),
    ],
)
def test_the_endpoint_is_what_the_protocol_says_and_of_an_opened_account(
    decisions: Decisions, protocol: str, endpoint: str
) -> None:
    assert not decisions.may_subscribe(OPENED, ORDERS, request(protocol, endpoint))


def test_a_request_that_does_not_say_what_it_subscribes_is_refused(decisions: Decisions) -> None:
    for context in ({}, {"sns:Protocol": "sqs"}, {"sns:Endpoint": SAFE["sqs"]}):
        assert not decisions.may_subscribe(OPENED, ORDERS, context)


def test_the_configuration_says_otherwise(tmp_path_factory: pytest.TempPathFactory) -> None:
    deployed = _synthesise(tmp_path_factory, "mail", subscriber_protocols='["sqs", "email"]')
    decisions = Decisions(deployed.regional())

    assert decisions.may_subscribe(OPENED, ORDERS, request("email", UNSAFE["email"]))
    assert decisions.may_subscribe(OPENED, ORDERS, request("sqs", SAFE["sqs"]))
    assert not decisions.may_subscribe(OPENED, ORDERS, request("https", SAFE["https"]))


def test_with_no_protocol_nobody_subscribes(tmp_path_factory: pytest.TempPathFactory) -> None:
    decisions = Decisions(
        _synthesise(tmp_path_factory, "none", subscriber_protocols="[]").regional()
    )

    assert not decisions.may_subscribe(OPENED, ORDERS, request("sqs", SAFE["sqs"]))
