"""CloudWatch in memory: GetMetricData of sums by the minute, and an assertion error for all else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from tests.faults.http import Request, json_body, json_response
from tests.faults.memory import Memory


def read(memory: Memory, request: AWSPreparedRequest) -> Request:
    """What a request asks for."""
    operation, content = json_body(request)
    assert operation == "GetMetricData", operation
    queries = content["MetricDataQueries"]
    start, end = (datetime.fromtimestamp(content[name], UTC) for name in ("StartTime", "EndTime"))

    def act() -> AWSResponse:
        # A page for each query.
        number = int(content.get("NextToken", 0))
        query = queries[number]
        stat = query["MetricStat"]
        assert (stat["Period"], stat["Stat"]) == (60, "Sum")
        values = memory.metrics.get(stat["Metric"]["MetricName"], {})
        found = {at.timestamp(): value for at, value in values.items() if start <= at < end}
        result: dict[str, Any] = {
            "Id": query["Id"],
            "Label": query["Label"],
            "StatusCode": "Complete",
            "Timestamps": list(found),
            "Values": list(found.values()),
        }
        more = {"NextToken": str(number + 1)} if number + 1 < len(queries) else {}
        return json_response({"MetricDataResults": [result], **more})

    return Request(operation, ",".join(query["Label"] for query in queries), act)
