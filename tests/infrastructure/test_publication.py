"""Publication: which records reach the function, and what becomes of those it cannot get rid of."""

from __future__ import annotations

import json
import re
import shutil
from math import ceil, log2
from pathlib import Path

import pytest

from eventing import canary
from eventing.catalogue_check import load_catalogue
from functions.contract import Objects, Variable
from functions.publish import publish
from functions.shared.clients import CALL_SECONDS
from infrastructure.packaging import ROOT
from tests.infrastructure.synthesis import ACCOUNT, AT, Json, Synthesis, Template, synthesise

OPERATIONS_BUCKET = f"eventing-operations-{ACCOUNT}-us-east-1"


def _mapping(template: Template) -> Json:
    return template.one("AWS::Lambda::EventSourceMapping").properties


def _filter(template: Template) -> Json:
    (only,) = _mapping(template)["FilterCriteria"]["Filters"]
    return json.loads(only["Pattern"])


def test_events_that_this_region_took_reach_the_function_and_no_others(regional: Template) -> None:
    assert _mapping(regional)["FunctionName"] == "eventing-publish"
    assert _filter(regional) == {
        "eventName": ["INSERT"],
        "dynamodb": {"NewImage": {"origin_region": {"S": ["us-east-1"]}}},
    }


def test_each_region_publishes_its_own(two_regions: Synthesis) -> None:
    for region in ("us-east-1", "eu-west-1"):
        image = _filter(two_regions.regional(region))["dynamodb"]["NewImage"]
        assert image == {"origin_region": {"S": [region]}}


def test_the_stream_is_that_of_the_regions_own_replica(regional: Template) -> None:
    (lookup,) = (
        call
        for call in regional.all("Custom::AWS")
        if json.loads(call.properties["Create"])["action"] == "describeTable"
    )
    for occasion in ("Create", "Update"):
        call = json.loads(lookup.properties[occasion])
        assert call["service"] == "dynamodb"
        assert call["parameters"] == {"TableName": "eventing-events"}
        assert "region" not in call
    source = _mapping(regional)["EventSourceArn"]
    assert source == f"<<{lookup.id}>.Table.LatestStreamArn>"


def test_the_stream_is_looked_up_at_each_deployment(regional: Template) -> None:
    """A replica or a table that is made anew has another stream, and the mapping would read the dead one.

    CloudFormation calls a custom resource again only when its properties change, and makes a new mapping
    when what the call answers is another ARN ("EventSourceArn: Update requires: Replacement").
    """
    (lookup,) = (c for c in regional.all("Custom::AWS") if "DeployedAt" in c.properties)

    assert lookup.properties["DeployedAt"] == AT.isoformat()
    assert lookup.properties["Update"] == lookup.properties["Create"]
    assert json.loads(lookup.properties["Update"])["action"] == "describeTable"


def test_a_stream_that_nobody_reads_impairs_publication(regional: Template) -> None:
    alarm = regional.one(
        "AWS::CloudWatch::Alarm", AlarmName="eventing-publish-stream-unread"
    ).properties
    composite = regional.one(
        "AWS::CloudWatch::CompositeAlarm", AlarmName="eventing-publication-impaired"
    ).properties

    assert (alarm["Namespace"], alarm["MetricName"]) == ("Eventing", "StreamUnread")
    # Longer than the moment in which a deployment changes the mapping.
    assert (alarm["Threshold"], alarm["EvaluationPeriods"]) == (0, 3)
    assert "eventing-publish-stream-unread" in composite["AlarmRule"]


def test_nothing_blocks_the_stream_for_long_and_nothing_is_missed(regional: Template) -> None:
    mapping = _mapping(regional)

    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert 1 <= mapping["MaximumRetryAttempts"] <= 3
    # The stream keeps 24 hours: what is given up on must still be there to be written down.
    assert 12 * 3600 <= mapping["MaximumRecordAgeInSeconds"] <= 22 * 3600
    assert mapping["BatchSize"] == 100
    assert "MaximumBatchingWindowInSeconds" not in mapping


@pytest.mark.parametrize(
    "document", ["docs/publication.md", "docs/subscribers.md", "docs/deploying.md"]
)
def test_who_is_concerned_reads_that_a_new_mapping_publishes_again(
    regional: Template, document: str
) -> None:
    """A mapping at TRIM_HORIZON begins with the oldest record of 24 hours (Lambda, "StartingPosition")."""
    text = " ".join((ROOT / document).read_text(encoding="utf-8").replace("*", "").split())
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text)

    assert _mapping(regional)["StartingPosition"] == "TRIM_HORIZON"
    assert re.search(r"events? of the last 24 hours (is published )?once more", text)


def test_the_documented_numbers_follow_from_the_settings(regional: Template) -> None:
    mapping = _mapping(regional)
    function = regional.one("AWS::Lambda::Function", FunctionName="eventing-publish").properties
    invocations = mapping["MaximumRetryAttempts"] + 1
    letters_and_answer = publish.DEAD_LETTER_SECONDS + publish.ANSWER_SECONDS
    trying = function["Timeout"] - letters_and_answer - CALL_SECONDS
    at_once = invocations * (trying - publish.LONGEST_PAUSE)
    hanging = at_once - invocations * (CALL_SECONDS + publish.DEAD_LETTER_SECONDS)
    crashes = ceil(log2(mapping["BatchSize"])) + invocations
    minutes = crashes * function["Timeout"] / 60
    text = " ".join((ROOT / "docs" / "publication.md").read_text().split())

    assert (
        f"for the first {trying:.0f} s, with pauses of up to {publish.LONGEST_PAUSE:.0f} s" in text
    )
    assert f"**at least {at_once:.0f} s** where calls fail at once" in text
    assert f"at least {hanging:.0f} s where they hang" in text
    assert crashes == 10
    assert "**ten crashes**" in text
    assert f"10 x {function['Timeout']} s: **{minutes:.0f} minutes**" in text
    assert f"| time-out of the function | {function['Timeout']} s |" in text
    assert f"| retries | {mapping['MaximumRetryAttempts']}, so {invocations} invocations" in text
    assert f"| record age | {mapping['MaximumRecordAgeInSeconds'] / 3600:.0f} h," in text
    assert f"| parallelisation | {mapping['ParallelizationFactor']} batches" in text


def test_what_the_function_crashes_on_is_kept_whole(regional: Template) -> None:
    destination = _mapping(regional)["DestinationConfig"]["OnFailure"]["Destination"]

    # To a queue or a topic Lambda would send where the records were, and not the records.
    assert destination == OPERATIONS_BUCKET


def test_each_invocation_record_is_told_to_the_dead_letter_queue(regional: Template) -> None:
    rule = regional.one("AWS::Events::Rule", Name="eventing-invocation-recorded").properties

    assert rule["EventPattern"] == {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {
            "bucket": {"name": [OPERATIONS_BUCKET]},
            "object": {"key": [{"prefix": Objects.INVOCATION_RECORDS}]},
        },
    }
    assert rule["State"] == "ENABLED"
    # The event as it is: it names bucket and key.
    assert rule["Targets"] == [{"Arn": "eventing-publish-dlq", "Id": "Target0"}]
    bucket = regional.one("AWS::S3::Bucket", BucketName=OPERATIONS_BUCKET).properties
    # No notification of S3's own: S3 tries those with a test message, which is no dead letter.
    assert bucket["NotificationConfiguration"] == {
        "EventBridgeConfiguration": {"EventBridgeEnabled": True}
    }
    assert not list(regional.all("Custom::S3BucketNotifications"))


def test_of_all_rules_that_one_alone_may_send_to_the_dead_letter_queue(regional: Template) -> None:
    policy = regional.one("AWS::SQS::QueuePolicy", Queues=["eventing-publish-dlq"]).properties
    allowed = [s for s in policy["PolicyDocument"]["Statement"] if s["Effect"] == "Allow"]

    assert allowed == [
        {
            "Effect": "Allow",
            "Action": "sqs:SendMessage",
            "Principal": {"Service": "events.amazonaws.com"},
            "Resource": "eventing-publish-dlq",
            "Condition": {"ArnEquals": {"aws:SourceArn": "eventing-invocation-recorded"}},
        }
    ]
    ingest = regional.one("AWS::SQS::QueuePolicy", Queues=["eventing-ingest-dlq"]).properties
    effects = {statement["Effect"] for statement in ingest["PolicyDocument"]["Statement"]}
    assert effects == {"Deny"}


def test_the_function_may_do_what_it_does_and_nothing_else(regional: Template) -> None:
    topics = _topics()
    stream = _mapping(regional)["EventSourceArn"]

    assert len(topics) >= 3
    assert regional.statements("eventing-publish") == {
        *(("sns:Publish", f"eventing-topic-{topic}") for topic in topics),
        ("sqs:SendMessage", "eventing-publish-dlq"),
        ("dynamodb:PartiQLInsert", f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/eventing-receipts"),
        ("s3:PutObject", f"{OPERATIONS_BUCKET}/{Objects.INVOCATION_RECORDS}*"),
        ("s3:ListBucket", OPERATIONS_BUCKET),
        ("dynamodb:DescribeStream", stream),
        ("dynamodb:GetRecords", stream),
        ("dynamodb:GetShardIterator", stream),
        ("dynamodb:ListStreams", stream),
        ("logs:CreateLogStream", "/aws/lambda/eventing-publish"),
        ("logs:PutLogEvents", "/aws/lambda/eventing-publish"),
        ("xray:PutTraceSegments", "*"),
        ("xray:PutTelemetryRecords", "*"),
    }


def test_the_functions_environment(regional: Template) -> None:
    function = regional.one("AWS::Lambda::Function", FunctionName="eventing-publish").properties

    assert function["Environment"]["Variables"] == {
        Variable.SERVICE: "eventing",
        Variable.NAMESPACE: "Eventing",
        Variable.LOG_LEVEL: "INFO",
        Variable.CANARY: "on",
        Variable.PUBLISH_DLQ_URL: "eventing-publish-dlq",
        Variable.TOPIC_ARN_PREFIX: f"arn:aws:sns:us-east-1:{ACCOUNT}:eventing-topic-",
        Variable.RECEIPTS_TABLE: "eventing-receipts",
        Variable.EVENT_RETENTION_DAYS: "90",
    }
    assert function["Timeout"] == 120


def test_every_topic_of_the_catalogue_is_there(regional: Template) -> None:
    names = {topic.properties["TopicName"] for topic in regional.all("AWS::SNS::Topic")}

    assert names - {"eventing-ops"} == {f"eventing-topic-{topic}" for topic in _topics()}


def _topics() -> list[str]:
    return [canary.TOPIC, *(topic.name for topic in load_catalogue(ROOT / "catalogue").topics)]


def test_other_accounts_subscribe_to_the_topics_that_are_open_to_them(tmp_path: Path) -> None:
    accounts = {"orders": ["111111111111", "222222222222"], "payments": ["111111111111"]}
    template = synthesise(tmp_path, subscriber_accounts=json.dumps(accounts)).regional()
    allowed = {}
    for policy in template.all("AWS::SNS::TopicPolicy"):
        for statement in policy.properties["PolicyDocument"]["Statement"]:
            if statement["Effect"] == "Allow" and "AWS" in statement["Principal"]:
                (topic,) = policy.properties["Topics"]
                assert statement["Action"] == "sns:Subscribe"
                assert statement["Resource"] == topic
                # tests/security looks at what they may subscribe.
                assert statement["Condition"]
                allowed[topic] = statement["Principal"]["AWS"]

    roots = [f"arn:aws:iam::{account}:root" for account in accounts["orders"]]
    assert allowed == {"eventing-topic-orders": roots, "eventing-topic-payments": roots[0]}


def test_no_other_account_subscribes_to_a_topic_that_is_not_open_to_it(regional: Template) -> None:
    statements = [
        statement
        for policy in regional.all("AWS::SNS::TopicPolicy")
        for statement in policy.properties["PolicyDocument"]["Statement"]
    ]
    assert statements
    assert not [s for s in statements if s["Effect"] == "Allow" and "AWS" in s["Principal"]]


def test_a_topic_for_large_events_says_so_to_sns(tmp_path: Path, catalogue: Path) -> None:
    shutil.copytree(ROOT / "catalogue", catalogue, dirs_exist_ok=True)
    topics = json.loads((catalogue / "topics.json").read_text())
    topics["topics"][1]["max_bytes"] = 1024 * 1024
    (catalogue / "topics.json").write_text(json.dumps(topics))
    template = synthesise(tmp_path / "out", catalogue=str(catalogue)).regional()

    sizes = {
        topic.properties["TopicName"]: topic.properties["MaximumMessageSize"]
        for topic in template.all("AWS::SNS::Topic")
        if "MaximumMessageSize" in topic.properties
    }
    assert sizes == {"eventing-topic-orders": 1024 * 1024}
