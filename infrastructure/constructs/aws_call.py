"""One AWS call at deployment, for what CloudFormation cannot say."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import aws_cdk as cdk
from aws_cdk import custom_resources

from infrastructure.constructs.checks import accept_managed_policy
from infrastructure.constructs.function import log_group_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_iam as iam
    from aws_cdk import aws_logs as logs
    from constructs import Construct

    from infrastructure.configuration import Configuration

# The CDK runs all calls of a stack in one function and derives its id from this constant of its own.
_FUNCTION = "AWS679f53fac002430cb0da5b7982bd2287"
_LOG = "AwsCallsLog"


def aws_call(
    scope: Construct,
    id: str,
    *,
    configuration: Configuration,
    permissions: Sequence[iam.PolicyStatement],
    call: custom_resources.AwsSdkCall,
    on_delete: custom_resources.AwsSdkCall | None = None,
) -> custom_resources.AwsCustomResource:
    """Make `call` when the resource is made or changed, and another one when it goes.

    The function that does it may do what `permissions` say, and brings no SDK but the runtime's own.
    """
    stack = cdk.Stack.of(scope)
    log = stack.node.try_find_child(_LOG)
    if log is None:
        log = log_group_of(
            stack, _LOG, f"/aws/lambda/{stack.stack_name}-aws-calls", configuration=configuration
        )
    resource = custom_resources.AwsCustomResource(
        scope,
        id,
        on_create=call,
        on_update=call,
        on_delete=on_delete,
        policy=custom_resources.AwsCustomResourcePolicy.from_statements(permissions),
        install_latest_aws_sdk=False,
        log_group=cast("logs.LogGroup", log),
    )
    function = stack.node.find_child(_FUNCTION)
    accept_managed_policy(
        function,
        "service-role/AWSLambdaBasicExecutionRole",
        "The CDK's own function; its logs are all that the policy lets it write.",
    )
    return resource
