"""The archive: a copy of every event, where Macie looks for sensitive data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from functions.contract import QUARANTINE, Objects
from infrastructure.constructs.bucket import PrivateBucket
from infrastructure.constructs.checks import accept_wildcard
from infrastructure.constructs.delivery_stream import DeliveryStream, delivery_role

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_s3 as s3

    from infrastructure.constructs.function import Function
    from infrastructure.constructs.region import Region


class Archive(Construct):
    """The archive bucket; who reads it is logged in the bucket `access_logs`."""

    bucket: PrivateBucket
    stream: DeliveryStream | None
    """Into the bucket, unless the configuration leaves it out."""

    def __init__(
        self, scope: Construct, id: str, *, region: Region, access_logs: s3.IBucket
    ) -> None:
        super().__init__(scope, id)
        # Firehose does not know the header without which the bucket takes nothing.
        role = delivery_role(self) if region.configuration.archive_stream else None
        self.bucket = PrivateBucket(
            self,
            "Bucket",
            configuration=region.configuration,
            name="archive",
            days={"": region.configuration.retention.events},
            exempt_role=role,
            access_logs=access_logs,
        )
        self.stream = (
            DeliveryStream(self, "Stream", region=region, bucket=self.bucket, role=role)
            if role
            else None
        )

    @property
    def outputs(self) -> dict[str, str]:
        """The outputs of the stack that name the bucket, and the stream if there is one."""
        stream = {"DeliveryStream": self.stream.name} if self.stream else {}
        return {"ArchiveBucket": self.bucket.bucket_name, **stream}

    def grant_archive(self, function: Function) -> None:
        """Let it add copies of events, and neither read nor remove any."""
        objects = self.bucket.arn_for_objects(f"{Objects.EVENTS}*")
        function.add_to_role_policy(
            iam.PolicyStatement(actions=["s3:PutObject"], resources=[objects])
        )
        accept_wildcard(
            function.execution_role, objects, "One object for each request, under its publisher."
        )

    def grant_examine(self, function: Function) -> None:
        """Let it read the copies of events, and put objects under quarantine."""
        objects = self.bucket.arn_for_objects(f"{Objects.EVENTS}*")
        for actions, resource in (
            (["s3:GetObject", "s3:GetObjectVersion"], objects),
            (["s3:PutObjectTagging", "s3:PutObjectVersionTagging"], objects),
            # Without it S3 does not tell that an object is gone, but that it may not be read.
            (["s3:ListBucket"], self.bucket.bucket_arn),
        ):
            function.add_to_role_policy(iam.PolicyStatement(actions=actions, resources=[resource]))
        accept_wildcard(
            function.execution_role, objects, "A finding may be about any object of the archive."
        )

    def keep_quarantined_from_all_but(self, functions: Sequence[Function]) -> None:
        """Deny everybody else to read objects that are under quarantine, and to take the tag away.

        Macie reads them as well: what it can't read, it reports as an error of its run.
        """
        stack = cdk.Stack.of(self)
        macie = stack.format_arn(
            service="iam",
            region="",
            resource="role",
            resource_name="aws-service-role/macie.amazonaws.com/AWSServiceRoleForAmazonMacie",
        )
        few = [macie, *(function.execution_role.role_arn for function in functions)]
        quarantine = iam.PolicyStatement(
            sid="QuarantineIsKept",
            effect=iam.Effect.DENY,
            principals=[iam.AnyPrincipal()],
            actions=[
                "s3:GetObject",
                "s3:GetObjectVersion",
                "s3:PutObjectTagging",
                "s3:PutObjectVersionTagging",
                "s3:DeleteObjectTagging",
                "s3:DeleteObjectVersionTagging",
            ],
            resources=[self.bucket.arn_for_objects("*")],
            conditions={
                "StringLike": {f"s3:ExistingObjectTag/{QUARANTINE}": "*"},
                "ArnNotEquals": {"aws:PrincipalArn": few},
            },
        )
        self.bucket.add_to_resource_policy(quarantine)
