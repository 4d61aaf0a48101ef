"""An alarm is raised: operators are told once, of what and why, within a minute."""

from __future__ import annotations

import json
import re
import time
import uuid
from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.conftest import (
    accept,
    denied,
    deployed,
    eventually,
    execute,
    in_the_ledger,
    new_event,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.deployment import Deployment
    from tests.end_to_end.conftest import Subscriber


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The app in a cloud of its own: no other test's letters keep its alarms on."""
    with deployed(tmp_path_factory) as deployment:
        yield deployment


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


def test_a_topic_that_is_made_again_gets_nothing_until_somebody_subscribes(
    deployment: Deployment, mailbox: str
) -> None:
    sns, topic = deployment.client("sns"), deployment.topic_arn("payments-failed")
    events = [
        new_event("com.example.shop.payment.failed.v1", payment_id=str(n), amount=3, currency="EUR")
        for n in range(12)
    ]
    sns.delete_topic(TopicArn=topic)
    accept(deployment, *events)
    in_the_ledger(deployment, *events)
    sns.create_topic(Name=topic.rpartition(":")[2])
    wanted = {"stage": "publish", "filter": {"topic": "payments-failed"}, "reason": "it is back"}

    planned = json.loads(execute(deployment, action="plan", **wanted)["output"])
    assert planned["plan"]["subscriptions"] == {"payments-failed": 0}
    stopped = json.loads(execute(deployment, action="redrive", **wanted)["output"])
    assert stopped["outcome"] == "aborted"
    reason = (
        "confirmed subscription of topic eventing-topic-payments-failed: NOT_FOUND, 12 left out"
    )
    assert stopped["cause"] == reason
    told = [m["Body"] for m in deployment.receive(mailbox, seconds=5)]
    assert any(reason in text for text in told)

    queue = deployment.subscribe(f"late-{uuid.uuid4()}", [topic], raw=True)
    done = json.loads(execute(deployment, action="redrive", **wanted)["output"])
    assert (done["outcome"], done["counts"]) == ("done", {"resolved": len(events)})
    arrived = [json.loads(m["Body"])["id"] for m in deployment.take(queue, len(events), seconds=30)]
    arrived += [json.loads(m["Body"])["id"] for m in deployment.receive(queue, seconds=2)]
    assert sorted(arrived) == sorted(event["id"] for event in events)


# What follows makes alarms go off, and leaves them on for a while.


@pytest.fixture(scope="module")
def notified(deployment: Deployment) -> str:
    """The URL of a queue that gets the ops topic's messages with their subjects."""
    arn = deployment.outputs["OpsTopicArn"]
    return deployment.subscribe(f"notified-{uuid.uuid4()}", [arn], raw=False)


def _told(deployment: Deployment, queue: str, word: str) -> dict[str, str]:
    """The first message with a word in it."""
    found: list[dict[str, str]] = []

    def look() -> list[dict[str, str]]:
        messages = deployment.receive(queue, seconds=2)
        found.extend(json.loads(message["Body"]) for message in messages)
        return [note for note in found if word in note["Message"]]

    return eventually(look, bool)[0]


def _set_off(deployment: Deployment, alarm: str) -> None:
    deployment.client("cloudwatch").set_alarm_state(
        AlarmName=f"{deployment.name}-{alarm}", StateValue="ALARM", StateReason="a test"
    )


def test_an_alarm_is_a_mail_with_its_diagnosis(deployment: Deployment, notified: str) -> None:
    _set_off(deployment, "api-failures")
    note = _told(deployment, notified, "ingestion-unavailable")

    assert note["Subject"] == "eventing: Events are not taken: api-failures"
    lines = note["Message"].split("\n")
    assert lines[:5] == [
        "Events are not taken: requests are answered 503, or the ingest function fails or is not run.",
        "Users: publishers have to send again; what was answered 202 is safe.",
        "Next: eventing status",
        "Runbook: docs/runbook.md#publishers-get-503",
        f"Where: eventing in {deployment.region}",
    ]
    assert re.fullmatch(r"alarm: ingestion-unavailable, ALARM since 20\S+Z", lines[6])
    assert lines[7] == "because of: api-failures"


def test_that_the_notifier_is_denied_is_told_without_it(
    deployment: Deployment, notified: str
) -> None:
    topic = deployment.outputs["OpsTopicArn"]
    with denied(deployment, f"{deployment.name}-notifier", "sns:Publish", topic):
        _set_off(deployment, "api-refusals")
        note = _told(deployment, notified, "notifier-impaired")

    told = json.loads(note["Message"])
    assert (told["AlarmName"], told["NewStateValue"]) == ("eventing-notifier-impaired", "ALARM")
    assert (
        "Next: eventing status Runbook: docs/runbook.md#notifier-function"
        in told["AlarmDescription"]
    )


def test_what_the_notifier_can_not_tell_arrives_as_it_is(
    deployment: Deployment, notified: str
) -> None:
    lost = {"of": "nobody"}
    deployment.client("lambda").invoke(
        FunctionName=f"{deployment.name}-notifier",
        InvocationType="Event",
        Payload=json.dumps(lost),
    )
    note = _told(deployment, notified, "requestPayload")

    assert json.loads(note["Message"])["requestPayload"] == lost
