"""The walk of an event: accepted, stored, archived, at the subscribers of one topic."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.end_to_end.conftest import (
    PUBLISHER,
    accept,
    archived,
    eventually,
    items,
    new_event,
    payment,
)

if TYPE_CHECKING:
    from local.deployment import Deployment
    from tests.end_to_end.conftest import Subscriber


@pytest.mark.parametrize("key", [None, "not-a-key"])
def test_without_a_valid_key_the_answer_is_403(deployment: Deployment, key: str | None) -> None:
    answer = deployment.post(json.dumps(new_event()), key=key)
    assert answer.status == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert json.loads(answer.data)["status"] == 403


def test_an_accepted_event_is_stored_archived_and_delivered_to_one_topic(
    deployment: Deployment, subscriber: Subscriber
) -> None:
    event = new_event()
    accept(deployment, event)
    (delivery,) = subscriber.wait_for(event["id"])
    assert delivery.topic == "orders"
    assert json.loads(delivery.body) == event
    assert delivery.attributes == {
        "type": event["type"],
        "source": event["source"],
        "publisher": PUBLISHER,
        "subject": "é",
    }

    (item,) = [item for item in items(deployment) if event["id"] in item["event"]["S"]]
    assert json.loads(item["event"]["S"]) == event
    assert item["publisher"]["S"] == PUBLISHER
    assert item["origin_region"]["S"] == deployment.region

    day, hour = item["accepted_at"]["S"][:10], item["accepted_at"]["S"][11:13]
    prefix = f"publisher={PUBLISHER}/date={day}/{hour}/"
    # Firehose waits for more.
    eventually(lambda: archived(deployment, prefix), lambda lines: event in lines)

    answer = deployment.post(json.dumps(event), key=deployment.api_key(PUBLISHER))
    assert (answer.status, json.loads(answer.data)["status"]) == (202, "duplicate")
    fence = new_event()
    accept(deployment, fence)
    subscriber.wait_for(fence["id"])
    assert subscriber.seen(event["id"]) == [delivery]


@pytest.mark.parametrize(
    ("event", "topic"),
    [
        (new_event(order_id="1", total=500, currency="EUR"), "orders-priority"),
        (new_event(order_id="1", total=499.99, currency="EUR"), "orders"),
        (payment(), "payments"),
        (new_event("com.example.shop.customer.moved.v1", country="SE"), "customers"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_event_goes_to_the_first_topic_that_takes_it(
    deployment: Deployment, subscriber: Subscriber, event: dict[str, Any], topic: str
) -> None:
    accept(deployment, event)
    assert [delivery.topic for delivery in subscriber.wait_for(event["id"])] == [topic]


def test_events_that_another_region_took_are_not_published_here(
    deployment: Deployment, subscriber: Subscriber
) -> None:
    foreign, own = new_event(), new_event()
    _store(deployment, foreign, origin_region="eu-west-1")
    _store(deployment, own, origin_region=deployment.region)
    # Its record stands behind the foreign one's in the stream.
    subscriber.wait_for(own["id"])
    assert subscriber.seen(foreign["id"]) == []


def test_what_partiql_inserts_is_published_too(
    deployment: Deployment, subscriber: Subscriber
) -> None:
    event = new_event()
    item = _item(event, origin_region=deployment.region)
    names = ", ".join(f"'{name}': ?" for name in item)
    statement = f'INSERT INTO "{deployment.outputs["EventsTable"]}" VALUE {{{names}}}'
    (response,) = deployment.client("dynamodb").batch_execute_statement(
        Statements=[{"Statement": statement, "Parameters": list(item.values())}]
    )["Responses"]
    assert "Error" not in response
    assert len(subscriber.wait_for(event["id"])) == 1


def _item(event: dict[str, Any], *, origin_region: str) -> dict[str, Any]:
    return {
        "pk": {"S": f"{PUBLISHER}#{event['id']}"},
        "event": {"S": json.dumps(event)},
        "publisher": {"S": PUBLISHER},
        "type": {"S": event["type"]},
        "origin_region": {"S": origin_region},
        "accepted_at": {"S": "2026-11-20T09:15:02.731Z"},
        "digest": {"S": "-"},
    }


def _store(deployment: Deployment, event: dict[str, Any], *, origin_region: str) -> None:
    deployment.client("dynamodb").put_item(
        TableName=deployment.outputs["EventsTable"],
        Item=_item(event, origin_region=origin_region),
    )
