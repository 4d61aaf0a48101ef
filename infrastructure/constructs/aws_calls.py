"""AWS calls at deployment, for what CloudFormation cannot say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import custom_resources
from constructs import Construct

from infrastructure.constructs.checks import accept_wildcard
from infrastructure.constructs.function import log_group_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from infrastructure.configuration import Configuration


@dataclass(frozen=True, kw_only=True)
class Permission:
    """Calls that may be made for a resource; `why_any` says why it is not named without a wildcard."""

    actions: tuple[str, ...]
    resource: str
    conditions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    why_any: str | None = None


class AwsCalls(Construct):
    """Makes AWS calls when a stack is deployed, by one function that brings no SDK but the runtime's own.

    All `permissions` are in its role from the start, whatever is called: IAM takes seconds to apply a new
    one, and a call before that is refused. `at` is the time of this deployment.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        configuration: Configuration,
        permissions: Sequence[Permission],
        at: datetime,
    ) -> None:
        super().__init__(scope, id)
        self._at = at.isoformat()
        log = f"/aws/lambda/{cdk.Stack.of(self).stack_name}-aws-calls"
        self._log = log_group_of(self, "Log", log, configuration=configuration)
        statements = [
            iam.PolicyStatement(
                actions=list(permission.actions),
                resources=[permission.resource],
                conditions=permission.conditions,
            )
            for permission in permissions
        ]
        statements.append(
            iam.PolicyStatement(
                actions=["logs:CreateLogStream", "logs:PutLogEvents"],
                resources=[self._log.log_group_arn],
            )
        )
        self._role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
            # A policy of its own would be one more thing for the first call to wait for.
            inline_policies={"Calls": iam.PolicyDocument(statements=statements)},
        )
        for permission in permissions:
            if permission.why_any:
                accept_wildcard(self._role, permission.resource, permission.why_any)

    def call(
        self,
        scope: Construct,
        id: str,
        *,
        on_create: custom_resources.AwsSdkCall,
        on_update: custom_resources.AwsSdkCall | None = None,
        on_delete: custom_resources.AwsSdkCall | None = None,
        each_time: bool = False,
    ) -> custom_resources.AwsCustomResource:
        """Make a call when the resource is made, another when it changes, and another when it goes.

        With `each_time` it changes with every deployment.
        """
        resource = custom_resources.AwsCustomResource(
            scope,
            id,
            on_create=on_create,
            on_update=on_update,
            on_delete=on_delete,
            role=self._role,
            install_latest_aws_sdk=False,
            log_group=self._log,
        )
        if each_time:
            made = cast("cdk.CfnResource", resource.node.find_child("Resource").node.default_child)
            made.add_property_override("DeployedAt", self._at)
        return resource
