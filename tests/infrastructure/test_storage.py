"""The archive, the operations bucket and the ops topic."""

from __future__ import annotations

import pytest

from functions.contract import Objects
from tests.infrastructure.synthesis import ACCOUNT, Json, Resource, Synthesis, Template

ARCHIVE = f"eventing-archive-{ACCOUNT}-us-east-1"
OPERATIONS = f"eventing-operations-{ACCOUNT}-us-east-1"
OVER_TLS = {"Bool": {"aws:SecureTransport": "false"}}


def _bucket(template: Template, name: str) -> Resource:
    return template.one("AWS::S3::Bucket", BucketName=name)


@pytest.mark.parametrize("name", [ARCHIVE, OPERATIONS])
def test_buckets_are_private_encrypted_and_versioned(regional: Template, name: str) -> None:
    bucket = _bucket(regional, name)
    properties = bucket.properties

    assert set(properties["PublicAccessBlockConfiguration"]) == {
        "BlockPublicAcls",
        "BlockPublicPolicy",
        "IgnorePublicAcls",
        "RestrictPublicBuckets",
    }
    assert all(properties["PublicAccessBlockConfiguration"].values())
    (encryption,) = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert encryption["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    # Kept, but for one that a first deployment made in vain.
    assert bucket.body["DeletionPolicy"] == "RetainExceptOnCreate"
    assert bucket.body["UpdateReplacePolicy"] == "Retain"


@pytest.mark.parametrize(
    ("name", "lives"),
    [
        (ARCHIVE, {"": 90}),
        (
            OPERATIONS,
            {
                "": 200,
                Objects.APPROVALS: 1,
                Objects.RUNS: 200,
                Objects.REPORTS: 200,
                Objects.CASES: 200,
                Objects.FINDINGS: 200,
                "access-logs/": 200,
                Objects.JUNK: 30,
                Objects.RESUBMITTED: 30,
                Objects.INVOCATION_RECORDS: 30,
            },
        ),
    ],
)
def test_objects_expire(regional: Template, name: str, lives: dict[str, int]) -> None:
    rules = _bucket(regional, name).properties["LifecycleConfiguration"]["Rules"]
    expiring = [rule for rule in rules if "ExpirationInDays" in rule]

    assert all(rule["Status"] == "Enabled" for rule in rules)
    # Without a prefix it is of the whole bucket.
    assert {rule.get("Prefix", ""): rule["ExpirationInDays"] for rule in expiring} == lives
    # In a versioned bucket nothing is gone before its old versions are.
    assert {rule["NoncurrentVersionExpiration"]["NoncurrentDays"] for rule in expiring} == {7}
    assert any(rule.get("ExpiredObjectDeleteMarker") for rule in rules)


@pytest.mark.parametrize(
    ("type", "target"),
    [
        ("AWS::S3::BucketPolicy", "Bucket"),
        ("AWS::SQS::QueuePolicy", "Queues"),
        ("AWS::SNS::TopicPolicy", "Topics"),
    ],
)
def test_whatever_holds_events_refuses_what_is_not_over_tls(
    regional: Template, type: str, target: str
) -> None:
    resource_type = type.removesuffix("Policy")
    there = {regional.render({"Ref": resource.id}) for resource in regional.all(resource_type)}
    protected = set()
    for policy in regional.all(type):
        for statement in policy.properties["PolicyDocument"]["Statement"]:
            if statement["Effect"] == "Deny" and statement["Condition"] == OVER_TLS:
                assert statement["Principal"] in ("*", {"AWS": "*"})
                named = policy.properties[target]
                protected |= {named} if isinstance(named, str) else set(named)

    assert there
    assert protected == there


def test_reading_the_archive_leaves_a_trace(regional: Template) -> None:
    logging = _bucket(regional, ARCHIVE).properties["LoggingConfiguration"]

    assert logging["DestinationBucketName"] == OPERATIONS
    policy = regional.one("AWS::S3::BucketPolicy", Bucket=OPERATIONS).properties
    (delivery,) = (s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Allow")
    assert delivery["Principal"] == {"Service": "logging.s3.amazonaws.com"}
    assert delivery["Action"] == "s3:PutObject"
    assert delivery["Resource"] == f"{OPERATIONS}/{logging['LogFilePrefix']}*"
    assert delivery["Condition"]["ArnLike"] == {"aws:SourceArn": ARCHIVE}


def test_alarms_of_this_account_may_send_to_the_ops_topic(regional: Template) -> None:
    (policy,) = (
        policy.properties
        for policy in regional.all("AWS::SNS::TopicPolicy")
        if policy.properties["Topics"] == ["eventing-ops"]
    )
    allowed: list[Json] = [
        s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"
    ]

    # A topic's own policy replaces the default one, which would have let them in.
    assert [(s["Principal"], s["Action"], s["Resource"], s["Condition"]) for s in allowed] == [
        (
            {"Service": "cloudwatch.amazonaws.com"},
            "sns:Publish",
            "eventing-ops",
            {"StringEquals": {"aws:SourceAccount": ACCOUNT}},
        )
    ]


def test_operators_are_told_by_mail(two_regions: Synthesis, regional: Template) -> None:
    for region in ("us-east-1", "eu-west-1"):
        template = two_regions.regional(region)
        subscription = template.one("AWS::SNS::Subscription", TopicArn="eventing-ops").properties
        assert subscription["Protocol"] == "email"
        assert subscription["Endpoint"] == "ops@example.com"
    subscriptions = [one.properties for one in regional.all("AWS::SNS::Subscription")]
    assert "eventing-ops" not in [one["TopicArn"] for one in subscriptions]
