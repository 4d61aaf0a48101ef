"""The policies of people: what their commands need, and no more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from functions.contract import EVENT_MEMBERS, LETTER_MEMBERS
from tests.console_rights import (
    rights_of_approvers,
    rights_of_erasers,
    rights_of_key_holders,
    rights_of_operators,
    rights_of_verifiers,
)
from tests.infrastructure.synthesis import ACCOUNT, Json, Template

OPERATOR, APPROVER, KEY_HOLDER, ERASER, VERIFIER = (
    f"eventing-{name}-us-east-1"
    for name in ("operator", "approver", "key-holder", "eraser", "verifier")
)


def _statements(template: Template, policy: str, effect: str = "Allow") -> Iterator[Json]:
    found = template.one("AWS::IAM::ManagedPolicy", ManagedPolicyName=policy).properties
    for statement in found["PolicyDocument"]["Statement"]:
        if statement["Effect"] == effect:
            yield statement


def _listed(value: Json) -> list[str]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize(
    ("policy", "needed"),
    [
        (OPERATOR, rights_of_operators()),
        (APPROVER, rights_of_approvers()),
        (KEY_HOLDER, rights_of_key_holders()),
        (ERASER, rights_of_erasers()),
    ],
    ids=["operator", "approver", "key-holder", "eraser"],
)
def test_a_policy_has_the_rights_that_its_commands_need_and_no_others(
    regional: Template, policy: str, needed: set[str]
) -> None:
    allowed = {action for one in _statements(regional, policy) for action in _listed(one["Action"])}

    assert allowed == needed


def test_who_verifies_has_what_verify_needs_beside_an_operators_rights(regional: Template) -> None:
    allowed = {
        action for one in _statements(regional, VERIFIER) for action in _listed(one["Action"])
    }

    assert allowed <= rights_of_verifiers()
    assert rights_of_verifiers() - rights_of_operators() <= allowed


def test_who_verifies_reads_one_key_and_the_canarys_events_alone(regional: Template) -> None:
    found = {
        action: one for one in _statements(regional, VERIFIER) for action in _listed(one["Action"])
    }
    keys = [one for one in found["apigateway:GET"]["Resource"] if "apikeys" in one]

    assert [one.partition("/apikeys")[2] for one in keys] == ["/eventing-canary"]
    assert found["s3:GetObject"]["Resource"].endswith("/publisher=canary/*")
    assert found["s3:ListBucket"]["Condition"] == {
        "StringLike": {"s3:prefix": "publisher=canary/*"}
    }
    item = found["dynamodb:GetItem"]["Condition"]
    assert item["ForAllValues:StringLike"] == {"dynamodb:LeadingKeys": "canary#*"}
    assert item["ForAllValues:StringEquals"] == {"dynamodb:Attributes": ["pk", "digest"]}
    # Of an empty set all is true.
    assert set(item["Null"]) == {"dynamodb:LeadingKeys", "dynamodb:Attributes"}
    assert found["sqs:DeleteQueue"]["Resource"].endswith(":eventing-verify-*")
    assert found["sns:Subscribe"]["Condition"]["StringEquals"] == {"sns:Protocol": "sqs"}


# What AWS has no resource for (Service Authorization Reference), or cannot tell apart.
_EVERYWHERE = {
    "cloudwatch:DescribeAlarms",
    "lambda:ListEventSourceMappings",
    "states:SendTaskSuccess",
    "logs:GetQueryResults",
    "cloudwatch:ListDashboards",
    "lambda:GetAccountSettings",
    "macie2:GetMacieSession",
    "sns:Unsubscribe",
    "sqs:ListQueues",
}


@pytest.mark.parametrize("policy", [OPERATOR, APPROVER, KEY_HOLDER, ERASER, VERIFIER])
def test_a_right_is_for_what_is_of_this_deployment(regional: Template, policy: str) -> None:
    for statement in _statements(regional, policy):
        for resource in _listed(statement["Resource"]):
            if resource == "*":
                assert set(_listed(statement["Action"])) <= _EVERYWHERE
            elif not resource.endswith("/usageplans"):
                # A role of this template has no name of its own, and API Gateway's keys have neither: those
                # of this deployment are told by their tag.
                tagged = {"StringEquals": {"aws:ResourceTag/deployment": "eventing"}}
                own = "eventing-" in resource or f":{ACCOUNT}:" in resource
                named = own or resource.startswith("<")
                assert named or statement.get("Condition") == tagged, resource


@pytest.mark.parametrize(
    ("table", "members"), [("ledger", LETTER_MEMBERS), ("events", EVENT_MEMBERS)]
)
def test_letters_and_events_are_read_without_what_is_in_them(
    regional: Template, table: str, members: tuple[str, ...]
) -> None:
    (statement,) = (
        one
        for one in _statements(regional, OPERATOR)
        if one["Action"] == "dynamodb:GetItem" and one["Resource"].endswith(f"eventing-{table}")
    )
    conditions = statement["Condition"]
    attributes = conditions["ForAllValues:StringEquals"]["dynamodb:Attributes"]

    assert set(attributes) == {"pk", *members}
    assert "event" not in attributes
    assert conditions["StringEquals"] == {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"}


@pytest.mark.parametrize("policy", [OPERATOR, ERASER])
def test_nothing_is_denied_but_the_tokens_and_to_those_who_ask(
    regional: Template, policy: str
) -> None:
    denied = {
        (action, resource)
        for one in _statements(regional, policy, "Deny")
        for action in _listed(one["Action"])
        for resource in _listed(one["Resource"])
    }
    bucket = f"eventing-operations-{ACCOUNT}-us-east-1"
    asked = [
        f"arn:aws:states:us-east-1:{ACCOUNT}:execution:eventing-{name}:*"
        for name in ("approval", "case-approval", "erasure-approval")
    ]

    assert denied == {
        ("s3:GetObject", f"{bucket}/approvals/*"),
        ("s3:GetObjectVersion", f"{bucket}/approvals/*"),
        *(("states:GetExecutionHistory", one) for one in asked),
    }
    assert list(_statements(regional, APPROVER, "Deny")) == []
