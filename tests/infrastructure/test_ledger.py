"""The dead-letter ledger: its table, its index, and who may do what in it."""

from __future__ import annotations

from dataclasses import fields

import pytest

from eventing.redrive.ledger import Row
from functions.contract import LEDGER_INDEX, Rows
from tests.infrastructure.synthesis import Json, Synthesis, Template

LETTERS = "eventing-ledger"


def _table(template: Template) -> Json:
    return template.one("AWS::DynamoDB::GlobalTable", TableName=LETTERS).properties


def test_the_ledger_is_safe_and_each_region_has_its_own(two_regions: Synthesis) -> None:
    for region in ("us-east-1", "eu-west-1"):
        template = two_regions.regional(region)
        resource = template.one("AWS::DynamoDB::GlobalTable", TableName=LETTERS)
        table = resource.properties
        (replica,) = table["Replicas"]

        assert replica["Region"] == region
        assert replica["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert replica["DeletionProtectionEnabled"] is True
        assert resource.body["DeletionPolicy"] == "Retain"
        assert table["BillingMode"] == "PAY_PER_REQUEST"
        assert table["TimeToLiveSpecification"] == {
            "AttributeName": "expires_at",
            "Enabled": True,
        }
        assert template.output("LedgerTable") == LETTERS


def test_letters_are_found_by_stage_state_and_time_of_failure(regional: Template) -> None:
    table = _table(regional)
    (index,) = table["GlobalSecondaryIndexes"]

    assert table["KeySchema"] == [{"AttributeName": "pk", "KeyType": "HASH"}]
    assert index["IndexName"] == LEDGER_INDEX
    assert index["KeySchema"] == [
        {"AttributeName": "shard", "KeyType": "HASH"},
        {"AttributeName": "failed_at", "KeyType": "RANGE"},
    ]
    assert {a["AttributeName"]: a["AttributeType"] for a in table["AttributeDefinitions"]} == {
        "pk": "S",
        "shard": "S",
        "failed_at": "S",
    }


def test_the_index_has_what_the_functions_read_of_it_and_never_the_event(
    regional: Template,
) -> None:
    (index,) = _table(regional)["GlobalSecondaryIndexes"]
    projection = index["Projection"]
    read = {member.name for member in fields(Row)}

    assert projection["ProjectionType"] == "INCLUDE"
    assert set(projection["NonKeyAttributes"]) == read - {"key", "failed_at"}
    # Of DynamoDB, for one index.
    assert len(projection["NonKeyAttributes"]) <= 20
    assert "event" not in projection["NonKeyAttributes"]


@pytest.mark.parametrize(
    ("function", "action", "rows"),
    [
        # What was decided is added to, and neither changed nor removed.
        ("redrive", "dynamodb:PutItem", f"{Rows.AUDIT}*"),
        ("counter", "dynamodb:DeleteItem", f"{Rows.INCIDENT}*"),
    ],
)
def test_whole_rows_are_written_and_removed_only_where_they_are_no_letters(
    regional: Template, function: str, action: str, rows: str
) -> None:
    role = regional.one("AWS::Lambda::Function", FunctionName=f"eventing-{function}").properties
    (statement,) = (
        statement
        for policy in regional.all("AWS::IAM::Policy")
        if role["Role"] in policy.properties["Roles"]
        for statement in policy.properties["PolicyDocument"]["Statement"]
        if action in statement["Action"] and statement["Resource"] == LETTERS
    )

    assert statement["Action"] == action
    assert statement["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [rows]}}
