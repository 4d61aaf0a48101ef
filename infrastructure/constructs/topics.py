"""The topics of the catalogue, which subscribers subscribe to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

if TYPE_CHECKING:
    from collections.abc import Mapping

    from infrastructure.configuration import Configuration
    from infrastructure.constructs.function import Function


class Topics(Construct):
    """One SNS topic for each topic of the catalogue, by the catalogue's name of it."""

    by_name: Mapping[str, sns.Topic]
    arn_prefix: str
    """What stands before the catalogue's name in the ARN of every topic."""

    def __init__(self, scope: Construct, id: str, *, configuration: Configuration) -> None:
        super().__init__(scope, id)
        prefix = configuration.name("topic-")
        self.arn_prefix = cdk.Stack.of(self).format_arn(service="sns", resource=prefix)
        self.by_name = {
            topic.name: sns.Topic(
                self, topic.name, topic_name=f"{prefix}{topic.name}", enforce_ssl=True
            )
            for topic in configuration.catalogue.topics
        }

    def grant_publish(self, function: Function) -> None:
        """Let it publish to these topics."""
        arns = [topic.topic_arn for topic in self.by_name.values()]
        function.add_to_role_policy(iam.PolicyStatement(actions=["sns:Publish"], resources=arns))
