"""CloudWatch in memory: sums by the minute, what alarms say, and an assertion error for all else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from tests.faults.http import Request, json_body, json_response
from tests.faults.memory import Memory


def read(memory: Memory, request: AWSPreparedRequest) -> Request:
    """What a request asks for."""
    operation, content = json_body(request)
    if operation == "DescribeAlarms":
        (name,) = content["AlarmNames"]
        # Without the types it answers with metric alarms only.
        assert set(content["AlarmTypes"]) == {"CompositeAlarm", "MetricAlarm"}
        found = [
            {"AlarmName": name, "AlarmDescription": text}
            for text in memory.descriptions.get(name, ())
        ]
        return Request(operation, name, lambda: json_response({"CompositeAlarms": found}))
    assert operation == "GetMetricData", operation
    queries = content["MetricDataQueries"]
    start, end = (datetime.fromtimestamp(content[name], UTC) for name in ("StartTime", "EndTime"))

    def act() -> AWSResponse:
        # A page for each query.
        number = int(content.get("NextToken", 0))
        query = queries[number]
        stat = query["MetricStat"]
        assert (stat["Period"], stat["Stat"]) == (60, "Sum")
        metric = stat["Metric"]
        (of,) = (dimension["Value"] for dimension in metric["Dimensions"])
        name = metric["MetricName"]
        own = f"{name} of {of}" if metric["Namespace"].startswith("AWS/") else name
        values = memory.metrics.get(own, {})
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
