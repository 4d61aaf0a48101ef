"""The alarms that roll a deployment back are there, and are such as the CDK CLI can name."""

from __future__ import annotations

import pytest

from eventing.rollback import TRIGGERS
from tests.infrastructure.synthesis import Template


@pytest.mark.parametrize("name", TRIGGERS)
def test_what_rolls_a_deployment_back_is_a_metric_alarm(regional: Template, name: str) -> None:
    """The CLI passes every ARN as that of an `AWS::CloudWatch::Alarm`; a composite would be refused."""
    alarm = regional.one("AWS::CloudWatch::Alarm", AlarmName=f"eventing-{name}")

    assert "DeadLetter" not in str(alarm.properties.get("MetricName"))
