"""Adoption: what its function and its state machine may do, in every region."""

from __future__ import annotations

import pytest

from functions.contract import FOUND_MEMBERS, Variable
from tests.infrastructure.synthesis import ACCOUNT, Json, Synthesis, Template
from workflows import adoption

_TABLES = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/"
EVENTS, RECEIPTS = f"{_TABLES}eventing-events", f"{_TABLES}eventing-receipts"


def _statements(template: Template, action: str, resource: str) -> list[Json]:
    return [
        statement
        for policy in template.all("AWS::IAM::Policy")
        for statement in policy.properties["PolicyDocument"]["Statement"]
        if statement["Action"] == action and statement["Resource"] == resource
    ]


def test_the_adopter_finds_events_and_adds_letters_and_publishes_nothing(
    regional: Template,
) -> None:
    assert regional.statements("eventing-adopter") == {
        *((f"dynamodb:{action}", EVENTS) for action in ("Scan", "BatchGetItem", "DescribeTable")),
        ("dynamodb:Query", RECEIPTS),
        *((f"dynamodb:{action}", "eventing-ledger") for action in ("PartiQLInsert", "UpdateItem")),
        ("sns:Publish", "eventing-ops"),
        ("logs:CreateLogStream", "/aws/lambda/eventing-adopter"),
        ("logs:PutLogEvents", "/aws/lambda/eventing-adopter"),
        ("xray:PutTraceSegments", "*"),
        ("xray:PutTelemetryRecords", "*"),
    }


def test_looking_through_all_events_it_sees_nothing_of_what_is_in_them(regional: Template) -> None:
    # The adopter, and the prover.
    assert [one["Condition"] for one in _statements(regional, "dynamodb:Scan", EVENTS)] == [
        {
            "ForAllValues:StringEquals": {"dynamodb:Attributes": list(FOUND_MEMBERS)},
            "Null": {"dynamodb:Attributes": "false"},
            "StringEqualsIfExists": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
        }
    ] * 2
    assert "event" not in FOUND_MEMBERS


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
def test_it_is_in_every_region_and_knows_the_others(two_regions: Synthesis, region: str) -> None:
    template = two_regions.regional(region)
    function = template.one("AWS::Lambda::Function", FunctionName="eventing-adopter").properties
    variables = function["Environment"]["Variables"]

    assert variables[Variable.REGIONS] == '["us-east-1", "eu-west-1"]'
    assert variables[Variable.EVENTS_TABLE] == "eventing-events"
    # A page and the rest of it: less than the task may take.
    assert 100 <= function["Timeout"] < 130


def test_the_state_machine_calls_its_function_alone(regional: Template) -> None:
    machine = regional.one(
        "AWS::StepFunctions::StateMachine", StateMachineName="eventing-adoption"
    ).properties
    allowed = regional.role_statements(machine["RoleArn"])

    assert {pair for pair in allowed if pair[1] != "*"} == {
        ("lambda:InvokeFunction", "eventing-adopter")
    }
    assert machine["DefinitionString"] == adoption.DEFINITION.read_text(encoding="utf-8")
    assert machine["DefinitionSubstitutions"] == {"AdopterFunction": "eventing-adopter"}
