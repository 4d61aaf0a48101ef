"""The archive: a copy of every event, where Macie looks for sensitive data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_iam as iam
from constructs import Construct

from functions.contract import Objects
from infrastructure.constructs.bucket import PrivateBucket
from infrastructure.constructs.checks import accept_wildcard
from infrastructure.constructs.delivery_stream import DeliveryStream, delivery_role

if TYPE_CHECKING:
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

    def grant_archive(self, function: Function) -> None:
        """Let it add copies of events, and neither read nor remove any."""
        objects = self.bucket.arn_for_objects(f"{Objects.EVENTS}*")
        function.add_to_role_policy(
            iam.PolicyStatement(actions=["s3:PutObject"], resources=[objects])
        )
        accept_wildcard(
            function.execution_role, objects, "One object for each request, under its publisher."
        )
