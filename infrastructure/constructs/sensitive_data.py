"""Sensitive data: Macie looks into the archive every day, and operators hear of what it finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_macie as macie
from aws_cdk import custom_resources
from constructs import Construct

from functions.contract import Notice
from infrastructure.constructs.alarms import Meaning, Missing, Part
from infrastructure.constructs.aws_call import aws_call
from infrastructure.constructs.checks import accept_wildcard

if TYPE_CHECKING:
    from aws_cdk import aws_s3 as s3

    from infrastructure.configuration import Configuration
    from infrastructure.constructs.notifier import Notifier
    from infrastructure.constructs.region import Region


class SensitiveData(Construct):
    """The daily job on the archive, and its findings on the ops topic.

    Macie has one session per account and region: `macie` of the configuration says whether it is
    made here or existed before. `alarm` has no action: the finding itself is sent, which says more.
    """

    findings: cloudwatch.Metric
    alarm: cloudwatch.Alarm

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        region: Region,
        archive: s3.IBucket,
        notifier: Notifier,
    ) -> None:
        super().__init__(scope, id)
        meaning = Meaning(
            what="Macie found sensitive data in the archive; a message of its own has the finding.",
            users="a publisher sends what it should not, and subscribers may have got it.",
            section="sensitive-data",
        )
        configuration = region.configuration
        job = self._daily_job(configuration, archive)
        if configuration.macie == "create":
            session = macie.CfnSession(
                self,
                "Session",
                status="ENABLED",
                finding_publishing_frequency="FIFTEEN_MINUTES",
            )
            job.node.add_dependency(session)
        rule = self._send_findings(region, archive, notifier, meaning)
        self.findings = cloudwatch.Metric(
            namespace="AWS/Events",
            metric_name="MatchedEvents",
            dimensions_map={"RuleName": rule},
            statistic=cloudwatch.Stats.SUM,
            period=cdk.Duration.minutes(1),
        )
        self.alarm = region.alarms.alarm(
            self,
            "Alarm",
            name="sensitive-data",
            metric=self.findings,
            above=0,
            # EventBridge counts only when something matches.
            missing=Missing.IS_FINE,
            meaning=meaning,
        )
        # No matter of health: it is off by itself within minutes, and nothing is well by that.
        region.alarms.show(self.alarm, part=Part.SENSITIVE_DATA)

    def _daily_job(
        self, configuration: Configuration, archive: s3.IBucket
    ) -> custom_resources.AwsCustomResource:
        stack = cdk.Stack.of(self)
        jobs = stack.format_arn(service="macie2", resource="classification-job", resource_name="*")
        job = aws_call(
            self,
            "DailyJob",
            configuration=configuration,
            # A job can't be changed: a change makes a new one, and CloudFormation deletes the old.
            call=custom_resources.AwsSdkCall(
                service="macie2",
                action="createClassificationJob",
                parameters={
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
                },
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
                # Cancelled already, or gone together with the session.
                ignore_error_codes_matching="ValidationException|ResourceNotFoundException",
            ),
            permissions=[
                iam.PolicyStatement(
                    actions=["macie2:CreateClassificationJob", "macie2:UpdateClassificationJob"],
                    resources=[jobs],
                )
            ],
        )
        accept_wildcard(job, jobs, "Macie gives a job its id when it makes it.")
        return job

    def _send_findings(
        self, region: Region, archive: s3.IBucket, notifier: Notifier, meaning: Meaning
    ) -> str:
        """Send operators each finding; return the name of the rule that does so."""
        name = region.configuration.name("sensitive-data")
        field = events.EventField.from_path
        rule = events.Rule(
            self,
            "Findings",
            rule_name=name,
            description="Sensitive data that Macie found in the archive",
            event_pattern=events.EventPattern(
                source=["aws.macie"],
                detail_type=["Macie Finding"],
                detail={
                    # The other category is about the bucket's settings.
                    "category": ["CLASSIFICATION"],
                    "resourcesAffected": {"s3Bucket": {"name": [archive.bucket_name]}},
                },
            ),
        )
        # Where it was found and what kind it is, and nothing else of the finding.
        members = {
            "type": field("$.detail.type"),
            "severity": field("$.detail.severity.description"),
            "path": field("$.detail.resourcesAffected.s3Object.path"),
            "id": field("$.detail.id"),
            "description": meaning.text(region.configuration),
        }
        rule.add_target(
            notifier.target(Notice.FINDING, members, is_news_for=cdk.Duration.hours(24))
        )
        return name
