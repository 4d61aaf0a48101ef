"""Two regions: each has the whole walk, and publishes the events that it took, and no others."""

from __future__ import annotations

import json
import threading
import time
import uuid
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import cycle
from operator import eq
from typing import TYPE_CHECKING, Any

import pytest
import urllib3

from eventing.catalogue_check import load_catalogue
from eventing.cause import Cause, Code
from eventing.dead_letter import DeadLetter
from eventing.event import event_key
from eventing.timestamps import timestamp
from infrastructure.packaging import ROOT
from local import publishing
from local.cloud import LocalCloud
from local.deployment import BATCH, Deployment
from local.mailbox import Mailbox
from local.outputs import Site, write
from local.page_server import DashboardPage
from local.story import Story
from tests.browser.chromium import chromium
from tests.end_to_end.asking import ask
from tests.end_to_end.conftest import (
    DEADLINE,
    PUBLISHER,
    Subscriber,
    denied,
    eventually,
    execute,
    items,
    put_messages,
)
from tests.shown import commands, filled_in, run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REGIONS = ("us-east-1", "eu-west-1")


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


def test_a_region_that_stops_publishing_loses_nothing_and_the_other_one_goes_on(
    deployments: list[Deployment],
) -> None:
    """The game day's commands, as docs/regions.md has them."""
    shown = commands("docs/regions.md")
    here, there = deployments[1], deployments[0]
    subscribers = [Subscriber(deployment) for deployment in deployments]
    sent = events(100)

    def typed(name: str) -> None:
        run(filled_in(shown[name], REGION=here.region), here.cloud.environment)

    def accepted(deployment: Deployment, batch: list[dict[str, Any]]) -> bool:
        key = deployment.api_key(PUBLISHER)
        answer = deployment.post(json.dumps(batch), key=key, content_type=BATCH)
        return answer.status == 202

    typed("lose")
    try:
        assert accepted(here, sent)
        # They are safe in both regions, and the other one publishes its own and none of these.
        ids = {event["id"] for event in sent}
        eventually(partial(_stored, there, ids), partial(eq, len(sent)))
        own = events(1)
        assert accepted(there, own)
        subscribers[0].wait_for(own[0]["id"])
        assert not [event for event in sent for one in subscribers if one.seen(event["id"])]
    finally:
        typed("back")
    for event in sent:
        (delivery,) = subscribers[1].wait_for(event["id"])
        assert json.loads(delivery.body) == event
    assert not [event for event in sent if subscribers[0].seen(event["id"])]


def test_what_became_of_an_event_is_told_in_both_regions(deployments: list[Deployment]) -> None:
    (event,) = events(1)
    took, other = deployments
    topic = took.topic_arn("customers")

    def told(deployment: Deployment, status: str) -> dict[str, Any]:
        found: dict[str, Any] = eventually(
            lambda: ask(deployment, event)[1], lambda body: body.get("status") == status
        )
        assert found["region"] == took.region
        return found

    with denied(took, took.outputs["PublishFunction"], "sns:Publish", topic):
        assert took.post(json.dumps(event), key=took.api_key(PUBLISHER)).status == 202
        told(took, "dead-lettered")
        assert took.region in told(other, "accepted")["detail"]
    assert execute(took, action="redrive", stage="publish")["status"] == "SUCCEEDED"
    assert told(took, "redriven")["topic"] == "customers"
    # The letter is of one region, the receipt of both.
    assert told(other, "published")["topic"] == "customers"


def test_a_publisher_has_one_key_for_both_regions_and_every_change_holds_in_both(
    deployments: list[Deployment], tmp_path: Path
) -> None:
    name = "acme-twin"
    environment = {**deployments[0].cloud.environment, "PYTHONPATH": str(ROOT)}

    def asked(action: str, *options: str) -> Any:
        command = f"eventing publishers {action} {name} {' '.join(options)} --json"
        return json.loads(run(command, environment, folder=tmp_path))

    def change(action: str, *options: str) -> None:
        assert asked(action, *options, "--reason", "tested", "--yes")["outcome"] == "done"
        shown = asked("show")
        assert shown["differences"] == []
        assert set(shown["regions"]) == set(REGIONS)

    def statuses(key: str) -> set[int]:
        return {d.post(json.dumps(events(1)[0]), key=key).status for d in deployments}

    def become(key: str, status: int) -> None:
        eventually(lambda: statuses(key), partial(eq, {status}), seconds=10)

    change("register", "--usage-plan", "standard", "--contact", "ops@acme.example")
    key = asked("key")["value"]
    become(key, 202)
    assert [d.api_key(name) for d in deployments] == [key, key]

    change("suspend")
    become(key, 403)
    assert statuses(deployments[0].api_key(PUBLISHER)) == {202}
    change("resume")
    become(key, 202)

    change("throttle", "--rate-per-second", "1")
    for deployment in deployments:
        answer = eventually(partial(deployment.post, "{}", key=key), lambda a: a.status == 429)
        assert int(answer.headers["retry-after"]) > 0
    change("restore")
    become(key, 202)

    with steadily_sent(deployments, key) as answers:
        change("rotate")
        new = asked("key")["value"]
        assert new != key
        become(new, 202)
    assert set(answers) == {202}
    change("retire-key")
    become(key, 403)
    assert statuses(new) == {202}

    assert asked("revoke", "--reason", "tested", "--yes")["outcome"] == "done"
    become(new, 403)
    again = "--usage-plan standard --contact a --reason tested 2>&1 || true"
    told = run(f"eventing publishers register {name} {again}", environment, folder=tmp_path)
    assert "revoked" in told
    assert asked("show")["publisher"]["status"] == "revoked"


@contextmanager
def steadily_sent(deployments: list[Deployment], key: str) -> Iterator[list[int]]:
    """Meanwhile, and for a second more, 20 requests a second with this key; their statuses."""
    statuses: list[int] = []
    stop = threading.Event()

    def send() -> None:
        for deployment in cycle(deployments):
            if stop.is_set():
                break
            statuses.append(deployment.post(json.dumps(events(1)[0]), key=key).status)
            time.sleep(0.05)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    try:
        yield statuses
    finally:
        time.sleep(1)
        stop.set()
        thread.join(30)
    assert len(statuses) > 10


@pytest.fixture(scope="module")
def outputs(deployments: list[Deployment], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make run` would say of these regions."""
    file = tmp_path_factory.mktemp("run") / "outputs.json"
    catalogue = load_catalogue(ROOT / "catalogue")
    sites = [Site.of(deployment, catalogue) for deployment in deployments]
    write(file, sites, publisher=PUBLISHER, dashboard_url="")
    return file


def test_what_a_lost_region_took_is_adopted_once_and_not_published_again_when_it_is_back(
    deployments: list[Deployment], outputs: Path
) -> None:
    """The story that `make run ARGS="--regions 2 --once"` tells."""
    here, lost = deployments
    at_here, at_lost = map(Subscriber, deployments)
    (event,) = events(1)

    told: list[str] = []
    story = Story(here, lost, publisher=PUBLISHER, outputs=outputs, say=told.append)
    sent = [event | {"id": id} for id in story.walk(event, "customers")]
    assert f"  each of the {len(sent)} events was delivered once, by {REGIONS[0]}" in told
    for event in sent:
        (delivery,) = at_here.wait_for(event["id"])
        assert json.loads(delivery.body) == event
    assert [len(at_here.seen(event["id"])) for event in sent] == [1] * len(sent)
    assert [at_lost.seen(event["id"]) for event in sent] == [[]] * len(sent)

    # What it could not publish by itself was published meanwhile.
    letters = [_letter(lost, event).text() for event in sent[:3]]
    put_messages(lost.client("sqs"), lost.outputs["PublishDlqUrl"], letters)
    execute(lost, action="triage", stage="publish")
    ended = execute(lost, action="redrive", stage="publish")
    assert json.loads(ended["output"])["counts"] == {"adopted": 3}
    assert [at_lost.seen(event["id"]) for event in sent[:3]] == [[]] * 3


def _letter(deployment: Deployment, event: dict[str, Any]) -> DeadLetter:
    key = event_key(PUBLISHER, event["source"], event["id"])
    (item,) = (item for item in items(deployment) if item["pk"]["S"] == key)
    return DeadLetter(
        stage="publish",
        step="publish",
        publisher=PUBLISHER,
        event=item["event"]["S"],
        accepted_at=item["accepted_at"]["S"],
        cause=Cause(Code.TIMEOUT, "OutOfTime", "there was no time left to send it"),
        failed_at=timestamp(datetime.now(UTC)),
        topic="customers",
    )


def test_the_page_has_a_row_for_each_region_and_shows_the_one_that_is_chosen(
    deployments: list[Deployment], outputs: Path
) -> None:
    here, lost = deployments
    mailbox = Mailbox(lost)
    with mailbox, DashboardPage(here, others=[(lost, mailbox)]) as served, chromium() as browser:
        page = browser.new_page(locale="en-GB")
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))

        def shown(region: str) -> list[str]:
            return page.locator(f"tr[data-region='{region}'] td").all_inner_texts()

        def looked_at(deployment: Deployment) -> None:
            section = page.locator(f"#dashboard-eventing-operations-{deployment.region}")
            section.wait_for(timeout=DEADLINE * 1000)
            chosen = page.locator("#region-rows a[aria-current=page]")
            assert chosen.inner_text(timeout=DEADLINE * 1000) == deployment.region

        page.goto(served.url)
        looked_at(here)
        # All that was taken so far is published.
        eventually(lambda: shown(lost.region), lambda row: row[6] == "0")
        assert switch_publishing("off", lost, outputs) == 0
        try:
            sent = events(3)
            body = json.dumps(sent)
            answer = lost.post(body, key=lost.api_key(PUBLISHER), content_type=BATCH)
            assert answer.status == 202
            eventually(
                lambda: shown(lost.region),
                lambda row: (row[1], row[6]) == ("no", str(len(sent))),
            )
        finally:
            assert switch_publishing("on", lost, outputs) == 0
        eventually(lambda: shown(lost.region), lambda row: (row[1], row[6]) == ("yes", "0"))
        page.locator("#region-rows a", has_text=lost.region).click()
        looked_at(lost)
        assert problems == []
        status = urllib3.request("GET", f"{served.url}api/live?region=eu-north-1").status
        assert status == 404


def switch_publishing(state: str, deployment: Deployment, outputs: Path) -> int:
    """As `make lose` and `make back` do it."""
    return publishing.main([state, deployment.region, "--outputs", str(outputs)])


def test_commands_that_operators_are_shown_name_their_region(
    deployments: list[Deployment],
) -> None:
    for deployment in deployments:
        functions = deployment.client("lambda")
        for name in ("notifier", "widget", "redrive"):
            found = functions.get_function_configuration(FunctionName=f"eventing-{name}")
            options = found["Environment"]["Variables"]["COMMAND_OPTIONS"]
            assert options == f"--region {deployment.region}"
