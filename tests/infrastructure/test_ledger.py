"""The dead-letter ledger: its table, its index, and who may do what in it."""

from __future__ import annotations

from dataclasses import fields

from eventing.publishers.inquiry import LetterState
from eventing.redrive.ledger import Row
from functions.contract import LEDGER_EVENT_INDEX, LEDGER_INDEX
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
        assert replica["PointInTimeRecoverySpecification"] == {
            "PointInTimeRecoveryEnabled": True,
            "RecoveryPeriodInDays": 35,
        }
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
    index, by_event = table["GlobalSecondaryIndexes"]

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
        "event_key": "S",
    }
    assert by_event["IndexName"] == LEDGER_EVENT_INDEX
    assert by_event["KeySchema"] == [{"AttributeName": "event_key", "KeyType": "HASH"}]
    read = {member.name for member in fields(LetterState)}
    assert set(by_event["Projection"]["NonKeyAttributes"]) == read


def test_the_index_has_what_the_functions_read_of_it_and_never_the_event(
    regional: Template,
) -> None:
    index, _ = _table(regional)["GlobalSecondaryIndexes"]
    projection = index["Projection"]
    read = {member.name for member in fields(Row)}

    assert projection["ProjectionType"] == "INCLUDE"
    assert set(projection["NonKeyAttributes"]) == read - {"key", "failed_at"}
    # Of DynamoDB, for one index.
    assert len(projection["NonKeyAttributes"]) <= 20
    assert "event" not in projection["NonKeyAttributes"]
