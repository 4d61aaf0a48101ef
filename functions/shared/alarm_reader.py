"""Reads what alarms say from CloudWatch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient


class AlarmReader:
    """The alarms of this account and region. Its methods raise what the SDK raises."""

    def __init__(self, client: CloudWatchClient) -> None:
        self._client = client

    def description(self, name: str) -> str:
        """The description of an alarm; empty where there is none."""
        found = self._client.describe_alarms(
            AlarmNames=[name], AlarmTypes=["CompositeAlarm", "MetricAlarm"]
        )
        alarms = [*found.get("CompositeAlarms", ()), *found.get("MetricAlarms", ())]
        return next((alarm.get("AlarmDescription", "") for alarm in alarms), "")
