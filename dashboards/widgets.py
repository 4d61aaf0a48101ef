"""What the dashboards are put together from."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from infrastructure.constructs.alarms import runbook

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from constructs import Construct

    from infrastructure.configuration import Configuration

WIDTH = 24
HEIGHT = 6

Row = list[cloudwatch.IWidget]


def dashboard(
    scope: Construct, *, configuration: Configuration, name: str, rows: Sequence[Row]
) -> cloudwatch.Dashboard:
    """The dashboard of this name, for this region."""
    return cloudwatch.Dashboard(
        scope,
        "Dashboard",
        dashboard_name=configuration.name(f"{name}-{cdk.Stack.of(scope).region}"),
        default_interval=cdk.Duration.hours(3),
        period_override=cloudwatch.PeriodOverride.INHERIT,
        widgets=list(rows),
    )


def text(markdown: str, *, height: int, width: int = WIDTH) -> Row:
    """Words."""
    return [cloudwatch.TextWidget(markdown=markdown, width=width, height=height)]


def heading(
    scope: Construct,
    configuration: Configuration,
    title: str,
    *,
    says: str,
    section: str,
    logs: Mapping[str, str],
) -> Row:
    """The first row of a stage: what the graphs below are of, and where there is more.

    `logs` are names of log groups by what they are called here.
    """
    region = cdk.Stack.of(scope).region
    console = f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}"
    links = [
        f"[runbook]({runbook(configuration, section)})",
        *(
            # CloudWatch's console wants a name quoted twice, with `$` for `%`.
            f"[{called}]({console}#logsV2:log-groups/log-group/"
            f"{quote(quote(name, safe=''), safe='').replace('%', '$')})"
            for called, name in logs.items()
        ),
        f"[traces]({console}#xray:traces/query)",
    ]
    return text(f"## {title}\n{says}\n\n{' · '.join(links)}", height=3)


def graph(
    title: str,
    metrics: Mapping[str, cloudwatch.IMetric],
    *,
    unit: str,
    above: float | None = None,
    width: int,
) -> cloudwatch.IWidget:
    """Metrics by what they are called, over time; `above` is where an alarm of them begins."""
    start = round(above or 0, 3)
    line = cloudwatch.HorizontalAnnotation(
        value=start, label=f"alarm above {start:,.10g} {unit}", color=cloudwatch.Color.RED
    )
    return cloudwatch.GraphWidget(
        title=title,
        left=[_called(metric, name) for name, metric in metrics.items()],
        left_annotations=None if above is None else [line],
        left_y_axis=cloudwatch.YAxisProps(label=unit, min=0, show_units=False),
        width=width,
        height=HEIGHT,
    )


def percentiles(metric: cloudwatch.Metric, *which: int) -> dict[str, cloudwatch.IMetric]:
    """The percentiles of a metric by what they mean."""
    names = {50: "half of all are faster", 95: "95 of 100 are faster", 99: "99 of 100 are faster"}
    return {names[p]: metric.with_(statistic=cloudwatch.Stats.p(p)) for p in which}


def query(title: str, log: str, *lines: str, width: int) -> cloudwatch.IWidget:
    """A table that CloudWatch Logs Insights makes of a log."""
    return cloudwatch.LogQueryWidget(
        title=title,
        log_group_names=[log],
        query_lines=list(lines),
        view=cloudwatch.LogQueryVisualizationType.TABLE,
        width=width,
        height=HEIGHT,
    )


def _called(metric: cloudwatch.IMetric, name: str) -> cloudwatch.IMetric:
    if isinstance(metric, cloudwatch.Metric):
        return metric.with_(label=name)
    return metric
