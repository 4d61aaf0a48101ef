"""The archive's delivery stream: what it makes of lines, who may use it, the switch that leaves it out."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest

from eventing.archive_line import archive_line
from functions.contract import Objects
from functions.shared.archive import object_key
from tests.infrastructure.synthesis import ACCOUNT, Json, Synthesis, Template

ARCHIVE = f"eventing-archive-{ACCOUNT}-us-east-1"


@pytest.fixture(scope="module")
def without(tuned: Synthesis) -> Template:
    """The regional stack without one."""
    return tuned.regional()


def _destination(template: Template) -> Json:
    stream = template.one("AWS::KinesisFirehose::DeliveryStream")
    assert stream.properties["DeliveryStreamName"] == "eventing-archive"
    return stream.properties["ExtendedS3DestinationConfiguration"]


def _partition(destination: Json, line: Json) -> str:
    """The prefix that Firehose makes of a line, but for times: keys are paths and slices of JQ."""
    processing = destination["ProcessingConfiguration"]
    (processor,) = processing["Processors"]
    assert (processing["Enabled"], processor["Type"]) == (True, "MetadataExtraction")
    parameters = {one["ParameterName"]: one["ParameterValue"] for one in processor["Parameters"]}
    assert parameters["JsonParsingEngine"] == "JQ-1.6"
    keys = {}
    for pair in parameters["MetadataExtractionQuery"].strip("{}").split(","):
        found = re.fullmatch(r"(\w+):\.(\w+)(?:\[(\d*):(\d*)\])?", pair)
        assert found, pair
        start, end = (int(found[n]) if found[n] else None for n in (3, 4))
        keys[found[1]] = line[found[2]][start:end]
    return re.sub(
        r"!\{partitionKeyFromQuery:(\w+)\}", lambda key: keys[key[1]], destination["Prefix"]
    )


def test_a_line_lies_where_its_requests_own_object_would(regional: Template) -> None:
    destination = _destination(regional)
    at = "2026-11-28T08:59:59.999Z"
    line = json.loads(archive_line("{}", publisher="acme-web", accepted_at=at))

    place, _, name = _partition(destination, line).rpartition("/")
    assert f"{place}/x.jsonl" == object_key("acme-web", at, "x")
    # Nothing else of the path is evaluated, and a prefix with a time gets none of its own.
    assert name == "!{timestamp:mm}-"
    assert destination["FileExtension"] == ".jsonl"
    assert destination["DynamicPartitioningConfiguration"] == {"Enabled": True}
    assert datetime.fromisoformat(at).astimezone(UTC).hour == 8


def test_objects_are_as_few_and_as_plain_as_can_be(regional: Template) -> None:
    destination = _destination(regional)

    assert destination["BucketARN"] == ARCHIVE
    assert destination["BufferingHints"] == {"IntervalInSeconds": 900, "SizeInMBs": 128}
    assert destination["CompressionFormat"] == "UNCOMPRESSED"
    # AWS asks for the kind of error in it, and for no key of a partition.
    error = destination["ErrorOutputPrefix"]
    assert error.startswith(Objects.UNDELIVERED)
    assert "!{firehose:error-output-type}" in error
    assert "partitionKey" not in error
    stream = regional.one("AWS::KinesisFirehose::DeliveryStream").properties
    encryption = stream["DeliveryStreamEncryptionConfigurationInput"]
    assert encryption == {"KeyType": "AWS_OWNED_CMK"}


def test_firehose_may_write_below_its_prefixes_and_read_nothing_else(regional: Template) -> None:
    role = regional.one("AWS::IAM::Role", Description="Firehose writes the archive in it")
    (trust,) = role.properties["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "firehose.amazonaws.com"}
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    assert _destination(regional)["RoleARN"] == f"<{role.id}>"
    allowed = {
        (action, resource)
        for policy in regional.all("AWS::IAM::Policy")
        if f"<{role.id}>" in policy.properties["Roles"]
        for statement in policy.properties["PolicyDocument"]["Statement"]
        for action in _listed(statement["Action"])
        for resource in _listed(statement["Resource"])
    }
    prefixes = [f"{ARCHIVE}/{prefix}*" for prefix in (Objects.EVENTS, Objects.UNDELIVERED)]
    log = "/aws/kinesisfirehose/eventing-archive"
    assert allowed == {
        *(
            (f"s3:{action}", prefix)
            for action in ("AbortMultipartUpload", "GetObject", "PutObject")
            for prefix in prefixes
        ),
        *(
            (f"s3:{action}", ARCHIVE)
            for action in ("GetBucketLocation", "ListBucket", "ListBucketMultipartUploads")
        ),
        ("logs:CreateLogStream", log),
        ("logs:PutLogEvents", log),
    }


def test_nobody_but_firehose_may_leave_out_the_condition(
    regional: Template, without: Template
) -> None:
    """The eraser, which is exempt as well, has conditions of its own: tests/security/test_roles.py."""
    role = regional.one("AWS::IAM::Role", Description="Firehose writes the archive in it")
    eraser = regional.one("AWS::Lambda::Function", FunctionName="eventing-eraser").properties[
        "Role"
    ]
    unconditional = {"Null": {"s3:if-none-match": "true"}}

    assert _refusal(without) == {
        **unconditional,
        "ArnNotEquals": {"aws:PrincipalArn": [eraser]},
    }
    assert _refusal(regional) == {
        **unconditional,
        "ArnNotEquals": {"aws:PrincipalArn": [f"<{role.id}>", eraser]},
    }


def test_the_switch_leaves_it_out(without: Template) -> None:
    text = json.dumps(without.body)

    assert "irehose" not in text.replace('"firehose:', "").replace('"firehose"', "")
    ingest = without.one("AWS::Lambda::Function", FunctionName="eventing-ingest").properties
    assert "DELIVERY_STREAM" not in ingest["Environment"]["Variables"]
    assert "DeliveryStream" not in without.body["Outputs"]


def _refusal(template: Template) -> Json:
    policy = template.one("AWS::S3::BucketPolicy", Bucket=ARCHIVE).properties
    (found,) = (
        statement["Condition"]
        for statement in policy["PolicyDocument"]["Statement"]
        if statement.get("Sid") == "NothingIsOverwritten"
    )
    return found


def _listed(value: Json) -> list[str]:
    return value if isinstance(value, list) else [value]
