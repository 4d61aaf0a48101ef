"""Reads this deployment's metrics from CloudWatch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from functions.contract import Dimension

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient


# Of GetMetricData.
_QUERIES = 500


class MetricReader:
    """Metrics of this deployment with the dimension `service` alone, and SNS's own of its topics.

    The methods raise what the SDK raises. An answer that is not complete raises RuntimeError: half of one
    would make a loss of what is only not there yet.
    """

    def __init__(self, client: CloudWatchClient, *, namespace: str, service: str) -> None:
        self._client = client
        self._namespace = namespace
        self._service = service

    def sums(
        self, names: Sequence[str], start: datetime, end: datetime
    ) -> Mapping[str, Mapping[datetime, float]]:
        """The sum of each metric by the minute, `end` left out."""
        of = {Dimension.SERVICE: self._service}
        queries = [_query(name.lower(), name, self._namespace, name, of) for name in names]
        return self._read(queries, start, end)

    def sums_of_topics(
        self, name: str, topics: Sequence[str], start: datetime, end: datetime
    ) -> Mapping[str, Mapping[datetime, float]]:
        """The sum of one of SNS's metrics by topic and by the minute, `end` left out."""
        queries = [
            _query(f"m{number}", topic, "AWS/SNS", name, {"TopicName": topic})
            for number, topic in enumerate(topics)
        ]
        found: dict[str, Mapping[datetime, float]] = {}
        for first in range(0, len(queries), _QUERIES):
            found |= self._read(queries[first : first + _QUERIES], start, end)
        return found

    def _read(
        self, queries: Sequence[Any], start: datetime, end: datetime
    ) -> dict[str, dict[datetime, float]]:
        sums: dict[str, dict[datetime, float]] = {query["Label"]: {} for query in queries}
        request: dict[str, Any] = {
            "MetricDataQueries": queries,
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


def _query(id: str, label: str, namespace: str, name: str, of: Mapping[str, str]) -> Any:
    metric = {
        "Namespace": namespace,
        "MetricName": name,
        "Dimensions": [{"Name": n, "Value": value} for n, value in of.items()],
    }
    return {
        "Id": id,
        "Label": label,
        "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"},
    }
