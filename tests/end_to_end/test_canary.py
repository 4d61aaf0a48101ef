"""The canary: an event goes all the way; when none gets through its alarm goes off, and ends by itself."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from eventing import canary
from tests.end_to_end.conftest import (
    PUBLISHER,
    alarm_state,
    archived,
    change_alarm,
    eventually,
    items,
    new_event,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.deployment import Deployment

# Seconds that stand for a minute of the alarm, and how long a run of the canary may take in one.
MINUTE, RUN = 10, 8
ALARM = "canary-undelivered"


def fly(deployment: Deployment) -> dict[str, Any]:
    """What a run of the canary finds."""
    answer = deployment.client("lambda").invoke(FunctionName=deployment.outputs["CanaryFunction"])
    report: dict[str, Any] = json.loads(answer["Payload"].read())
    return report


@pytest.fixture
def hurried(deployment: Deployment) -> Iterator[None]:
    """Meanwhile the minutes of the canary and of its alarm are shorter, and silence is an alarm again."""
    name, client = deployment.outputs["CanaryFunction"], deployment.client("lambda")
    client.update_function_configuration(FunctionName=name, Timeout=RUN)
    fly(deployment)
    change_alarm(deployment, ALARM, Period=MINUTE, TreatMissingData="breaching")
    yield
    change_alarm(deployment, ALARM, Period=60, TreatMissingData="notBreaching")
    client.update_function_configuration(
        FunctionName=name, Timeout=int(canary.MOST_SECONDS.total_seconds())
    )


@contextmanager
def publication_off(deployment: Deployment) -> Iterator[None]:
    """Meanwhile the publish function gets nothing of the stream."""
    client, name = deployment.client("lambda"), deployment.outputs["PublishFunction"]
    (mapping,) = client.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        yield
    finally:
        client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


def test_an_event_goes_all_the_way(deployment: Deployment) -> None:
    report = fly(deployment)

    assert report["outcome"] == "delivered", report
    stored = [item for item in items(deployment) if report["id"] in item["event"]["S"]]
    assert [item["publisher"]["S"] for item in stored] == [canary.PUBLISHER]
    eventually(
        lambda: archived(deployment, f"publisher={canary.PUBLISHER}/"),
        lambda copies: report["id"] in [copy["id"] for copy in copies],
    )


def test_nobody_else_sends_its_events(deployment: Deployment) -> None:
    forged = json.dumps(new_event(canary.TYPE))

    assert deployment.post(forged, key=deployment.api_key(PUBLISHER)).status == 422


def test_its_alarm_goes_off_while_nothing_is_published_and_ends_by_itself(
    deployment: Deployment, hurried: None
) -> None:
    eventually(lambda: (fly(deployment), alarm_state(deployment, ALARM))[1], lambda s: s == "OK")
    with publication_off(deployment):
        broken, found = time.monotonic(), fly(deployment)["outcome"]
        eventually(
            lambda: (fly(deployment), alarm_state(deployment, ALARM))[1], lambda s: s == "ALARM"
        )
        assert time.monotonic() - broken < 3 * MINUTE
        assert found == "not delivered"
        assert alarm_state(deployment, "canary") == "ALARM"
        assert alarm_state(deployment, "unhealthy") == "ALARM"
    # What waited in the stream comes now, late, and proves nothing.
    eventually(lambda: fly(deployment)["outcome"], lambda outcome: outcome == "delivered")
    eventually(lambda: (fly(deployment), alarm_state(deployment, ALARM))[1], lambda s: s == "OK")
