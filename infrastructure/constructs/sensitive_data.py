"""Sensitive data: Macie looks into the archive every day."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import custom_resources
from constructs import Construct

from infrastructure.constructs.aws_calls import Permission

if TYPE_CHECKING:
    from aws_cdk import aws_s3 as s3

    from infrastructure.configuration import Configuration
    from infrastructure.constructs.aws_calls import AwsCalls
    from infrastructure.constructs.region import Region


# Errors after which there is nothing to cancel: the job was cancelled, Macie is off (AccessDeniedException),
# or the job was never made, and its id is the name of a log stream. What passes by itself is not among them.
_NOTHING_TO_CANCEL = (
    r"^(Unknown|(?!Throttling|TooManyRequests|InternalServer|ServiceUnavailable)\w+Exception$)"
)


def macie_permissions(scope: Construct) -> list[Permission]:
    """The permissions that a `SensitiveData` in this stack needs at deployment, whatever `macie` says."""
    stack, service = cdk.Stack.of(scope), "macie.amazonaws.com"
    role = f"aws-service-role/{service}/AWSServiceRoleForAmazonMacie"
    return [
        Permission(
            actions=("macie2:CreateClassificationJob", "macie2:UpdateClassificationJob"),
            resource=stack.format_arn(
                service="macie2", resource="classification-job", resource_name="*"
            ),
            why_any="Macie gives a job its id when it makes it.",
        ),
        Permission(
            actions=("macie2:EnableMacie",),
            resource="*",
            why_any="The session is no resource that a policy could name.",
        ),
        # The first session of an account makes it.
        Permission(
            actions=("iam:CreateServiceLinkedRole",),
            resource=stack.format_arn(
                service="iam", region="", resource="role", resource_name=role
            ),
            conditions={"StringEquals": {"iam:AWSServiceName": service}},
        ),
    ]


class SensitiveData(Construct):
    """The daily job on the archive; `workflows/sensitive_data.py` follows up what it finds.

    Macie has one session per account and region, which is not ours: with `macie` of the configuration at
    `create` it is switched on where it is off, and it is never switched off again.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        region: Region,
        archive: s3.IBucket,
        calls: AwsCalls,
    ) -> None:
        super().__init__(scope, id)
        configuration = region.configuration
        job = self._daily_job(configuration, archive, calls)
        if configuration.macie == "create":
            job.node.add_dependency(self._session(calls))

    def _session(self, calls: AwsCalls) -> custom_resources.AwsCustomResource:
        enable = custom_resources.AwsSdkCall(
            service="macie2",
            action="enableMacie",
            parameters={"status": "ENABLED", "findingPublishingFrequency": "FIFTEEN_MINUTES"},
            physical_resource_id=custom_resources.PhysicalResourceId.of("macie-session"),
            # It is on already.
            ignore_error_codes_matching="ConflictException",
        )
        # CloudFormation's own resource fails where the session exists, and deletes the account's findings
        # when it goes.
        return calls.call(self, "Session", on_create=enable, on_update=enable)

    def _daily_job(
        self, configuration: Configuration, archive: s3.IBucket, calls: AwsCalls
    ) -> custom_resources.AwsCustomResource:
        stack = cdk.Stack.of(self)
        job = {
            "name": configuration.name("archive"),
            "description": "Looks at what was archived since it last ran",
            "jobType": "SCHEDULED",
            "scheduleFrequency": {"dailySchedule": {}},
            "initialRun": True,
            "samplingPercentage": 100,
            "managedDataIdentifierSelector": "RECOMMENDED",
            "s3JobDefinition": {
                "bucketDefinitions": [
                    {"accountId": stack.account, "buckets": [archive.bucket_name]}
                ]
            },
        }
        # A job can't be changed: another one is another resource, and CloudFormation deletes the old one. So
        # it is after a change of `macie`, which may have been made because the job is gone.
        described = json.dumps([configuration.macie, stack.resolve(job)], sort_keys=True)
        return calls.call(
            self,
            f"DailyJob-{hashlib.sha256(described.encode()).hexdigest()[:8]}",
            on_create=custom_resources.AwsSdkCall(
                service="macie2",
                action="createClassificationJob",
                parameters=job,
                output_paths=["jobId"],
                physical_resource_id=custom_resources.PhysicalResourceId.from_response("jobId"),
            ),
            on_delete=custom_resources.AwsSdkCall(
                service="macie2",
                action="updateClassificationJob",
                parameters={
                    "jobId": custom_resources.PhysicalResourceIdReference(),
                    "jobStatus": "CANCELLED",
                },
                ignore_error_codes_matching=_NOTHING_TO_CANCEL,
            ),
        )
