"""Reads from CloudWatch what conservation compares."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from eventing.conservation import Window, unaccounted

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient

_NAMES = ("EventsStored", "EventsSettled")


class Conservation:
    """Compares what was stored with what was settled, by the metrics of this deployment."""

    def __init__(
        self, client: CloudWatchClient, *, namespace: str, service: str, window: Window
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._service = service
        self._window = window

    def unaccounted(self, now: datetime) -> int:
        """How many events of the window have gone nowhere; raises what the SDK raises."""
        start, end = self._window.at(now)
        counts: dict[str, dict[datetime, float]] = {name: {} for name in _NAMES}
        request: dict[str, Any] = {
            "MetricDataQueries": [self._query(name) for name in _NAMES],
            "StartTime": start,
            "EndTime": end,
        }
        while True:
            answer = self._client.get_metric_data(**request)
            for result in answer["MetricDataResults"]:
                # Half an answer would make a loss of what is only not there yet.
                if result["StatusCode"] not in ("Complete", "PartialData"):
                    raise RuntimeError(f"CloudWatch: {result['StatusCode']} for {result['Id']}")
                counts[result["Label"]].update(
                    zip(result["Timestamps"], result["Values"], strict=True)
                )
            if not answer.get("NextToken"):
                return unaccounted(counts["EventsStored"], counts["EventsSettled"])
            request["NextToken"] = answer["NextToken"]

    def _query(self, name: str) -> dict[str, Any]:
        metric = {
            "Namespace": self._namespace,
            "MetricName": name,
            "Dimensions": [{"Name": "service", "Value": self._service}],
        }
        return {
            "Id": name.lower(),
            "Label": name,
            "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"},
        }
