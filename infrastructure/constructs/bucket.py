"""A bucket that holds events: nobody's but this deployment's."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import aws_cdk as cdk
from aws_cdk import aws_s3 as s3

if TYPE_CHECKING:
    from constructs import Construct

    from infrastructure.configuration import Configuration

# Long enough to notice that objects were deleted, and to bring them back.
_DELETED_OBJECTS = cdk.Duration.days(7)


class PrivateBucket(s3.Bucket):
    """Blocked to the public, TLS only, encrypted, versioned; everything in it expires.

    With `events`, EventBridge hears what happens to its objects.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        configuration: Configuration,
        name: str,
        days: int,
        access_logs: s3.IBucket | None = None,
        events: bool = False,
    ) -> None:
        stack = cdk.Stack.of(scope)
        bucket_name = configuration.name(f"{name}-{stack.account}-{stack.region}")
        super().__init__(
            scope,
            id,
            bucket_name=bucket_name,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            enforce_ssl=True,
            encryption=s3.BucketEncryption.S3_MANAGED,
            versioned=True,
            server_access_logs_bucket=access_logs,
            server_access_logs_prefix=f"access-logs/{name}/" if access_logs else None,
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="expire",
                    expiration=cdk.Duration.days(days),
                    noncurrent_version_expiration=_DELETED_OBJECTS,
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(1),
                ),
                # S3 refuses this together with an expiry in days in one rule.
                s3.LifecycleRule(id="clean-up-delete-markers", expired_object_delete_marker=True),
            ],
            # A deployment that fails at first takes its empty bucket back: the next one needs the name.
            removal_policy=(
                cdk.RemovalPolicy.DESTROY
                if configuration.laptop
                else cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
            ),
        )
        if events:
            # The CDK's own switch is a custom resource with a function, for what is a property.
            cast(
                "s3.CfnBucket", self.node.default_child
            ).notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
                event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(
                    event_bridge_enabled=True
                )
            )


def removal_policy(configuration: Configuration) -> cdk.RemovalPolicy:
    """Events outlive the stack that stores them, except on a laptop."""
    return cdk.RemovalPolicy.DESTROY if configuration.laptop else cdk.RemovalPolicy.RETAIN
