"""The dashboard that operators look at first: is it healthy, and if not, where on the walk?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infrastructure.configuration import Configuration
    from infrastructure.constructs.dead_letters import DeadLetterQueue
    from infrastructure.constructs.ingestion import Ingestion
    from infrastructure.constructs.publication import Publication

_WIDTH = 24
_HALF = _WIDTH // 2
_THIRD = _WIDTH // 3
_ABOVE_ZERO = cloudwatch.HorizontalAnnotation(
    value=0, label="alarm above 0", color=cloudwatch.Color.RED
)


class OperationsDashboard(Construct):
    """Alarms first, then a row for each stage of the walk, in its order."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        configuration: Configuration,
        ingestion: Ingestion,
        publication: Publication,
        dead_letters: Sequence[DeadLetterQueue],
    ) -> None:
        super().__init__(scope, id)
        region = cdk.Stack.of(self).region
        cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=configuration.name(f"operations-{region}"),
            default_interval=cdk.Duration.hours(3),
            period_override=cloudwatch.PeriodOverride.INHERIT,
            widgets=[
                [
                    cloudwatch.AlarmStatusWidget(
                        title="Alarms",
                        alarms=[queue.alarm for queue in dead_letters],
                        width=_WIDTH,
                        height=3,
                    )
                ],
                [
                    _graph("Events accepted", ingestion.accepted.with_(label="accepted")),
                    _graph(
                        "Events duplicate and rejected",
                        ingestion.duplicate.with_(label="duplicate"),
                        ingestion.rejected.with_(label="rejected"),
                    ),
                ],
                [
                    _graph(
                        "Events published",
                        publication.published.with_(label="published"),
                        width=_WIDTH,
                    )
                ],
                *([_arrivals(queue), _waiting(queue), _open(queue)] for queue in dead_letters),
            ],
        )


def _graph(title: str, *metrics: cloudwatch.IMetric, width: int = _HALF) -> cloudwatch.IWidget:
    return cloudwatch.GraphWidget(
        title=f"{title} per minute",
        left=list(metrics),
        left_y_axis=_axis("events"),
        width=width,
    )


def _arrivals(queue: DeadLetterQueue) -> cloudwatch.IWidget:
    return cloudwatch.GraphWidget(
        title=f"New dead letters of {queue.stage} per minute",
        left=[queue.arrivals.with_(label="new dead letters")],
        left_annotations=[_ABOVE_ZERO],
        left_y_axis=_axis("dead letters"),
        width=_THIRD,
    )


def _waiting(queue: DeadLetterQueue) -> cloudwatch.IWidget:
    return cloudwatch.GraphWidget(
        title=f"Dead letters waiting in the {queue.stage} dead-letter queue",
        left=[queue.waiting.with_(label="waiting")],
        left_annotations=[_ABOVE_ZERO],
        left_y_axis=_axis("dead letters"),
        width=_THIRD,
    )


def _open(queue: DeadLetterQueue) -> cloudwatch.IWidget:
    return cloudwatch.GraphWidget(
        title=f"Dead letters of {queue.stage} that are open in the ledger",
        left=[queue.open.with_(label="open")],
        left_annotations=[_ABOVE_ZERO],
        left_y_axis=_axis("dead letters"),
        width=_THIRD,
    )


def _axis(label: str) -> cloudwatch.YAxisProps:
    return cloudwatch.YAxisProps(label=label, min=0, show_units=False)
