"""Sensitive data: Macie looks into the archive every day."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
from aws_cdk import aws_macie as macie
from aws_cdk import custom_resources
from constructs import Construct

from eventing.detection import Detection
from infrastructure.constructs.aws_calls import Permission

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_s3 as s3

    from eventing.detection import AllowList, Identifier
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


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:8]


class SensitiveData(Construct):
    """The daily job on the archive; `workflows/sensitive_data.py` follows up what it finds.

    Macie has one session per account and region, which is not ours: with `macie` of the configuration at
    `create` it is switched on where it is off, and it is never switched off again.
    """

    job_id: str

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
        detection = Detection.read(configuration.catalogue_folder)
        lists = [self._allow_list(configuration, one) for one in detection.allow_lists]
        identifiers = [self._identifier(configuration, one) for one in detection.identifiers]
        job = self._daily_job(
            configuration,
            archive,
            calls,
            detection=detection,
            allow_list_ids=[one.attr_id for one in lists],
            identifier_ids=[one.attr_id for one in identifiers],
        )
        if configuration.macie == "create":
            session = self._session(calls)
            # Without a session there is nothing that Macie could have.
            for of_macie in (*lists, *identifiers, job):
                of_macie.node.add_dependency(session)
        self.job_id = job.get_response_field("jobId")

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

    def _allow_list(self, configuration: Configuration, one: AllowList) -> macie.CfnAllowList:
        return macie.CfnAllowList(
            self,
            f"Allowed-{one.name}",
            name=configuration.name(one.name),
            description=one.description or None,
            criteria=macie.CfnAllowList.CriteriaProperty(regex=one.regex),
        )

    def _identifier(
        self, configuration: Configuration, one: Identifier
    ) -> macie.CfnCustomDataIdentifier:
        # It can't be changed, and the job that uses it can't either: another one is another resource.
        return macie.CfnCustomDataIdentifier(
            self,
            f"Identifier-{one.name}-{_digest(asdict(one))}",
            name=configuration.name(one.name),
            description=one.description or None,
            regex=one.regex,
            keywords=list(one.keywords) or None,
            ignore_words=list(one.ignore_words) or None,
            maximum_match_distance=one.maximum_match_distance,
        )

    def _daily_job(
        self,
        configuration: Configuration,
        archive: s3.IBucket,
        calls: AwsCalls,
        *,
        detection: Detection,
        allow_list_ids: Sequence[str],
        identifier_ids: Sequence[str],
    ) -> custom_resources.AwsCustomResource:
        stack = cdk.Stack.of(self)
        managed = detection.managed
        job: dict[str, Any] = {
            "name": configuration.name("archive"),
            "description": "Looks at what was archived since it last ran",
            "jobType": "SCHEDULED",
            "scheduleFrequency": {"dailySchedule": {}},
            "initialRun": True,
            "samplingPercentage": 100,
            "managedDataIdentifierSelector": managed.selector,
            **({"managedDataIdentifierIds": list(managed.ids)} if managed.ids else {}),
            **({"customDataIdentifierIds": identifier_ids} if identifier_ids else {}),
            **({"allowListIds": allow_list_ids} if allow_list_ids else {}),
            "s3JobDefinition": {
                "bucketDefinitions": [
                    {"accountId": stack.account, "buckets": [archive.bucket_name]}
                ]
            },
        }
        # A job can't be changed: another one is another resource, and CloudFormation deletes the old one. So
        # it is after a change of `macie`, which may have been made because the job is gone.
        described = _digest([configuration.macie, stack.resolve(job)])
        return calls.call(
            self,
            f"DailyJob-{described}",
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
