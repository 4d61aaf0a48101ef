"""Two regions: each has the whole walk, and publishes the events that it took, and no others."""

from __future__ import annotations

import json
import uuid
from functools import partial
from operator import eq
from typing import TYPE_CHECKING, Any

import pytest

from local.cloud import LocalCloud
from local.deployment import Deployment
from tests.end_to_end.conftest import PUBLISHER, Subscriber, eventually, items

if TYPE_CHECKING:
    from collections.abc import Iterator

REGIONS = ("us-east-1", "eu-west-1")
BATCH = "application/cloudevents-batch+json"


@pytest.fixture(scope="module")
def deployments() -> Iterator[list[Deployment]]:
    """The app with a replica, deployed into a cloud of its own."""
    with LocalCloud() as cloud:
        stacks = cloud.deploy(
            {"laptop": "true", "canary": "false", "replica_regions": json.dumps(REGIONS[1:])},
            regions=REGIONS,
        )
        yield [Deployment(cloud, stacks, region=region) for region in REGIONS]


def events(count: int) -> list[dict[str, Any]]:
    return [
        {
            "specversion": "1.0",
            "id": str(uuid.uuid4()),
            "source": "urn:example:regions",
            "type": "com.example.shop.customer.moved.v1",
            "data": {"number": number},
        }
        for number in range(count)
    ]


@pytest.mark.parametrize("count", [1, 40])
def test_events_are_stored_in_both_regions_and_published_by_the_one_that_took_them(
    deployments: list[Deployment], count: int
) -> None:
    subscribers = [Subscriber(deployment) for deployment in deployments]
    for here in (0, 1):
        sent = events(count)
        answer = deployments[here].post(
            json.dumps(sent), key=deployments[here].api_key(PUBLISHER), content_type=BATCH
        )
        assert answer.status == 202, answer.data
        for event in sent:
            (delivery,) = subscribers[here].wait_for(event["id"])
            assert json.loads(delivery.body) == event
        ids = {event["id"] for event in sent}
        for deployment in deployments:
            eventually(partial(_stored, deployment, ids), partial(eq, count))
        # What is published after it, from the other region, shows that nothing was on its way.
        fence = events(1)
        there = deployments[1 - here]
        assert there.post(json.dumps(fence[0]), key=there.api_key(PUBLISHER)).status == 202
        subscribers[1 - here].wait_for(fence[0]["id"])
        assert [subscribers[1 - here].seen(event["id"]) for event in sent] == [[]] * count


def _stored(deployment: Deployment, ids: set[str]) -> int:
    return sum(json.loads(item["event"]["S"])["id"] in ids for item in items(deployment))
