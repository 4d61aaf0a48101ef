"""What the local page shows of several regions: what each took, and what became of it."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from eventing.receipts import split
from functions.contract import Dimension, Metric
from local.publishing import is_publishing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.deployment import Deployment
    from local.page_view import View

Json = Any

_NAMESPACE = "Eventing"
# A run is a day at most.
_SECONDS = 24 * 60 * 60


class RegionRows:
    """A row for each region: what it has stored, and who has published that, by the receipts."""

    def __init__(self, deployments: Sequence[Deployment], views: Sequence[View]) -> None:
        self._deployments = deployments
        self._views = views
        # boto3's clients are made once, and not by two threads at a time.
        self._dynamodb = deployments[0].client("dynamodb")
        self._receipts = deployments[0].outputs["ReceiptsTable"]

    def rows(self) -> list[Json]:
        """The rows, in the order of the regions.

        `published` are events that the region published by itself, `adopted` those that another one has
        published, `twice` those that both have, and `waiting` all that it stored and nobody has published.
        """
        published = self._published()
        return [
            self._row(deployment, view, published[deployment.region])
            for deployment, view in zip(self._deployments, self._views, strict=True)
        ]

    def _row(self, deployment: Deployment, view: View, writers: dict[str, set[bytes]]) -> Json:
        own = writers.pop(deployment.region, set())
        others: set[bytes] = set().union(*writers.values())
        stored = _stored(deployment)
        name = deployment.outputs["PublishFunction"]
        return {
            "region": deployment.region,
            "publishing": is_publishing(deployment.client("lambda"), name),
            "stored": stored,
            "published": len(own),
            "adopted": len(others - own),
            "twice": len(others & own),
            # Receipts are written before a metric is counted.
            "waiting": max(0, stored - len(own | others)),
            "alarms": sum(alarm["state"] == "ALARM" for alarm in view.alarms()),
        }

    def _published(self) -> dict[str, dict[str, set[bytes]]]:
        """Hashes of events, by the region that took them and the one that has published them."""
        found: dict[str, dict[str, set[bytes]]] = defaultdict(lambda: defaultdict(set))
        for page in self._dynamodb.get_paginator("scan").paginate(TableName=self._receipts):
            for item in page["Items"]:
                hashes = found[item["pk"]["S"].partition("#")[0]][item["region"]["S"]]
                for packed in item["topics"]["M"].values():
                    hashes.update(split(packed["B"]))
        return found


def _stored(deployment: Deployment) -> int:
    now = int(time.time())
    dimension = {"Name": Dimension.SERVICE, "Value": deployment.name}
    metric = {
        "Namespace": _NAMESPACE,
        "MetricName": Metric.EVENTS_STORED,
        "Dimensions": [dimension],
    }
    answer = deployment.client("cloudwatch").get_metric_data(
        MetricDataQueries=[
            {"Id": "stored", "MetricStat": {"Metric": metric, "Period": 3600, "Stat": "Sum"}}
        ],
        StartTime=now - _SECONDS,
        EndTime=now + 60,
    )
    return int(sum(value for found in answer["MetricDataResults"] for value in found["Values"]))
