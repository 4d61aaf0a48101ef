"""A bucket that holds events: nobody's but this deployment's."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from constructs import Construct

    from infrastructure.configuration import Configuration


# What the keys of access logs begin with.
ACCESS_LOGS = "access-logs/"


class PrivateBucket(s3.Bucket):
    """Blocked to the public, TLS only, encrypted, versioned; everything in it expires.

    `days` is the life of objects by what their keys begin with; what is not named lives the longest of them.

    What is written is never overwritten, whoever writes it: S3 refuses a `PutObject` without
    `If-None-Match`, but from who erases (`allow_erasing`). Services of AWS that don't know the header may
    write below `exempt`, or in the role `exempt_role`. With `events`, EventBridge hears what happens to its
    objects.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        configuration: Configuration,
        name: str,
        days: Mapping[str, int],
        exempt: Sequence[str] = (),
        exempt_role: iam.IRole | None = None,
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
            server_access_logs_prefix=f"{ACCESS_LOGS}{name}/" if access_logs else None,
            lifecycle_rules=[
                *(
                    s3.LifecycleRule(
                        id=f"expire-{prefix}" if prefix else "expire",
                        prefix=prefix or None,
                        expiration=cdk.Duration.days(life),
                        # Long enough to notice that objects were deleted, and to bring them back.
                        noncurrent_version_expiration=cdk.Duration.days(
                            configuration.retention.replaced_objects
                        ),
                        abort_incomplete_multipart_upload_after=cdk.Duration.days(1),
                    )
                    # Of the rules that fit an object, S3 goes by the shortest.
                    for prefix, life in {"": max(days.values()), **days}.items()
                ),
                # S3 refuses this together with an expiry in days in one rule.
                s3.LifecycleRule(id="clean-up-delete-markers", expired_object_delete_marker=True),
            ],
            removal_policy=removal_policy(configuration),
        )
        self._refuse_overwriting(exempt, exempt_role)
        if events:
            # The CDK's own switch is a custom resource with a function, for what is a property.
            cast(
                "s3.CfnBucket", self.node.default_child
            ).notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
                event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(
                    event_bridge_enabled=True
                )
            )

    def _refuse_overwriting(self, exempt: Sequence[str], role: iam.IRole | None) -> None:
        exempted = [self.arn_for_objects(f"{prefix}*") for prefix in exempt]
        self._exempt_roles = [role.role_arn] if role else []
        self._denied = iam.PolicyStatement(
            sid="NothingIsOverwritten",
            effect=iam.Effect.DENY,
            principals=[iam.AnyPrincipal()],
            actions=["s3:PutObject"],
            resources=None if exempted else [self.arn_for_objects("*")],
            not_resources=exempted or None,
            # Copies and uploads in parts are refused as well (S3, "Enforce conditional writes").
            conditions={
                "Null": {"s3:if-none-match": "true"},
                **({"ArnNotEquals": {"aws:PrincipalArn": role.role_arn}} if role else {}),
            },
        )
        self.add_to_resource_policy(self._denied)

    def allow_erasing(self, role: iam.IRole, *prefixes: str) -> None:
        """Let this role, and no other, write over an object below these prefixes.

        Only as long as the object is what was read (`If-Match`).
        """
        principal = {"aws:PrincipalArn": role.role_arn}
        swept = [self.arn_for_objects(f"{prefix}*") for prefix in prefixes]
        # One key holds one list: `add_condition` would replace what is there.
        self._exempt_roles.append(role.role_arn)
        self._denied.add_condition("ArnNotEquals", {"aws:PrincipalArn": self._exempt_roles})
        unread = {"s3:if-none-match": "true", "s3:if-match": "true"}
        for sid, resources, others, missing in (
            ("NothingElseIsErased", None, swept, {"s3:if-none-match": "true"}),
            ("OnlyWhatWasReadIsErased", swept, None, unread),
        ):
            self.add_to_resource_policy(
                iam.PolicyStatement(
                    sid=sid,
                    effect=iam.Effect.DENY,
                    principals=[iam.AnyPrincipal()],
                    actions=["s3:PutObject"],
                    resources=resources,
                    not_resources=others,
                    conditions={"ArnEquals": principal, "Null": missing},
                )
            )


def removal_policy(configuration: Configuration, *, protected: bool = False) -> cdk.RemovalPolicy:
    """Events outlive the stack that stores them, except on a laptop.

    A deployment that fails takes back what it has just made, since the next one needs the name; but not
    what is `protected` from deletion, on which taking it back would fail.
    """
    if configuration.laptop:
        return cdk.RemovalPolicy.DESTROY
    policies = cdk.RemovalPolicy
    return policies.RETAIN if protected else policies.RETAIN_ON_UPDATE_OR_DELETE
