"""The stacks of a deployment in one region: how they are, and what they have made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from console.deployed.aws import error_code

if TYPE_CHECKING:
    from types_boto3_cloudformation import CloudFormationClient


@dataclass(frozen=True)
class Resource:
    """What a stack has made."""

    kind: str
    """Its CloudFormation type."""
    logical_id: str
    id: str
    """Its physical id: a name, an ARN or a URL, as its type has it."""
    status: str


class Stacks:
    """Those of one deployment in one region. Its methods raise what the SDK raises."""

    def __init__(self, client: CloudFormationClient, *, deployment: str, region: str) -> None:
        self._client = client
        self.regional = f"{deployment}-{region}"
        self.data = f"{deployment}-data"
        """In the primary region alone."""

    def status(self, stack: str) -> str | None:
        """How a stack is; None when there is none of this name in this region."""
        try:
            (found,) = self._client.describe_stacks(StackName=stack)["Stacks"]
        except ClientError as error:
            # IAM answers before CloudFormation looks: a stack that may not be seen is another error.
            if error_code(error) != "ValidationError":
                raise
            return None
        return found["StackStatus"]

    def resources(self, stack: str) -> Iterator[Resource]:
        """All that a stack has made, and what it has failed to make."""
        pages = self._client.get_paginator("list_stack_resources").paginate(StackName=stack)
        for page in pages:
            for one in page["StackResourceSummaries"]:
                yield Resource(
                    one["ResourceType"],
                    one["LogicalResourceId"],
                    one.get("PhysicalResourceId", ""),
                    one["ResourceStatus"],
                )
