"""The operators' own resources: a topic that notifies them, and a bucket for what they look into."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from functions.contract import Objects
from infrastructure.constructs.bucket import ACCESS_LOGS, PrivateBucket
from infrastructure.constructs.checks import accept_wildcard
from infrastructure.retention import APPROVAL_DAYS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infrastructure.configuration import Configuration
    from infrastructure.constructs.function import Function


class Operations(Construct):
    """The ops topic, which alarms may send to, and the operations bucket."""

    topic: sns.Topic
    bucket: PrivateBucket

    def __init__(self, scope: Construct, id: str, *, configuration: Configuration) -> None:
        super().__init__(scope, id)
        self.topic = sns.Topic(
            self, "Topic", topic_name=configuration.name("ops"), enforce_ssl=True
        )
        # A policy of its own replaces the one that lets the account's alarms in by default.
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                sid="AlarmsOfThisAccount",
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": cdk.Stack.of(self).account}},
            )
        )
        for email in configuration.ops_emails:
            self.topic.add_subscription(subscriptions.EmailSubscription(email))

        retention = configuration.retention
        self.bucket = PrivateBucket(
            self,
            "Bucket",
            configuration=configuration,
            name="operations",
            days={
                Objects.RUNS: retention.runs,
                Objects.APPROVALS: APPROVAL_DAYS,
                Objects.REPORTS: retention.reports,
                Objects.CASES: retention.reports,
                Objects.FINDINGS: retention.reports,
                Objects.JUNK: retention.junk,
                Objects.RESUBMITTED: retention.junk,
                Objects.INVOCATION_RECORDS: retention.invocation_records,
                ACCESS_LOGS: retention.access_logs,
            },
            exempt=(Objects.INVOCATION_RECORDS, ACCESS_LOGS),
            events=True,
        )

    @property
    def outputs(self) -> dict[str, str]:
        """The outputs of the stack that name both."""
        return {"OperationsBucket": self.bucket.bucket_name, "OpsTopicArn": self.topic.topic_arn}

    def grant_notify(self, function: Function) -> None:
        """Let it send messages to the operators."""
        function.add_to_role_policy(
            iam.PolicyStatement(actions=["sns:Publish"], resources=[self.topic.topic_arn])
        )

    def grant_read(self, function: Function, *prefixes: str) -> None:
        """Let it read the objects whose keys begin like this."""
        self._grant(function, "s3:GetObject", prefixes)

    def grant_list(self, function: Function, prefix: str) -> None:
        """Let it see which objects have keys that begin like this."""
        function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["s3:ListBucket"],
                resources=[self.bucket.bucket_arn],
                conditions={"StringLike": {"s3:prefix": f"{prefix}*"}},
            )
        )

    def grant_write(self, function: Function, *prefixes: str) -> None:
        """Let it add objects whose keys begin like this; none is overwritten."""
        self._grant(function, "s3:PutObject", prefixes)

    def _grant(self, function: Function, action: str, prefixes: Sequence[str]) -> None:
        for objects in (self.bucket.arn_for_objects(f"{prefix}*") for prefix in prefixes):
            function.add_to_role_policy(iam.PolicyStatement(actions=[action], resources=[objects]))
            accept_wildcard(
                function.execution_role,
                objects,
                "Objects are named by execution, or by what they hold.",
            )
