"""A region of a deployment: what all constructs there share, passed to each as one thing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from functions.contract import DIMENSIONS, Dimension, Variable
from infrastructure.constructs.alarms import Alarms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import aws_sns as sns

    from infrastructure.configuration import Configuration

# Of the metrics that the functions write.
NAMESPACE = "Eventing"


class Region:
    """The configuration, the region's name, the topic that operators read, and all alarms."""

    configuration: Configuration
    name: str
    ops_topic: sns.ITopic
    alarms: Alarms

    def __init__(self, configuration: Configuration, name: str, *, ops_topic: sns.ITopic) -> None:
        self.configuration = configuration
        self.name = name
        self.ops_topic = ops_topic
        self.alarms = Alarms(configuration)

    def dashboard(self, name: str) -> str:
        """The name of one of its dashboards."""
        return self.configuration.name(f"{name}-{self.name}")

    @property
    def neighbours(self) -> tuple[str, ...]:
        """The other regions, where each has a name by which this one can reach it."""
        if not self.configuration.domain:
            return ()
        return tuple(name for name in self.configuration.regions if name != self.name)

    @property
    def console(self) -> str:
        """The address of CloudWatch's console, to which a place in it is added."""
        domain = "amazonaws.cn" if self.name.startswith("cn-") else "aws.amazon.com"
        return f"https://{self.name}.console.{domain}/cloudwatch/home?region={self.name}"

    @property
    def command_options(self) -> str:
        """The options of `eventing` that name this deployment, as they are typed.

        The laptop is found without; of two regions there, by the region alone.
        """
        if self.configuration.laptop:
            return f"--region {self.name}" if len(self.configuration.regions) > 1 else ""
        return f"--deployment {self.configuration.deployment} --region {self.name}"

    @property
    def mail_environment(self) -> dict[str, str]:
        """The variables of a function that sends operators mails."""
        configuration, laptop = self.configuration, self.configuration.laptop
        dashboard = self.dashboard("operations")
        return {
            Variable.OPS_TOPIC_ARN: self.ops_topic.topic_arn,
            Variable.DEPLOYMENT: configuration.deployment,
            Variable.RUNBOOK: configuration.runbook,
            Variable.COMMAND_OPTIONS: self.command_options,
            # The laptop has no console.
            Variable.DASHBOARD: ""
            if laptop
            else f"{self.console}#dashboards/dashboard/{dashboard}",
        }

    def metric(
        self,
        name: str,
        *,
        statistic: str = cloudwatch.Stats.SUM,
        by: Mapping[str, str] | None = None,
    ) -> cloudwatch.Metric:
        """A metric that the functions of this deployment write, per minute, under the dimensions in `by`.

        Raises ValueError for dimensions that the contract does not list for it: such a graph stays empty.
        """
        dimensions = dict(by or {})
        if tuple(dimensions) not in DIMENSIONS[name]:
            raise ValueError(f"{name} is not written by {', '.join(dimensions) or 'service alone'}")
        return cloudwatch.Metric(
            namespace=NAMESPACE,
            metric_name=name,
            dimensions_map={Dimension.SERVICE: self.configuration.deployment, **dimensions},
            statistic=statistic,
            period=cdk.Duration.minutes(1),
        )
