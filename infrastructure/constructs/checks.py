"""Findings of cdk-nag that are accepted, each on the construct that causes it and with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aws_cdk as cdk

if TYPE_CHECKING:
    from constructs import IConstruct


def accept(construct: IConstruct, finding: str, reason: str) -> None:
    """Accept one finding of the AwsSolutions rules on this construct, and on nothing beside it."""
    acknowledgment = cdk.Acknowledgment(id=f"AwsSolutions-{finding}", reason=reason)
    cdk.Validations.of(construct).acknowledge(acknowledgment)


def accept_wildcard(construct: IConstruct, resource: str, reason: str) -> None:
    """Accept that a policy of this construct allows something on `resource`, which has a `*` in it."""
    resolved = cdk.Stack.of(construct).resolve(resource)
    accept(construct, f"IAM5[Resource::{_flat(resolved)}]", reason)


def accept_managed_policy(construct: IConstruct, policy: str, reason: str) -> None:
    """Accept that a role of this construct uses a policy that AWS keeps."""
    accept(construct, f"IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{policy}]", reason)


def _flat(value: Any) -> str:
    """CloudFormation's references in the spelling that cdk-nag gives them in a finding."""
    match value:
        case str():
            return value
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(_flat(part) for part in parts)
        case _:
            raise TypeError(f"no finding spells a resource like this: {value!r}")
