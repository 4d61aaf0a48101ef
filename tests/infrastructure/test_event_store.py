"""The Events table and its replicas."""

from __future__ import annotations

import pytest

from tests.infrastructure.synthesis import Json, Synthesis, Template


def _table(template: Template) -> Json:
    return template.one("AWS::DynamoDB::GlobalTable", TableName="eventing-events").properties


def test_events_are_found_by_one_key_expire_and_are_streamed(deployment: Synthesis) -> None:
    table = _table(deployment.data)

    assert table["KeySchema"] == [{"AttributeName": "pk", "KeyType": "HASH"}]
    assert table["AttributeDefinitions"] == [{"AttributeName": "pk", "AttributeType": "S"}]
    # The view that AWS documents for replicas; with more than one, it can't be changed any more
    # (DynamoDB, "Global tables: how it works").
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"


@pytest.mark.parametrize("name", ["eventing-events", "eventing-receipts", "eventing-registry"])
def test_events_and_publishers_outlive_mistakes_in_every_region(
    two_regions: Synthesis, name: str
) -> None:
    table = two_regions.data.one("AWS::DynamoDB::GlobalTable", TableName=name)
    replicas = table.properties["Replicas"]

    assert {replica["Region"] for replica in replicas} == {"us-east-1", "eu-west-1"}
    for replica in replicas:
        assert replica["DeletionProtectionEnabled"] is True
        recovery = replica["PointInTimeRecoverySpecification"]
        assert recovery["PointInTimeRecoveryEnabled"] is True
    assert table.body["DeletionPolicy"] == "Retain"
    assert table.body["UpdateReplacePolicy"] == "Retain"


def test_without_replicas_there_is_one_region(deployment: Synthesis) -> None:
    assert [r["Region"] for r in _table(deployment.data)["Replicas"]] == ["us-east-1"]


def test_the_regional_stacks_wait_for_the_table(two_regions: Synthesis) -> None:
    for region in ("us-east-1", "eu-west-1"):
        artifact = two_regions.manifest["artifacts"][f"eventing-{region}"]
        assert "eventing-data" in artifact["dependencies"]
