"""Publishers ask what became of their events, operators as well; and receipts of what was published."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from eventing.cost import dollars_by_unit
from eventing.event import event_key
from eventing.prices import PRICES
from eventing.receipts import units
from eventing.timestamps import read_moment
from infrastructure.packaging import ROOT
from tests.end_to_end.asking import ask, get
from tests.end_to_end.conftest import (
    PUBLISHER,
    PUBLISHERS,
    TRIAGED_SECONDS,
    accept,
    alarm_state,
    denied,
    eventually,
    execute,
    in_the_ledger,
    items,
    new_event,
    park_letter,
    payment,
    short_periods,
)
from tests.end_to_end.people import environment_of
from tests.proofs import hashes_in, proven
from tests.shown import run

if TYPE_CHECKING:
    from pathlib import Path

    from local.deployment import Deployment
    from tests.end_to_end.conftest import Subscriber

BATCH = "application/cloudevents-batch+json"
# A type of a topic that no other file of tests breaks.
CUSTOMER = "com.example.shop.customer.moved.v1"


def become(
    deployment: Deployment, event: dict[str, Any], status: str, *, seconds: float = 60
) -> dict[str, Any]:
    """What is told of an event once it has this status."""
    _, told = eventually(
        lambda: ask(deployment, event), lambda a: a[1].get("status") == status, seconds=seconds
    )
    assert (told["id"], told["source"]) == (event["id"], event["source"])
    assert told["region"] == deployment.region
    found: dict[str, Any] = told
    return found


def test_a_published_event_is_known_to_its_publisher_and_to_nobody_else(
    deployment: Deployment, subscriber: Subscriber
) -> None:
    event = new_event()
    accept(deployment, event)
    assert ask(deployment, event)[0] == 200
    subscriber.wait_for(event["id"])

    told = become(deployment, event, "published", seconds=10)
    assert told["topic"] == "orders"
    assert read_moment(told["accepted_at"]) <= read_moment(told["at"])

    others = ask(deployment, event, publisher=PUBLISHERS[1])
    never = ask(deployment, new_event(), publisher=PUBLISHERS[1])
    for status, body in (others, never):
        assert status == 404
        assert body.pop("request_id")
    assert others == never
    assert get(deployment, f"source=a&source=b&id={event['id']}")[0] == 400


@pytest.mark.parametrize(
    ("source", "id"),
    [
        ("urn:x:1%20+&=#é", "a+b c%2B&=;'\"é日本\U0001f600"),
        ("//example.com/a;b?c=d&e=/f#g", "?id=1&source=2#/\\"),
    ],
)
def test_sources_and_ids_may_have_any_character(
    deployment: Deployment, source: str, id: str
) -> None:
    event = {**new_event(), "source": source, "id": f"{id}{uuid.uuid4()}"}
    accept(deployment, event)

    become(deployment, event, "published")


def test_an_event_that_cannot_be_published_from_its_letter_to_its_end(
    deployment: Deployment, tmp_path: Path
) -> None:
    redriven, parked, discarded = (new_event(CUSTOMER, number=n) for n in range(3))
    topic = deployment.topic_arn("customers")
    with denied(deployment, deployment.outputs["PublishFunction"], "sns:Publish", topic):
        accept(deployment, redriven, parked, discarded)
        letters = in_the_ledger(deployment, redriven, parked, discarded)
        told = become(deployment, redriven, "dead-lettered", seconds=TRIAGED_SECONDS)
    assert (told["stage"], told["code"]) == ("publish", "ACCESS_DENIED")
    assert told["since"] == letters[0]["failed_at"]

    park_letter(deployment, letters[1]["pk"])
    assert become(deployment, parked, "parked", seconds=5)["code"] == "ACCESS_DENIED"
    chosen = {"stage": "publish", "filter": {"letter_ids": [letters[2]["pk"]]}}
    assert execute(deployment, action="discard", **chosen)["status"] == "SUCCEEDED"
    assert become(deployment, discarded, "discarded", seconds=5)["stage"] == "publish"
    ids = [letters[0]["pk"], letters[1]["pk"]]
    chosen = {"stage": "publish", "filter": {"letter_ids": ids}}
    assert execute(deployment, action="redrive", **chosen)["status"] == "SUCCEEDED"
    for event in (redriven, parked):
        told = become(deployment, event, "redriven", seconds=5)
        assert told["topic"] == "customers"

    # The same, as an operator sees it, with no other rights.
    olga = environment_of(deployment, f"olga-{uuid.uuid4().hex[:8]}", "OperatorPolicyArn")
    command = f"eventing event {redriven['source']} {redriven['id']} --publisher {PUBLISHER} --json"
    seen = json.loads(run(command, {**olga, "PYTHONPATH": str(ROOT)}, folder=tmp_path))
    assert (seen["status"], seen["receipts"][0]["topic"]) == ("redriven", "customers")
    (letter,) = seen["letters"]
    assert (letter["letter"], letter["state"]) == (letters[0]["pk"], "resolved")
    assert seen["next"][-1] == f"eventing report {letter['run']}"


def test_an_event_that_cannot_be_stored_is_known_by_its_letter(deployment: Deployment) -> None:
    event = payment()
    table = f"arn:aws:dynamodb:*:*:table/{deployment.outputs['EventsTable']}"
    with denied(deployment, deployment.outputs["IngestFunction"], "dynamodb:PartiQLInsert", table):
        accept(deployment, event)
        (letter,) = in_the_ledger(deployment, event)
        told = become(deployment, event, "dead-lettered", seconds=TRIAGED_SECONDS)
    assert (told["stage"], told["code"]) == ("ingest", "ACCESS_DENIED")

    chosen = {"stage": "ingest", "filter": {"letter_ids": [letter["pk"]]}}
    assert execute(deployment, action="redrive", **chosen)["status"] == "SUCCEEDED"
    told = eventually(
        lambda: become(deployment, event, "redriven"), lambda told: "topic" in told, seconds=20
    )
    assert told["topic"] == "payments"


def test_of_an_erased_event_only_that_is_told(deployment: Deployment) -> None:
    event = new_event()
    accept(deployment, event)
    become(deployment, event, "published")
    deployment.client("dynamodb").update_item(
        TableName=deployment.outputs["EventsTable"],
        Key={"pk": {"S": event_key(PUBLISHER, event["source"], event["id"])}},
        UpdateExpression="SET #erased = :at REMOVE #digest, #type",
        ExpressionAttributeNames={"#erased": "erased_at", "#digest": "digest", "#type": "type"},
        ExpressionAttributeValues={":at": {"S": "2026-11-28T09:00:00.000Z"}},
    )

    assert become(deployment, event, "erased", seconds=5)["at"] == "2026-11-28T09:00:00.000Z"


def test_receipts_that_are_denied_are_an_alarm_and_publication_goes_on(
    deployment: Deployment, subscriber: Subscriber
) -> None:
    event = new_event()
    table = f"arn:aws:dynamodb:*:*:table/{deployment.outputs['ReceiptsTable']}"
    publish = deployment.outputs["PublishFunction"]
    with short_periods(deployment, "receipts-unwritten"):
        with denied(deployment, publish, "dynamodb:PartiQLInsert", table):
            accept(deployment, event)
            assert len(subscriber.wait_for(event["id"])) == 1
            eventually(lambda: alarm_state(deployment, "receipts-missing"), lambda s: s == "ALARM")
        assert become(deployment, event, "accepted")["region"] == deployment.region
        eventually(lambda: alarm_state(deployment, "receipts-missing"), lambda s: s == "OK")


def test_receipts_of_a_batch_cost_what_the_price_says(
    deployment: Deployment, subscriber: Subscriber
) -> None:
    before = {(item["pk"]["S"], item["sk"]["S"]) for item in items(deployment, "ReceiptsTable")}
    events = [new_event(CUSTOMER, number=number) for number in range(100)]
    key = deployment.api_key(PUBLISHER)
    answer = deployment.post(json.dumps(events), key=key, content_type=BATCH)
    assert answer.status == 202
    accepted_at = read_moment(json.loads(answer.data)["results"][0]["accepted_at"])
    for event in events:
        subscriber.wait_for(event["id"])
    keys = [event_key(PUBLISHER, event["source"], event["id"]) for event in events]

    def receipts() -> list[dict[str, Any]]:
        return [
            item
            for item in items(deployment, "ReceiptsTable")
            if (item["pk"]["S"], item["sk"]["S"]) not in before
        ]

    def topics() -> set[str | None]:
        found, region = receipts(), deployment.region
        return {proven(found, key, accepted_at=accepted_at, region=region) for key in keys}

    eventually(topics, lambda found: found == {"customers"}, seconds=10)
    # "Item sizes and formats": names and values, and three bytes for a map with one more for each member.
    sizes = [
        sum(map(len, item))
        + sum(len(item[name]["S"]) for name in ("pk", "sk", "published_at"))
        + sum(len(topic) + len(packed) + 1 for topic, packed in hashes_in(item).items())
        + 3
        + 6
        for item in receipts()
    ]
    used = sum(-(-size // 1024) for size in sizes)
    # The stream may hand the batch over in several parts, each of which has receipts of its own.
    batches = -(-len(sizes) // 4)
    assert used == len(sizes)
    assert batches <= 3
    assert units(100) * PRICES["write"] * 10_000 <= 0.05
    assert dollars_by_unit()["receipt_units"] * used * 10_000 <= 0.05 * batches
