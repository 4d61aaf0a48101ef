"""Reads this deployment's metrics from CloudWatch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from functions.contract import Dimension

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient


class MetricReader:
    """Metrics with the dimension `service` alone."""

    def __init__(self, client: CloudWatchClient, *, namespace: str, service: str) -> None:
        self._client = client
        self._namespace = namespace
        self._service = service

    def sums(
        self, names: Sequence[str], start: datetime, end: datetime
    ) -> Mapping[str, Mapping[datetime, float]]:
        """The sum of each metric by the minute, `end` left out; raises what the SDK raises.

        An answer that is not complete raises RuntimeError: half of one would make a loss of what is
        only not there yet.
        """
        sums: dict[str, dict[datetime, float]] = {name: {} for name in names}
        request: dict[str, Any] = {
            "MetricDataQueries": [self._query(name) for name in names],
            "StartTime": start,
            "EndTime": end,
        }
        while True:
            answer = self._client.get_metric_data(**request)
            for result in answer["MetricDataResults"]:
                if result["StatusCode"] not in ("Complete", "PartialData"):
                    raise RuntimeError(f"CloudWatch: {result['StatusCode']} for {result['Id']}")
                sums[result["Label"]].update(
                    zip(result["Timestamps"], result["Values"], strict=True)
                )
            if not answer.get("NextToken"):
                return sums
            request["NextToken"] = answer["NextToken"]

    def _query(self, name: str) -> dict[str, Any]:
        metric = {
            "Namespace": self._namespace,
            "MetricName": name,
            "Dimensions": [{"Name": Dimension.SERVICE, "Value": self._service}],
        }
        return {
            "Id": name.lower(),
            "Label": name,
            "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"},
        }
