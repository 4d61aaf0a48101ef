"""A region of a deployment: what all constructs there share, passed to each as one thing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions

from functions.contract import DIMENSIONS, Dimension
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
        self.alarms = Alarms(configuration, actions.SnsAction(ops_topic))

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
