"""The pieces that dashboards are put together from."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from eventing.words import duration
from infrastructure.constructs.alarms import runbook
from infrastructure.constructs.tables import table_metric

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from constructs import Construct

    from infrastructure.constructs.function import Function
    from infrastructure.constructs.region import Region
    from infrastructure.constructs.widget import WidgetFunction

WIDTH = 24
HEIGHT = 6

Row = list[cloudwatch.IWidget]


def dashboard(
    scope: Construct, *, region: Region, name: str, rows: Sequence[Row]
) -> cloudwatch.Dashboard:
    """The dashboard of this name, for this region."""
    return cloudwatch.Dashboard(
        scope,
        "Dashboard",
        dashboard_name=region.dashboard(name),
        default_interval=cdk.Duration.hours(3),
        period_override=cloudwatch.PeriodOverride.INHERIT,
        widgets=list(rows),
    )


def text(markdown: str, *, height: int, width: int = WIDTH) -> Row:
    """Words."""
    return [cloudwatch.TextWidget(markdown=markdown, width=width, height=height)]


def heading(
    region: Region,
    title: str,
    *,
    says: str,
    section: str,
    logs: Mapping[str, str],
) -> Row:
    """The first row of a stage: the subject of the graphs below, and links to more about it.

    `logs` are names of log groups by what they are called here.
    """
    links = [
        f"[runbook]({runbook(region.configuration, section)})",
        *(
            # CloudWatch's console wants a name quoted twice, with `$` for `%`.
            f"[{called}]({region.console}#logsV2:log-groups/log-group/"
            f"{quote(quote(name, safe=''), safe='').replace('%', '$')})"
            for called, name in logs.items()
        ),
        f"[traces]({region.console}#xray:traces/query)",
    ]
    return text(f"## {title}\n{says}\n\n{' · '.join(links)}", height=3)


def graph(
    title: str,
    metrics: Mapping[str, cloudwatch.IMetric],
    *,
    unit: str,
    above: float | None = None,
    below: float | None = None,
    width: int,
    height: int = HEIGHT,
) -> cloudwatch.IWidget:
    """Metrics over time, by their labels; an alarm of them begins `above` or `below` a value."""
    lines = [
        cloudwatch.HorizontalAnnotation(
            value=round(start, 3),
            label=f"alarm {where} {_said(round(start, 3), unit)}",
            color=cloudwatch.Color.RED,
        )
        for where, start in (("above", above), ("below", below))
        if start is not None
    ]
    return cloudwatch.GraphWidget(
        title=title,
        left=[_called(metric, name) for name, metric in metrics.items()],
        left_annotations=lines or None,
        left_y_axis=cloudwatch.YAxisProps(label=unit, min=0, show_units=False),
        width=width,
        height=height,
    )


def percentiles(metric: cloudwatch.Metric, *which: int) -> dict[str, cloudwatch.IMetric]:
    """The percentiles of a metric by what they mean."""
    names = {50: "half of all are faster", 95: "95 of 100 are faster", 99: "99 of 100 are faster"}
    return {names[p]: metric.with_(statistic=cloudwatch.Stats.p(p)) for p in which}


def waiting_letters(widget: WidgetFunction) -> Row:
    """The dead letters that wait, drawn by a function of ours that the viewer has to be allowed to invoke."""
    return [
        cloudwatch.CustomWidget(
            title="What waits, why, and what comes next",
            function_arn=widget.function.function_arn,
            update_on_refresh=True,
            # It has nothing that depends on either.
            update_on_resize=False,
            update_on_time_range_change=False,
            width=WIDTH,
            height=HEIGHT,
        )
    ]


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


def alarm_status(
    title: str, alarms: Sequence[cloudwatch.IAlarm], *, width: int, height: int
) -> cloudwatch.IWidget:
    """Alarms side by side, each in the colour of its state."""
    return cloudwatch.AlarmStatusWidget(
        title=title, alarms=list(alarms), width=width, height=height
    )


def turned_away(table: str, *, index: str | None = None) -> dict[str, cloudwatch.IMetric]:
    """Requests that a table, or one of its indexes, turns away, by reads and writes."""
    of_what = f" of the index {index}" if index else ""
    return {
        f"{kind.lower()}s{of_what}": table_metric(table, f"{kind}ThrottleEvents", index=index)
        for kind in ("Read", "Write")
    }


def function_graphs(name: str, function: Function) -> Row:
    """How a function fares: invocations that failed, and the longest one."""
    return [
        graph(
            f"Invocations of {name} that failed or were not run",
            {"failed": function.errors, "not run": function.throttles},
            unit="invocations",
            above=0,
            width=WIDTH // 2,
        ),
        graph(
            f"Longest invocation of {name}",
            {"longest": function.duration},
            unit="milliseconds",
            above=function.seconds_before_alarm * 1000,
            width=WIDTH // 2,
        ),
    ]


def _said(value: float, unit: str) -> str:
    return duration(timedelta(seconds=value)) if unit == "seconds" else f"{value:,.10g} {unit}"


def _called(metric: cloudwatch.IMetric, name: str) -> cloudwatch.IMetric:
    if isinstance(metric, cloudwatch.Metric):
        return metric.with_(label=name)
    return metric
