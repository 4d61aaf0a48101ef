"""The rights of who deploys: what CloudFormation needs for the resources of all templates, and no other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

import cfnlint
import pytest
import yaml

from infrastructure.packaging import ROOT
from tests.infrastructure.synthesis import Json, Synthesis, listed

POLICY = json.loads((ROOT / "docs/deploying/execution-policy.json").read_text())
DEPLOYER = json.loads((ROOT / "docs/deploying/deployer-policy.json").read_text())
# AWS's own description of each resource type, with the permissions that its handlers need.
SCHEMAS = Path(cfnlint.__file__).parent / "data" / "schemas"
# Of IAM: the characters of a managed policy, without white space.
LONGEST = 6144
# What handlers may need for features that no template here has.
UNUSED = (
    # Keys of the customer's own, networks and file systems.
    *("kms:*", "ec2:*", "elasticfilesystem:*", "s3files:*"),
    # Capacity that is provisioned; streams of Kinesis; delivery of logs; tables of metadata.
    *("application-autoscaling:*", "kinesis:*", "s3tables:*"),
    # Policies of users and groups; boundaries.
    *("iam:*User*", "iam:*Group*", "iam:*PermissionsBoundary"),
    # The handlers' own figures, and no action of S3.
    *("cloudwatch:PutMetricData", "s3:REST.PUT.OBJECT"),
    # Code that is signed; functions on machines of one's own.
    *("lambda:*CodeSigningConfig", "lambda:PassCapacityProvider"),
    # Certificates of an authority of one's own; switches of Application Recovery Controller.
    *("acm-pca:*", "route53-recovery-control-config:*"),
    # Logs that others than the account's own senders write.
    *("logs:*ResourcePolicy", "logs:CreateLogDelivery", "logs:PutBearerTokenAuthentication"),
)
# What the ARNs of a type look like, or of all types of a service.
ARNS = {
    "AWS::ApiGateway": "arn:aws:apigateway:us-east-1::/restapis/1",
    "AWS::Budgets": "arn:aws:budgets::1:budget/eventing-monthly",
    "AWS::CertificateManager": "arn:aws:acm:us-east-1:1:certificate/1",
    "AWS::CloudWatch::Alarm": "arn:aws:cloudwatch:us-east-1:1:alarm:eventing-x",
    "AWS::CloudWatch::CompositeAlarm": "arn:aws:cloudwatch:us-east-1:1:alarm:eventing-x",
    "AWS::CloudWatch::Dashboard": "arn:aws:cloudwatch::1:dashboard/eventing-x",
    "AWS::DynamoDB": "arn:aws:dynamodb:us-east-1:1:table/eventing-x",
    "AWS::Events": "arn:aws:events:us-east-1:1:rule/eventing-x",
    "AWS::IAM::ManagedPolicy": "arn:aws:iam::1:policy/eventing-x",
    "AWS::IAM": "arn:aws:iam::1:role/eventing-us-east-1-x",
    "AWS::KinesisFirehose": "arn:aws:firehose:us-east-1:1:deliverystream/eventing-archive",
    "AWS::Lambda::EventSourceMapping": "arn:aws:lambda:us-east-1:1:event-source-mapping:1",
    "AWS::Lambda": "arn:aws:lambda:us-east-1:1:function:eventing-x",
    "AWS::Logs": "arn:aws:logs:us-east-1:1:log-group:/aws/lambda/eventing-x",
    # Macie gives these ids.
    "AWS::Macie": "arn:aws:macie2:us-east-1:1:allow-list/1",
    "AWS::Route53::HealthCheck": "arn:aws:route53:::healthcheck/1",
    "AWS::Route53::RecordSet": "arn:aws:route53:::hostedzone/ZONE",
    "AWS::S3": "arn:aws:s3:::eventing-x",
    "AWS::SNS": "arn:aws:sns:us-east-1:1:eventing-x",
    "AWS::SQS": "arn:aws:sqs:us-east-1:1:eventing-x",
    "AWS::StepFunctions": "arn:aws:states:us-east-1:1:stateMachine:eventing-x",
}
# The types of custom resources are CloudFormation's, which calls a function of the template.
CUSTOM = "Custom::"


def _allowed(arn: str | None = None) -> list[str]:
    """The actions that are allowed on this resource, or on any."""
    return [
        action
        for one in POLICY["Statement"]
        if arn is None or any(fnmatchcase(arn, pattern) for pattern in listed(one["Resource"]))
        for action in listed(one["Action"])
    ]


def _arn(type: str, action: str) -> str | None:
    """What CloudFormation does this to: to a resource of the type, where it is of the same service."""
    arn = ARNS.get(type) or ARNS[type.rpartition("::")[0]]
    return arn if arn.split(":")[2] == action.partition(":")[0] else None


def _needed(type: str) -> Iterator[str]:
    """The actions with which CloudFormation makes, reads, changes and deletes a resource."""
    file = json.loads((SCHEMAS / "providers" / "us-east-1.json").read_text())[type]
    handlers = json.loads((SCHEMAS / "resources" / f"{file}.json").read_text())["handlers"]
    for name in ("create", "read", "update", "delete"):
        yield from handlers.get(name, {}).get("permissions", ())


def _matches(action: str, patterns: list[str] | tuple[str, ...]) -> bool:
    return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)


@pytest.fixture(scope="module")
def types(tuned: Synthesis, named: Mapping[int, Synthesis]) -> set[str]:
    """Every type of resource that some deployment has."""
    templates = [*tuned.templates.values(), *named[2].templates.values()]
    return {body["Type"] for one in templates for body in one.body["Resources"].values()}


def test_cloudformation_may_do_what_the_resources_of_all_templates_need(types: set[str]) -> None:
    made = {type for type in types if not type.startswith(CUSTOM)}
    lacking = {
        (type, action)
        for type in made
        for action in _needed(type)
        if not _matches(action, _allowed(_arn(type, action))) and not _matches(action, UNUSED)
    }

    assert lacking == set()


def test_cloudformation_may_do_nothing_that_no_template_needs(types: set[str]) -> None:
    services = {action.partition(":")[0] for action in _allowed()}
    needed = {
        action.partition(":")[0]
        for type in types
        if not type.startswith(CUSTOM)
        for action in _needed(type)
    }

    # Of the CDK's own parameter, which says which version of the bootstrap stack there is.
    assert services - needed == {"ssm"}
    assert not [action for action in _allowed() if action in ("*", "iam:*")]


def test_what_has_a_name_is_of_this_deployment() -> None:
    for statement in POLICY["Statement"]:
        for resource in listed(statement["Resource"]):
            whole_services = [a for a in listed(statement["Action"]) if a.endswith(":*")]
            if "eventing-" not in resource:
                assert statement["Sid"] in (
                    *("WhatHasNoNameOfItsOwn", "TagsOfMappings"),
                    *("RecordsOfTheDomain", "CertificatesOfTheDomain"),
                    *("ReplicasOfTheTable", "WhatTheCdkBroughtHere"),
                )
                # The resources of API Gateway have ids, and no names.
                assert set(whole_services) <= {"apigateway:*"}


def test_records_are_those_of_one_zone_which_whoever_deploys_fills_in() -> None:
    changing = [
        (statement["Sid"], statement["Resource"])
        for statement in POLICY["Statement"]
        if _matches("route53:ChangeResourceRecordSets", listed(statement["Action"]))
    ]

    assert changing == [("RecordsOfTheDomain", "arn:aws:route53:::hostedzone/ZONE")]


def test_roles_are_passed_to_services_that_run_something_here() -> None:
    (passing,) = (one for one in POLICY["Statement"] if one["Action"] == "iam:PassRole")

    assert passing["Resource"] == "arn:aws:iam::*:role/eventing-*"
    assert passing["Condition"]["StringEquals"]["iam:PassedToService"]


def test_who_deploys_takes_the_roles_of_the_bootstrap_stack_and_may_do_nothing_else() -> None:
    (statement,) = DEPLOYER["Statement"]

    assert statement["Action"] == ["sts:AssumeRole", "sts:TagSession"]
    assert all(":role/cdk-hnb659fds-" in resource for resource in statement["Resource"])


@pytest.mark.parametrize("policy", [POLICY, DEPLOYER], ids=["execution", "deployer"])
def test_iam_takes_the_policy(policy: Json) -> None:
    assert len(json.dumps(policy, separators=(",", ":"))) <= LONGEST


def test_the_example_pipeline_is_pinned_and_asks_github_for_no_more_than_who_it_is() -> None:
    text = (ROOT / "docs/deploying/github-actions.yml").read_text()
    ci = (ROOT / ".github/workflows/ci.yml").read_text()
    pipeline = yaml.safe_load(text)

    assert set(re.findall(r"uses: (.+)", text)) == set(re.findall(r"uses: (.+)", ci))
    assert pipeline["permissions"] == {"contents": "read"}
    for name, job in pipeline["jobs"].items():
        identified = {"contents": "read", "id-token": "write"}
        assert job.get("permissions") == (None if name == "check" else identified)
        assert job["timeout-minutes"] <= 120
    assert pipeline["jobs"]["deploy"]["environment"] == "production"
