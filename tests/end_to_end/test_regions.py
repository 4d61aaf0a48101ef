"""Two regions: each has the whole walk, and publishes the events that it took, and no others."""

from __future__ import annotations

import json
import subprocess
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import cycle, product
from operator import eq
from typing import TYPE_CHECKING, Any

import pytest
import urllib3

from eventing.catalogue_check import load_catalogue
from eventing.cause import Cause, Code
from eventing.dead_letter import DeadLetter
from eventing.event import event_key
from eventing.receipts import HASH_BYTES
from eventing.timestamps import timestamp
from functions.shared.topics import ENTRIES_PER_CALL
from infrastructure.packaging import ROOT
from local import publishing
from local.cloud import LocalCloud
from local.deployment import BATCH, Deployment
from local.mailbox import Mailbox
from local.outputs import Site, write
from local.page_server import DashboardPage
from local.story import EVENTS, Story
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
from tests.end_to_end.people import environment_of
from tests.shown import commands, filled_in, run, shell, terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMMANDS = commands("docs/runbook.md")
REGIONS = ("us-east-1", "eu-west-1")
# A chunk of a redrive at ten a second, and what it sends until receipts of the other region are there.
IN_FLIGHT = 30


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


def _receipted(deployment: Deployment) -> int:
    """The number of events that receipts name."""
    found = items(deployment, "ReceiptsTable")
    hashes = [packed["B"] for item in found for packed in item["topics"]["M"].values()]
    return sum(map(len, hashes)) // HASH_BYTES


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


def test_the_story_of_the_laptop_holds_and_is_seen_on_its_page(
    deployments: list[Deployment], outputs: Path
) -> None:
    """`make run ARGS="--regions 2 --once"` walks it. Doubles that other tests make come later."""
    here, lost = deployments
    subscribers = [Subscriber(deployment) for deployment in deployments]
    told: list[str] = []
    seen: list[list[str]] = []
    with (
        Mailbox(lost) as mailbox,
        DashboardPage(here, others=[(lost, mailbox)]) as served,
        chromium() as browser,
    ):
        page = browser.new_page(locale="en-GB")
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))

        def row() -> list[str]:
            """Of the lost region: its name, whether it publishes, and its numbers."""
            return page.locator(f"tr[data-region='{lost.region}'] td").all_inner_texts()

        def shows(region: str) -> None:
            section = page.locator(f"#dashboard-eventing-operations-{region}")
            section.wait_for(timeout=DEADLINE * 1000)
            chosen = page.locator("#region-rows a[aria-current=page]")
            assert chosen.inner_text(timeout=DEADLINE * 1000) == region

        def say(line: str) -> None:
            told.append(line)
            if line == f"  {lost.region} accepts {EVENTS} events and publishes none":
                eventually(row, lambda cells: (cells[1], cells[6]) == ("no", str(EVENTS)))
                seen.append(row())

        page.goto(served.url)
        shows(here.region)
        # All that was taken so far is published.
        eventually(row, lambda cells: (cells[1], cells[6]) == ("yes", "0"))
        adopted = int(row()[4])
        story = Story(here, lost, publisher=PUBLISHER, outputs=outputs, say=say)
        (event,) = events(1)
        ids = story.walk(event, "customers")
        assert len(ids) == EVENTS
        assert len(seen) == 1
        eventually(
            row,
            lambda cells: (cells[1], cells[4], cells[6]) == ("yes", str(adopted + EVENTS), "0"),
        )
        page.locator("#region-rows a", has_text=lost.region).click()
        shows(lost.region)
        assert problems == []
        url = f"{served.url}api/live?region=eu-north-1"
        assert urllib3.request("GET", url).status == 404
    assert f"  each of the {EVENTS} events was delivered once, by {here.region}" in told
    assert [len(subscribers[0].seen(id)) for id in ids] == [1] * EVENTS
    assert [subscribers[1].seen(id) for id in ids] == [[]] * EVENTS


def publish_at_once(deployments: list[Deployment], subscribers: list[Subscriber]) -> None:
    """Have both regions take 500 events at the same time: one publishes each, and both have it on record."""
    sent = [events(500), events(500)]
    receipts = _receipted(deployments[0])

    def post(number: int, first: int) -> int:
        deployment, batch = deployments[number], sent[number][first : first + 20]
        key = deployment.api_key(PUBLISHER)
        return deployment.post(json.dumps(batch), key=key, content_type=BATCH).status

    with ThreadPoolExecutor(4) as senders:
        statuses = senders.map(post, *zip(*product((0, 1), range(0, 500, 20)), strict=True))
        assert set(statuses) == {202}
    doubles = 0
    for number, batch in enumerate(sent):
        for event in batch:
            first, *others = subscribers[number].wait_for(event["id"])
            assert json.loads(first.body) == event
            doubles += len(others)
        assert [subscribers[1 - number].seen(event["id"]) for event in batch] == [[]] * len(batch)
    # On a machine that is busy SNS may not answer in time, and is asked again, ten events at a time.
    print(f"{doubles} of {2 * 500} events came twice")
    assert doubles <= 2 * ENTRIES_PER_CALL
    tables = [{item["pk"]["S"]: item for item in items(one)} for one in deployments]
    assert tables[0] == tables[1]
    eventually(partial(_receipted, deployments[0]), partial(eq, receipts + 1000))
    eventually(partial(_receipted, deployments[1]), partial(eq, receipts + 1000))


def test_a_proof_says_that_one_region_has_published_and_names_what_was_not_so(
    deployments: list[Deployment], tmp_path: Path
) -> None:
    here, there = deployments
    subscribers = [Subscriber(deployment) for deployment in deployments]
    administrator = {**here.cloud.environment, "PYTHONPATH": str(ROOT)}
    operator = {**environment_of(here, "olga", "OperatorPolicyArn"), "PYTHONPATH": str(ROOT)}
    began = datetime.now(UTC)

    def proven(
        outcome: str, options: str = "", environment: dict[str, str] = administrator
    ) -> dict[str, Any]:
        """What a proof of all since then says, when it has come to say that."""
        window = {"FROM": timestamp(began), "TO": timestamp(datetime.now(UTC))}
        shown = filled_in(COMMANDS["prove"], **window).strip()
        command = f"{shown} --now --json {options}"
        # A proof that finds something does not end with 0.
        document = json.loads(run(f"{command} || test $? = 3", environment, folder=tmp_path))
        assert {region["outcome"] for region in document["regions"]} <= {"proven", "differs"}
        return document if document["outcome"] == outcome else {}

    def accepted(deployment: Deployment, count: int) -> list[dict[str, Any]]:
        batch = events(count)
        key = deployment.api_key(PUBLISHER)
        assert deployment.post(json.dumps(batch), key=key, content_type=BATCH).status == 202
        return batch

    publish_at_once(deployments, subscribers)
    # The metrics come last.
    document = eventually(lambda: proven("proven"), bool, seconds=90)
    totals = {region["region"]: region["totals"] for region in document["regions"]}
    assert set(totals) == set(REGIONS)
    assert all(one["stored"] >= 500 and one["unproven"] == 0 for one in totals.values())
    # Who operates one region proves that one.
    (alone,) = proven("proven", f"--region {here.region}", operator)["regions"]
    assert alone["region"] == here.region

    # The origin filter of the other region's stream is gone.
    with publishing_all(there):
        doubles = accepted(here, 5)
        for subscriber in subscribers:
            for event in doubles:
                subscriber.wait_for(event["id"])
    receipts = f"arn:aws:dynamodb:*:*:table/{here.outputs['ReceiptsTable']}"
    with denied(here, here.outputs["PublishFunction"], "dynamodb:PartiQLInsert", receipts):
        bare = accepted(here, 2)
        for event in bare:
            subscribers[0].wait_for(event["id"])

    def found() -> dict[str, Any]:
        regions = proven("differs", "--yes").get("regions", ())
        return next((one for one in regions if one["found"]), {"totals": {}})

    proof = eventually(
        found,
        lambda one: (one["totals"].get("unproven"), one["totals"].get("twice")) == (2, 5),
        seconds=90,
    )
    assert proof["region"] == here.region
    named = {kind: {one["key"] for one in some} for kind, some in proof["found"]["named"].items()}
    assert named == {"unproven": _keys(bare), "twice": _keys(doubles)}


def _keys(sent: list[dict[str, Any]]) -> set[str]:
    return {event_key(PUBLISHER, event["source"], event["id"]) for event in sent}


@contextmanager
def publishing_all(deployment: Deployment) -> Iterator[None]:
    """Meanwhile a region publishes what every region takes."""
    functions = deployment.client("lambda")
    name = deployment.outputs["PublishFunction"]
    (mapping,) = functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    inserted = {"Filters": [{"Pattern": json.dumps({"eventName": ["INSERT"]})}]}
    functions.update_event_source_mapping(UUID=mapping["UUID"], FilterCriteria=inserted)
    try:
        yield
    finally:
        functions.update_event_source_mapping(
            UUID=mapping["UUID"], FilterCriteria=mapping["FilterCriteria"]
        )


def test_what_a_lost_region_took_is_adopted_once_also_when_it_is_back_in_the_middle(
    deployments: list[Deployment], tmp_path: Path
) -> None:
    here, lost = deployments
    at_here, at_lost = map(Subscriber, deployments)
    environment = {**here.cloud.environment, "PYTHONPATH": str(ROOT)}
    adopt, redrive = COMMANDS["adopt"].splitlines()

    def typed(command: str) -> str:
        return f"{command} --yes --reason tested --json"

    def asked(command: str) -> Any:
        return json.loads(run(typed(command), environment, folder=tmp_path))

    def accepted(batch: list[dict[str, Any]]) -> str:
        """The command that adopts these, which the lost region accepts; the other one's table has them."""
        began = datetime.now(UTC)
        for first in range(0, len(batch), 100):
            body = json.dumps(batch[first : first + 100])
            answer = lost.post(body, key=lost.api_key(PUBLISHER), content_type=BATCH)
            assert answer.status == 202, answer.data
        ended = datetime.now(UTC)
        eventually(partial(_stored, here, {e["id"] for e in batch}), partial(eq, len(batch)))
        window = {"FROM": timestamp(began), "TO": timestamp(ended)}
        return f"{filled_in(adopt, LOST=lost.region, **window)} --now"

    sent, later = events(200), events(100)
    with not_publishing(lost):
        adopting, adopting_later = accepted(sent), accepted(later)
        young_until = time.monotonic() + 31

        adopted = asked(adopting)
        assert adopted["counts"]["adopted"] == len(sent)
        assert adopted["read"]["units"] > 0
        assert "REGION_LOST" in adopted["next"][0]
        assert asked(redrive)["counts"] == {"resolved": len(sent)}
        for event in sent:
            (delivery,) = at_here.wait_for(event["id"])
            assert json.loads(delivery.body) == event
        again = asked(adopting)
        assert again["outcome"] == "nothing"
        assert again["counts"]["published"] == len(sent)

        adopted = asked(adopting_later)
        assert adopted["counts"]["adopted"] == len(later)
        # Its receipts have come to the region that is back, and its records are a backlog.
        eventually(partial(_receipts, lost), partial(eq, _receipts(here)))
        time.sleep(max(0.0, young_until - time.monotonic()))
        redriving = subprocess.Popen(
            shell(typed(f"{redrive} --rate-per-second 10")),
            env=terminal(environment),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        eventually(lambda: delivered(at_here, later), lambda number: number >= 20)

    # It goes on with its stream: this event is behind all others there.
    fence = events(1)[0]
    assert lost.post(json.dumps(fence), key=lost.api_key(PUBLISHER)).status == 202
    at_lost.wait_for(fence["id"])
    told, failed = redriving.communicate(timeout=90)
    assert redriving.returncode == 0, failed
    counts = json.loads(told)["counts"]
    assert counts["adopted"] > 0
    assert counts["adopted"] + counts["resolved"] == len(later)
    twice = delivered(at_here, later) + delivered(at_lost, later) - len(later)
    print(f"{twice} of {len(later)} came twice, {counts['adopted']} were not sent")
    # What redrive sends in the second before the receipts of the batch are there, and a chunk.
    assert 0 <= twice <= IN_FLIGHT
    assert all(at_here.seen(event["id"]) or at_lost.seen(event["id"]) for event in later)
    assert [at_lost.seen(event["id"]) for event in sent] == [[]] * len(sent)
    assert [len(at_here.seen(event["id"])) for event in sent] == [1] * len(sent)
    elsewhere = [line["published_elsewhere"] for line in _batches(lost)]
    assert sum(elsewhere) >= len(sent)

    # What it could not publish by itself was published meanwhile.
    letters = [_letter(lost, event).text() for event in sent[:3]]
    put_messages(lost.client("sqs"), lost.outputs["PublishDlqUrl"], letters)
    execute(lost, action="triage", stage="publish")
    ended = execute(lost, action="redrive", stage="publish")
    assert json.loads(ended["output"])["counts"] == {"adopted": 3}
    assert [at_lost.seen(event["id"]) for event in sent[:3]] == [[]] * 3


def delivered(subscriber: Subscriber, sent: list[dict[str, Any]]) -> int:
    return sum(len(subscriber.seen(event["id"])) for event in sent)


def _batches(deployment: Deployment) -> list[dict[str, Any]]:
    pages = deployment.client("logs").get_paginator("filter_log_events")
    group = f"/aws/lambda/{deployment.outputs['PublishFunction']}"
    lines = [e["message"] for page in pages.paginate(logGroupName=group) for e in page["events"]]
    logged = [json.loads(line) for line in lines if line.startswith("{")]
    return [line for line in logged if line.get("message") == "batch"]


@contextmanager
def not_publishing(deployment: Deployment) -> Iterator[None]:
    """Meanwhile a region takes events and publishes none; then it goes on where it stopped."""
    functions, name = deployment.client("lambda"), deployment.outputs["PublishFunction"]
    publishing.set_publishing(functions, name, on=False)
    try:
        yield
    finally:
        publishing.set_publishing(functions, name, on=True)


def _receipts(deployment: Deployment) -> int:
    return len(items(deployment, "ReceiptsTable"))


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


def test_a_region_is_lost_and_brought_back_by_a_command(
    deployments: list[Deployment], outputs: Path
) -> None:
    """That of `make lose` and `make back`."""
    lost = deployments[1]
    functions, name = lost.client("lambda"), lost.outputs["PublishFunction"]
    for state in ("off", "on"):
        assert publishing.main([state, lost.region, "--outputs", str(outputs)]) == 0
        assert publishing.is_publishing(functions, name) is (state == "on")


def test_commands_that_operators_are_shown_name_their_region(
    deployments: list[Deployment],
) -> None:
    for deployment in deployments:
        functions = deployment.client("lambda")
        for name in ("notifier", "widget", "redrive"):
            found = functions.get_function_configuration(FunctionName=f"eventing-{name}")
            options = found["Environment"]["Variables"]["COMMAND_OPTIONS"]
            assert options == f"--region {deployment.region}"
