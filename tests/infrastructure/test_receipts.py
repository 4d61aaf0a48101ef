"""Receipts and inquiry: who may write and read them, in every region."""

from __future__ import annotations

import pytest

from functions.contract import ERASER_MEMBERS, LEDGER_EVENT_INDEX, STORED_MEMBERS, Variable
from tests.infrastructure.synthesis import ACCOUNT, Json, Synthesis, Template

TABLE = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/eventing-receipts"


def _statements(template: Template, action: str, resource: str) -> list[Json]:
    return [
        statement
        for policy in template.all("AWS::IAM::Policy")
        for statement in policy.properties["PolicyDocument"]["Statement"]
        if statement["Action"] == action and statement["Resource"] == resource
    ]


def test_receipts_are_in_every_region_and_expire(two_regions: Synthesis) -> None:
    table = two_regions.data.one("AWS::DynamoDB::GlobalTable", TableName="eventing-receipts")

    assert {replica["Region"] for replica in table.properties["Replicas"]} == {
        "us-east-1",
        "eu-west-1",
    }
    assert table.properties["KeySchema"] == [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ]
    assert table.properties["TimeToLiveSpecification"]["AttributeName"] == "expires_at"


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
def test_a_region_adds_receipts_of_what_the_deployments_regions_took_and_changes_none(
    two_regions: Synthesis, region: str
) -> None:
    table = TABLE.replace("us-east-1", region)
    writers = _statements(two_regions.regional(region), "dynamodb:PartiQLInsert", table)

    # Redrive publishes what it has adopted of others; publication would, without its filter.
    assert [statement["Condition"] for statement in writers] == [
        {
            "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["us-east-1#*", "eu-west-1#*"]},
            "Null": {"dynamodb:LeadingKeys": "false"},
        }
    ] * 2


def test_the_inquiry_function_reads_and_changes_nothing(regional: Template) -> None:
    assert regional.statements("eventing-inquiry") == {
        ("dynamodb:GetItem", f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/eventing-events"),
        ("dynamodb:Query", f"eventing-ledger/index/{LEDGER_EVENT_INDEX}"),
        ("dynamodb:Query", TABLE),
        ("dynamodb:GetItem", f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/eventing-registry"),
        ("logs:CreateLogStream", "/aws/lambda/eventing-inquiry"),
        ("logs:PutLogEvents", "/aws/lambda/eventing-inquiry"),
        ("xray:PutTraceSegments", "*"),
        ("xray:PutTelemetryRecords", "*"),
    }


def test_it_sees_that_an_event_is_there_and_not_what_is_in_it(regional: Template) -> None:
    events = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/eventing-events"
    conditions = [one["Condition"] for one in _statements(regional, "dynamodb:GetItem", events)]

    # Beside the eraser.
    assert len(conditions) == 2
    assert {
        "ForAllValues:StringEquals": {"dynamodb:Attributes": ["pk", *STORED_MEMBERS]},
        "Null": {"dynamodb:Attributes": "false"},
        "StringEqualsIfExists": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
    } in conditions
    assert "event" not in {*STORED_MEMBERS, *ERASER_MEMBERS}


def test_the_functions_environment(regional: Template) -> None:
    function = regional.one("AWS::Lambda::Function", FunctionName="eventing-inquiry").properties
    variables = function["Environment"]["Variables"]

    assert {
        Variable.EVENTS_TABLE: "eventing-events",
        Variable.LEDGER_TABLE: "eventing-ledger",
        Variable.RECEIPTS_TABLE: "eventing-receipts",
        Variable.REGISTRY_TABLE: "eventing-registry",
    }.items() <= variables.items()
    assert variables[Variable.CANARY_KEY_ID]


def test_what_is_missing_of_receipts_is_told_once(regional: Template) -> None:
    composite = regional.one(
        "AWS::CloudWatch::CompositeAlarm", AlarmName="eventing-receipts-missing"
    ).properties

    for part in ("unwritten", "read-throttles", "write-throttles"):
        assert f"eventing-receipts-{part}" in composite["AlarmRule"]
    assert composite["AlarmActions"]
