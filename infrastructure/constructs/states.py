"""Names of what Step Functions has, for those that are made before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk

if TYPE_CHECKING:
    from constructs import Construct


def states_arn(scope: Construct, resource: str, name: str) -> str:
    """The ARN of something of Step Functions in this stack."""
    return cdk.Stack.of(scope).format_arn(
        service="states",
        resource=resource,
        resource_name=name,
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
    )
