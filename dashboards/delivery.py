"""The dashboard of teams that publish to topics or subscribe to them: each topic by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from constructs import Construct

from dashboards.widgets import WIDTH, Row, dashboard, graph, heading, percentiles, text

if TYPE_CHECKING:
    from aws_cdk import aws_cloudwatch as cloudwatch

    from infrastructure.constructs.publication import Publication
    from infrastructure.constructs.region import Region
    from infrastructure.constructs.topics import Topics

_THIRD = WIDTH // 3
_QUARTER = WIDTH // 4
_HOW_TO_READ = """# Delivery
First all topics beside each other, then each by itself: how many events were published to it, how
long they took from being accepted to being published, and what became of them at its subscribers. A
topic with published events and no deliveries has no subscriber: where some are expected, it is unheard."""


class DeliveryDashboard(Construct):
    """A row for all topics, and one for each."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        region: Region,
        publication: Publication,
        topics: Topics,
    ) -> None:
        super().__init__(scope, id)
        published = {name: metric for name, (metric, _) in publication.by_topic.items()}
        lag: dict[str, cloudwatch.IMetric] = {
            name: metric.with_(statistic="p95")
            for name, (_, metric) in publication.by_topic.items()
        }
        rows: list[Row] = [
            text(_HOW_TO_READ, height=3),
            heading(
                region,
                "All topics",
                says="Events go to exactly one topic each.",
                section="undelivered",
                logs={"log of publish": publication.function.log_name},
            ),
            [
                graph("Events published", published, unit="events", width=_QUARTER),
                graph(
                    "From accepted to published: 95 of 100 are faster",
                    lag,
                    unit="milliseconds",
                    width=_QUARTER,
                ),
                graph(
                    "Deliveries given up",
                    topics.undelivered,
                    unit="deliveries",
                    above=0,
                    width=_QUARTER,
                ),
                *(
                    [
                        graph(
                            "Unheard: published to nobody",
                            topics.unheard,
                            unit="yes is 1",
                            above=0,
                            width=_QUARTER,
                        )
                    ]
                    if topics.unheard
                    else []
                ),
            ],
        ]
        for name, (count, milliseconds) in publication.by_topic.items():
            rows += [
                text(f"## Topic {name}", height=1),
                [
                    graph(
                        f"Published to {name}", {"published": count}, unit="events", width=_THIRD
                    ),
                    graph(
                        f"From accepted to published to {name}",
                        percentiles(milliseconds, 50, 95, 99),
                        unit="milliseconds",
                        width=_THIRD,
                    ),
                    graph(
                        f"Deliveries to subscribers of {name}",
                        {
                            "delivered": topics.delivered[name],
                            "given up": topics.undelivered[name],
                            "dropped for attributes": topics.unfilterable[name],
                        },
                        unit="deliveries given up",
                        above=0,
                        width=_THIRD,
                    ),
                ],
            ]
        dashboard(self, region=region, name="delivery", rows=rows)
