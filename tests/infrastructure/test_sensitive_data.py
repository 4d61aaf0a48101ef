"""Macie on the archive, its findings, and the switch that leaves it out."""

from __future__ import annotations

import json
import re

from functions.contract import Notice
from functions.notifier.texts import finding_mail
from tests.infrastructure.synthesis import ACCOUNT, Json, Resource, Synthesis, Template

ARCHIVE = f"eventing-archive-{ACCOUNT}-us-east-1"


def _jobs(template: Template) -> list[Resource]:
    return [
        call
        for call in template.all("Custom::AWS")
        if json.loads(call.properties["Create"])["service"] == "macie2"
    ]


def _call(job: Resource, occasion: str) -> Json:
    return json.loads(job.properties[occasion])


def test_a_daily_job_looks_at_the_whole_archive(regional: Template) -> None:
    (job,) = _jobs(regional)
    create = _call(job, "Create")

    assert create["action"] == "createClassificationJob"
    assert create["parameters"]["jobType"] == "SCHEDULED"
    assert create["parameters"]["scheduleFrequency"] == {"dailySchedule": {}}
    assert create["parameters"]["samplingPercentage"] == 100
    assert create["parameters"]["s3JobDefinition"]["bucketDefinitions"] == [
        {"accountId": ACCOUNT, "buckets": [ARCHIVE]}
    ]
    assert create["physicalResourceId"] == {"responsePath": "jobId"}
    # A job can't be changed: an update makes another one, and the old one is then deleted.
    assert _call(job, "Update") == create


def test_a_job_is_cancelled_when_it_is_not_wanted_any_more(regional: Template) -> None:
    (job,) = _jobs(regional)
    delete = _call(job, "Delete")

    assert delete["action"] == "updateClassificationJob"
    assert delete["parameters"] == {"jobId": "PHYSICAL:RESOURCEID:", "jobStatus": "CANCELLED"}
    # Cancelled by hand, it must not keep the stack from going.
    assert "ValidationException" in delete["ignoreErrorCodesMatching"].split("|")


def test_the_session_is_there_before_the_job(regional: Template) -> None:
    session = regional.one("AWS::Macie::Session", Status="ENABLED")
    (job,) = _jobs(regional)

    assert session.id in job.body["DependsOn"]


def test_the_job_may_be_made_and_cancelled(regional: Template) -> None:
    jobs = f"arn:aws:macie2:us-east-1:{ACCOUNT}:classification-job/*"
    allowed = {
        (tuple(statement["Action"]), statement["Resource"])
        for policy in regional.all("AWS::IAM::Policy")
        for statement in policy.properties["PolicyDocument"]["Statement"]
        if any(action.startswith("macie2:") for action in statement["Action"])
    }

    assert allowed == {(("macie2:CreateClassificationJob", "macie2:UpdateClassificationJob"), jobs)}


def test_findings_in_the_archive_reach_the_operators(regional: Template) -> None:
    rule = regional.one("AWS::Events::Rule", Name="eventing-sensitive-data").properties
    (target,) = rule["Targets"]

    assert rule["EventPattern"] == {
        "source": ["aws.macie"],
        "detail-type": ["Macie Finding"],
        "detail": {
            "category": ["CLASSIFICATION"],
            "resourcesAffected": {"s3Bucket": {"name": [ARCHIVE]}},
        },
    }
    assert target["Arn"] == "eventing-notifier"
    # The place and the kind, and never what was found there.
    assert set(target["InputTransformer"]["InputPathsMap"].values()) == {
        "$.detail.type",
        "$.detail.severity.description",
        "$.detail.resourcesAffected.s3Object.path",
        "$.detail.id",
    }
    passed = json.loads(re.sub(r"<[\w-]+>", '"x"', target["InputTransformer"]["InputTemplate"]))
    assert passed[Notice.KIND] == Notice.FINDING
    assert finding_mail(passed).runbook == "docs/runbook.md#sensitive-data"


def test_a_session_that_exists_is_used(two_regions: Synthesis) -> None:
    for region in ("us-east-1", "eu-west-1"):
        template = two_regions.regional(region)
        assert not list(template.all("AWS::Macie::Session"))
        assert len(_jobs(template)) == 1
        assert template.one("AWS::Events::Rule", Name="eventing-sensitive-data")


def test_switched_off_nothing_of_macie_is_left(without_macie: Synthesis) -> None:
    assert "macie" not in json.dumps(without_macie.regional().body).lower()
