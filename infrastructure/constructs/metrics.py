"""The metrics that the functions emit, as alarms and dashboards name them."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

NAMESPACE = "Eventing"


def metric(
    deployment: str, name: str, *, statistic: str = cloudwatch.Stats.SUM, **dimensions: str
) -> cloudwatch.Metric:
    """A metric of this deployment per minute, by no dimension but the ones given."""
    return cloudwatch.Metric(
        namespace=NAMESPACE,
        metric_name=name,
        dimensions_map={"service": deployment, **dimensions},
        statistic=statistic,
        period=cdk.Duration.minutes(1),
    )
