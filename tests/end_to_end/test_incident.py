"""An alarm is raised: operators are told once, of what and why, within a minute."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from local.cloud import LocalCloud
from local.deployment import Deployment
from tests.end_to_end.conftest import accept, denied, execute, new_event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.end_to_end.conftest import Subscriber


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    """The app in a cloud of its own: no other test's letters keep its alarms on."""
    with LocalCloud() as cloud:
        yield Deployment(cloud, cloud.deploy({"laptop": "true"}))


def test_a_broken_topic_is_one_message_with_its_groups(
    deployment: Deployment, subscriber: Subscriber, mailbox: str
) -> None:
    events = [new_event("com.example.shop.order.shipped.v1", order_id="1", carrier="x")
              for _ in range(3)]  # fmt: skip
    topic, began = deployment.topic_arn("orders"), time.monotonic()
    with denied(deployment, deployment.outputs["PublishFunction"], "sns:Publish", topic):
        accept(deployment, *events)
        bodies = [message["Body"] for message in deployment.take(mailbox, 1, seconds=60)]
        assert time.monotonic() - began < 60
        assert "ACCESS_DENIED at publish" in bodies[0]
        assert "topics: orders" in bodies[0]
        # The alarm goes on, and so does the counter, but neither says it again.
        quiet = time.monotonic() + 10
        while (left := quiet - time.monotonic()) > 0:
            bodies += [m["Body"] for m in deployment.receive(mailbox, seconds=min(left, 2))]
    assert [body for body in bodies if "publish" in body] == bodies[:1]
    done = execute(deployment, stage="publish", action="redrive", reason="a test")
    assert json.loads(done["output"])["outcome"] == "done"
    for event in events:
        assert subscriber.wait_for(event["id"])
