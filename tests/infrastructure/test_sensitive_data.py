"""Macie on the archive, its findings, and the switch that leaves it out."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from eventing.detection import DETECTION, Detection
from infrastructure.packaging import ROOT
from tests.infrastructure.synthesis import (
    ACCOUNT,
    Json,
    Resource,
    Synthesis,
    Template,
    listed,
    synthesise,
)

ARCHIVE = f"eventing-archive-{ACCOUNT}-us-east-1"


def _calls(template: Template, action: str) -> list[Resource]:
    return [
        call
        for call in template.all("Custom::AWS")
        if json.loads(call.properties["Create"])["action"] == action
    ]


def _jobs(template: Template) -> list[Resource]:
    return _calls(template, "createClassificationJob")


def _session(template: Template) -> Resource:
    (session,) = _calls(template, "enableMacie")
    return session


def _call(job: Resource, occasion: str) -> Json:
    return json.loads(job.properties[occasion])


def test_a_daily_job_looks_at_the_whole_archive(regional: Template) -> None:
    (job,) = _jobs(regional)
    create = _call(job, "Create")

    assert create["parameters"]["jobType"] == "SCHEDULED"
    assert create["parameters"]["scheduleFrequency"] == {"dailySchedule": {}}
    assert create["parameters"]["samplingPercentage"] == 100
    assert create["parameters"]["s3JobDefinition"]["bucketDefinitions"] == [
        {"accountId": ACCOUNT, "buckets": [ARCHIVE]}
    ]
    assert create["physicalResourceId"] == {"responsePath": "jobId"}


def test_the_job_looks_for_what_the_catalogue_says(regional: Template) -> None:
    (job,) = _jobs(regional)
    detection = Detection.read(ROOT / "catalogue")
    identifiers = list(regional.all("AWS::Macie::CustomDataIdentifier"))
    lists = list(regional.all("AWS::Macie::AllowList"))
    parameters = _call(job, "Create")["parameters"]

    assert parameters["managedDataIdentifierSelector"] == detection.managed.selector
    assert parameters["customDataIdentifierIds"] == [
        f"<{one.properties['Name']}.Id>" for one in identifiers
    ]
    assert parameters["allowListIds"] == [f"<{one.properties['Name']}.Id>" for one in lists]
    assert [(one.properties["Name"], one.properties["Regex"]) for one in identifiers] == [
        (f"eventing-{one.name}", one.regex) for one in detection.identifiers
    ]
    assert [(one.properties["Name"], one.properties["Criteria"]) for one in lists] == [
        (f"eventing-{one.name}", {"Regex": one.regex}) for one in detection.allow_lists
    ]
    session = _session(regional)
    # Macie has nothing before it is on.
    assert all(session.id in regional.needs(one.id) for one in (*identifiers, *lists))


def test_another_identifier_is_another_resource_and_another_job(
    regional: Template, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Neither can be changed; a custom resource without an update would keep the old job."""
    folder = tmp_path_factory.mktemp("identifiers")
    catalogue = folder / "catalogue"
    shutil.copytree(ROOT / "catalogue", catalogue)
    content = json.loads((catalogue / DETECTION).read_text())
    content["identifiers"][0]["keywords"] = ["customer"]
    (catalogue / DETECTION).write_text(json.dumps(content))
    changed = synthesise(folder / "changed", catalogue=str(catalogue)).regional()

    for kind in ("AWS::Macie::CustomDataIdentifier",):
        assert {one.id for one in changed.all(kind)}.isdisjoint(
            one.id for one in regional.all(kind)
        )
    assert _jobs(changed)[0].id != _jobs(regional)[0].id
    assert _session(changed).id == _session(regional).id

    (catalogue / DETECTION).unlink()
    without = synthesise(folder / "without", catalogue=str(catalogue)).regional()
    parameters = _call(_jobs(without)[0], "Create")["parameters"]
    assert parameters["managedDataIdentifierSelector"] == "RECOMMENDED"
    assert not {"customDataIdentifierIds", "allowListIds"} & set(parameters)


def test_another_job_is_another_resource(regional: Template, two_regions: Synthesis) -> None:
    """A job can't be changed, and an update that fails leaves a custom resource with a name that is no job's.

    The CDK's function answers a failure with its log stream's name as the physical id
    (aws-custom-resource-handler of aws-cdk-lib 2.275.0; aws-cdk issue 13527), and rolling back an update
    calls Update once more. So nothing is ever updated: another setting makes a job, and the old one goes.
    """
    jobs = [_jobs(template)[0] for template in (regional, two_regions.regional())]

    assert all("Update" not in job.properties for job in jobs)
    # One deployment has its session made, the other one uses what is there.
    assert jobs[0].id != jobs[1].id


@pytest.mark.parametrize(
    ("answer", "stops"),
    [
        # Macie is off (Macie API reference, "AccessDeniedException: Macie is not enabled").
        ("AccessDeniedException", False),
        # Cancelled already, or gone.
        ("ValidationException", False),
        ("ConflictException", False),
        ("ResourceNotFoundException", False),
        # The id is the name of a log stream, with slashes and brackets: a path that the API may not have.
        ("UnknownOperationException", False),
        ("MissingAuthenticationTokenException", False),
        ("InvalidSignatureException", False),
        ("Unknown", False),
        # What passes by itself: the job would go on, and cost.
        ("ThrottlingException", True),
        ("TooManyRequestsException", True),
        ("InternalServerException", True),
        ("ServiceUnavailableException", True),
        ("TimeoutError", True),
    ],
)
def test_a_job_that_is_not_there_keeps_no_stack_from_going(
    regional: Template, answer: str, stops: bool
) -> None:
    """The CDK's function compares the error's name with the pattern, and fails when it does not match."""
    (job,) = _jobs(regional)
    delete = _call(job, "Delete")

    assert delete["action"] == "updateClassificationJob"
    assert delete["parameters"] == {"jobId": "PHYSICAL:RESOURCEID:", "jobStatus": "CANCELLED"}
    assert (re.search(delete["ignoreErrorCodesMatching"], answer) is None) is stops


def test_the_session_is_the_accounts_and_outlives_the_stack(regional: Template) -> None:
    """Deleting AWS::Macie::Session turns Macie off for the whole account and deletes all findings.

    EnableMacie answers ConflictException where it is on (Macie API reference, "Macie administration").
    """
    (session,) = _calls(regional, "enableMacie")
    create = _call(session, "Create")

    assert not list(regional.all("AWS::Macie::Session"))
    assert "Delete" not in session.properties
    assert create["parameters"]["status"] == "ENABLED"
    assert create["ignoreErrorCodesMatching"] == "ConflictException"


def test_the_job_is_made_when_the_session_is_there(regional: Template) -> None:
    (session,), (job,) = _calls(regional, "enableMacie"), _jobs(regional)

    assert session.id in regional.needs(job.id)


@pytest.mark.parametrize("kind", ["deployment", "two_regions", "without_macie", "laptop"])
def test_what_is_called_at_deployment_is_allowed_from_the_start(
    kind: str, request: pytest.FixtureRequest
) -> None:
    """IAM takes seconds to apply a statement; a call right after it is AccessDenied at random.

    (IAM, "Changes that I make are not always immediately visible".) So the statements are in the role
    itself, which is there before the function, and they are the same whatever `macie` says.
    """
    template: Template = request.getfixturevalue(kind).regional()
    calls = list(template.all("Custom::AWS"))
    (function,) = {call.raw["ServiceToken"]["Fn::GetAtt"][0] for call in calls}
    (role,) = template.needs(function) & {r.id for r in template.all("AWS::IAM::Role")}

    statements = {
        (action, statement["Resource"])
        for policy in template.properties(role)["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        for action in listed(statement["Action"])
    }
    job = f"arn:aws:macie2:us-east-1:{ACCOUNT}:classification-job/*"
    log = "/aws/lambda/eventing-us-east-1-aws-calls"
    of_macie = "aws-service-role/macie.amazonaws.com/AWSServiceRoleForAmazonMacie"
    assert statements == {
        ("dynamodb:DescribeTable", f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/eventing-events"),
        ("dynamodb:PutItem", f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/eventing-registry"),
        ("dynamodb:DeleteItem", f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/eventing-registry"),
        ("macie2:CreateClassificationJob", job),
        ("macie2:UpdateClassificationJob", job),
        ("macie2:EnableMacie", "*"),
        ("iam:CreateServiceLinkedRole", f"arn:aws:iam::{ACCOUNT}:role/{of_macie}"),
        ("logs:CreateLogStream", log),
        ("logs:PutLogEvents", log),
    }
    assert not [p for p in template.all("AWS::IAM::Policy") if f"<{role}>" in p.properties["Roles"]]


def test_a_session_that_exists_is_used(two_regions: Synthesis) -> None:
    for region in ("us-east-1", "eu-west-1"):
        template = two_regions.regional(region)
        assert not _calls(template, "enableMacie")
        assert len(_jobs(template)) == 1


def test_switched_off_nothing_of_macie_is_left_but_permissions(without_macie: Synthesis) -> None:
    left = {
        body["Type"]
        for body in without_macie.regional().body["Resources"].values()
        if "macie2" in json.dumps(body).lower()
    }

    # The role that switches it on and off, and the policy of whoever verifies.
    assert left == {"AWS::IAM::Role", "AWS::IAM::ManagedPolicy"}


def test_macie_is_known_by_its_construct(regional: Template, without_macie: Synthesis) -> None:
    """`eventing verify` looks for it by the ids of its resources."""
    prefix = "SensitiveDataHandlingMacie"

    assert [one for one in regional.body["Resources"] if one.startswith(prefix)]
    without = without_macie.regional().body["Resources"]
    assert not [one for one in without if one.startswith(prefix)]
