"""The local page in a real browser: from a healthy system through an incident and back.

One story is lived through once, in a deployment of its own, and each test looks at a part of what was
seen: two thousand events, 5 % of which cannot be published; the alarm; triage; a redrive that comes too
early, and one that does not; and then a few events that really are lost, which conservation has to
notice, and it alone. By its end the functions have emitted every metric there is.
"""

from __future__ import annotations

import json
import os
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from eventing.catalogue_check import load_catalogue
from eventing.cause import FAULTS, Cause, Code
from eventing.dead_letter import STAGES, DeadLetter
from eventing.event import event_key
from eventing.timestamps import timestamp
from functions.contract import Variable
from local.cloud import ROOT
from local.demo import SAMPLES
from local.mailbox import Mailbox
from local.page_server import DashboardPage
from tests.browser.chromium import chromium
from tests.end_to_end.conftest import (
    PUBLISHER,
    counted,
    denied,
    deployed,
    eventually,
    new_event,
    payment,
    short_periods,
)
from tests.end_to_end.screens import (
    COLOURS,
    HOSTILE,
    SCREENS,
    SECRET,
    first_screen,
    follow_the_runbook,
    what_waits,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from playwright.sync_api import Browser, Page

    from local.deployment import Deployment

# Of the issue: from breaking SNS to red on the page.
ALARM_SECONDS = 60.0
# The last minute's dead letters keep the alarm on for as long.
GREEN_SECONDS = 120.0
BATCH, BATCHES, FAILING = 100, 20, 5
LOST = 4
BATCHED = "application/cloudevents-batch+json"
UNACCOUNTED = "events-unaccounted"
LOGS = ("/aws/lambda/eventing-ingest", "/aws/lambda/eventing-redrive")
# What the test makes of the alarm's periods of a minute, and how often it lets the counter count.
PERIOD, EVERY = 2, 0.7
# The alarms of dead letters: what the system is to blame for, and what waits for a person.
UNHEALTHY = ("publish-dead-lettered", "publish-open-dead-letters")
ATTENTION = ("publish-own-fault-dead-letters", "publish-parked-dead-letters")

HOSTILE_SUBJECT = "<img src=x onerror=alert(1)> approve now"
HOSTILE_MAIL = (
    "<script>document.title = 'x'</script>\u202e\u2066\nRunbook: javascript:alert(1)\n"
    "Runbook: https://evil.example/#a\n<a href='https://evil.example'>approve</a>\x1b[2J"
)

Metric = tuple[str, str, frozenset[tuple[str, str]]]
"""Namespace, name and dimensions."""


@dataclass
class Seen:
    """What was seen of the story."""

    dashboards: dict[str, list[Any]] = field(default_factory=dict)
    """Widgets of the synthesised dashboards."""
    drawn: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """What the page made of each."""
    requests: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    healths: list[str] = field(default_factory=list)
    seconds_to_red: float = 0.0
    executions: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    """What operators were told until all was green again."""
    messages_of_attention: list[str] = field(default_factory=list)
    """And what from then on, until the letter that waited for a person was dealt with."""
    mailbox: dict[str, Any] = field(default_factory=dict)
    """The section of that name, after all of this and a hostile message."""
    narrow: dict[str, Any] = field(default_factory=dict)
    first_screens: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """What of an incident is seen at once, by the screen and its colours."""
    hostile: dict[str, Any] = field(default_factory=dict)
    """What the page makes of foreign text that is no friend of it."""
    causes: list[str] = field(default_factory=list)
    """The rows below the graph of dead letters by cause."""
    document: dict[str, Any] = field(default_factory=dict)
    """Where the link of an alarm leads."""
    caption: str = ""
    before_loss: tuple[int, str] = (-1, "")
    """What was unaccounted for, and the alarm's state, without the minute of the loss."""
    after_loss: tuple[int, str] = (-1, "")
    emitted: set[Metric] = field(default_factory=set)
    """Every metric of the functions that came into being."""
    named: set[Metric] = field(default_factory=set)
    """Every metric that a deployed alarm or widget names."""
    logged: dict[str, set[str]] = field(default_factory=dict)
    """The fields of log lines, by log."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def seen(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """The story, told once."""
    with (
        deployed(tmp_path_factory) as deployment,
        Mailbox(deployment) as mailbox,
        DashboardPage(deployment, mailbox) as served,
    ):
        page = browser.new_page(viewport={"width": 1280, "height": 1100}, locale="en-GB")
        yield _story(deployment, served.url, browser, page)
        page.close()


def _story(deployment: Deployment, url: str, browser: Browser, page: Page) -> Seen:
    seen = Seen(dashboards=_synthesised(deployment))
    mailbox = deployment.subscribe("ops", [deployment.outputs["OpsTopicArn"]], raw=False)
    # Without subscribers a redrive stops.
    topics = [topic.name for topic in load_catalogue(ROOT / "catalogue").topics]
    deployment.subscribe("subscriber", [deployment.topic_arn(name) for name in topics], raw=True)
    page.on("request", lambda request: seen.requests.add(request.url))
    page.on("pageerror", lambda error: seen.problems.append(str(error)))
    page.on("console", lambda m: seen.problems.append(m.text) if m.type == "error" else None)
    page.goto(url)
    # Their first minute has not come yet.
    counted(deployment)
    deployment.client("lambda").invoke(FunctionName=deployment.outputs["CanaryFunction"])
    # Nor has their first day.
    deployment.client("lambda").invoke(
        FunctionName=f"{deployment.name}-publishers", Payload=json.dumps({"task": "due"})
    )
    _wait_for_health(page, seen, "OK", 30)
    # One for each topic, or more; then the same again, and one that is none.
    samples = [json.loads(file.read_text()) for file in SAMPLES.glob("*.json")]
    _send(deployment, samples)
    _send(deployment, samples)
    assert deployment.post("{}", key=deployment.api_key(PUBLISHER)).status == 400
    page.locator('[data-dashboard*="-delivery-"] figure').first.wait_for()
    eventually(lambda: _value(page, "Published to payments"), lambda text: text == "1")
    seen.drawn = _drawn(page)
    seen.caption = _use_the_keyboard(page)
    _shoot(page, "healthy")
    payments = deployment.topic_arn("payments")

    with denied(
        deployment,
        deployment.outputs["PublishFunction"],
        "sns:Publish",
        payments,
    ):
        broken = time.monotonic()
        for _ in range(BATCHES):
            events = [new_event() for _ in range(BATCH - FAILING)]
            _send(deployment, events + [payment() for _ in range(FAILING)])
        busy_in = int(time.time()) // 60
        _wait_for_health(page, seen, "ALARM", ALARM_SECONDS)
        _wait_for_alarm(page, "eventing-publish-dead-letters", "ALARM", ALARM_SECONDS)
        seen.seconds_to_red = time.monotonic() - broken
        triage = page.locator(
            '#execution-rows tr[data-status="SUCCEEDED"]', has_text="triage of publish"
        )
        triage.first.wait_for(timeout=60_000)
        letters = BATCHES * FAILING
        eventually(lambda: _open_letters(deployment), lambda found: found == letters)
        eventually(
            lambda: page.locator("#waiting strong").first.inner_text(), lambda t: "wait" in t
        )
        _shoot(page, "incident")
        _shoot(page, "incident-graphs", section="-redrive-")
        seen.narrow = _narrow(browser, url)
        seen.first_screens = {
            (screen, colours): first_screen(browser, url, screen, colours)
            for screen in SCREENS
            for colours in COLOURS
        }
        seen.causes = _rows(page, "New dead letters of publish, by cause")
        seen.document = follow_the_runbook(browser, url)
        with denied(deployment, f"{deployment.name}-redrive", "sns:Publish", payments):
            _redrive(deployment, page, "aborted")

    _redrive(deployment, page, "done")
    counted(deployment)
    if int(time.time()) // 60 == busy_in:
        _pass_the_minute()
    lost_in = int(time.time()) // 60
    _lose(deployment, LOST)
    lost_by = int(time.time()) // 60
    with short_periods(deployment, *UNHEALTHY):
        _see_green(deployment, page, seen)
        seen.executions = page.locator("#execution-rows tr").all_inner_texts()
        seen.messages = [_told(m) for m in deployment.take(mailbox, 10, seconds=3)]
        _let_a_letter_wait(deployment, page, mailbox, seen)
        with short_periods(deployment, *ATTENTION):
            _see_green(deployment, page, seen)
            told = deployment.take(mailbox, 10, seconds=3)
            seen.messages_of_attention += [_told(message) for message in told]
    seen.mailbox = _read_the_mailbox(deployment, page)

    if int(time.time()) // 60 == lost_by:
        _pass_the_minute()
    with short_periods(deployment, UNACCOUNTED, seconds=PERIOD):
        minutes_since_loss = int(time.time()) // 60 - lost_in
        seen.before_loss = _conservation(deployment, until=minutes_since_loss, wanted="OK")
        seen.after_loss = _conservation(deployment, until=0, wanted="ALARM")
    _lose_a_receipt(deployment)
    _leave_an_erasure_unfinished(deployment)
    _prove_yesterday(deployment)
    seen.emitted, seen.named = set(_emitted(deployment)), set(_named(deployment))
    seen.logged = {log: _fields(deployment, log) for log in LOGS}
    return seen


def _lose_a_receipt(deployment: Deployment) -> None:
    table = f"arn:aws:dynamodb:*:*:table/{deployment.outputs['ReceiptsTable']}"
    publish = deployment.outputs["PublishFunction"]
    with denied(deployment, publish, "dynamodb:PartiQLInsert", table):
        _send(deployment, [new_event()])
        eventually(
            lambda: {name for _, name, _ in _emitted(deployment)},
            lambda names: "ReceiptsMissing" in names,
        )


def _leave_an_erasure_unfinished(deployment: Deployment) -> None:
    """Stop an execution, and send an event again that has a tombstone."""
    ended = {
        "task": "ended",
        "execution": "stopped",
        "execution_arn": "stopped",
        "status": "ABORTED",
        "started_at": int(time.time() * 1000),
    }
    deployment.client("lambda").invoke(
        FunctionName=f"{deployment.name}-eraser", Payload=json.dumps(ended)
    )
    event = new_event()
    _send(deployment, [event])
    deployment.client("dynamodb").update_item(
        TableName=deployment.outputs["EventsTable"],
        Key={"pk": {"S": event_key(PUBLISHER, event["source"], event["id"])}},
        UpdateExpression="SET erased_at = :now REMOVE #event, #type, digest",
        ExpressionAttributeNames={"#event": "event", "#type": "type"},
        ExpressionAttributeValues={":now": {"S": "2026-11-28T09:00:00.000Z"}},
    )
    assert deployment.post(json.dumps(event), key=deployment.api_key(PUBLISHER)).status == 410


def _prove_yesterday(deployment: Deployment) -> None:
    """Write down what a proof of yesterday finds: the counts of a whole day take minutes here."""
    names = ("stored", "published", "letters", "unproven", "uncounted", "twice")
    judged = {"totals": dict.fromkeys(names, 0), "minutes": []}
    report = {
        "task": "report",
        "execution": "nightly",
        "started_at": timestamp(datetime.now(UTC)),
        "request": {"action": "count"},
        "plan": {},
        "judged": judged,
    }
    answer = deployment.client("lambda").invoke(
        FunctionName=f"{deployment.name}-prover", Payload=json.dumps(report)
    )
    assert json.load(answer["Payload"])["outcome"] == "proven"


def _redrive(
    deployment: Deployment, page: Page, outcome: str, action: str = "redrive", **more: Any
) -> None:
    asked = {"stage": "publish", "action": action, "reason": "test", "started_by": "test", **more}
    deployment.client("stepfunctions").start_execution(
        stateMachineArn=deployment.outputs["RedriveStateMachineArn"], input=json.dumps(asked)
    )
    rows = page.locator("#execution-rows tr", has_text=f"{action} of publish")
    rows.filter(has_text=outcome).first.wait_for(timeout=60_000)


def _let_a_letter_wait(deployment: Deployment, page: Page, mailbox: str, seen: Seen) -> None:
    """A letter that no topic takes is triaged, redriven in vain until it is parked, and discarded.

    None of its texts means well.
    """
    now = timestamp(datetime.now(UTC))
    letter = DeadLetter(
        stage="publish",
        step="route",
        publisher=HOSTILE,
        event=json.dumps({**new_event(), "type": HOSTILE, "data": {"card": SECRET}}),
        accepted_at=now,
        cause=Cause(Code.NO_ROUTE, HOSTILE, HOSTILE, HOSTILE),
        failed_at=now,
        topic=HOSTILE,
    )
    queue = deployment.outputs["PublishDlqUrl"]
    deployment.client("sqs").send_message(QueueUrl=queue, MessageBody=letter.text())
    eventually(lambda: counted(deployment)["publish"]["own_fault"], lambda n: n == 1)
    _wait_for_health(page, seen, "ATTENTION", ALARM_SECONDS)
    _wait_for_alarm(page, "eventing-attention", "ALARM", ALARM_SECONDS)
    seen.hostile = what_waits(page, "NO_ROUTE")
    # Nothing is done about it before operators have been told, which the counter then reports.
    told = deployment.take(mailbox, 1, seconds=ALARM_SECONDS)
    seen.messages_of_attention = [_told(message) for message in told]
    counted(deployment)
    _redrive(deployment, page, "1 parked", max_episodes=1)
    eventually(lambda: counted(deployment)["publish"]["parked"], lambda n: n == 1)
    _wait_for_alarm(page, "eventing-publish-parked-dead-letters", "ALARM", ALARM_SECONDS)
    assert page.locator("#health").inner_text() == "Needs attention"
    _redrive(deployment, page, "1 discarded", "discard", filter={"letter_ids": [letter.key]})
    eventually(lambda: counted(deployment)["publish"]["parked"], lambda n: n == 0)


def _told(message: dict[str, Any]) -> str:
    """The subject of a message to operators."""
    return str(json.loads(message["Body"]).get("Subject"))


def _read_the_mailbox(deployment: Deployment, page: Page) -> dict[str, Any]:
    """Send operators what nobody should, open the mail before it by the keyboard, and look."""
    deployment.client("sns").publish(
        TopicArn=deployment.outputs["OpsTopicArn"], Subject=HOSTILE_SUBJECT, Message=HOSTILE_MAIL
    )
    mails = page.locator("#mails details")
    expect(mails.first.locator("summary")).to_contain_text("img", timeout=20_000)
    mails.nth(1).locator("summary").focus()
    page.keyboard.press("Enter")
    expect(mails.nth(1)).to_have_attribute("open", "")
    mails.first.locator("summary").click()
    runbook = mails.nth(1).get_by_role("link").first
    return {
        "subjects": mails.locator("summary").all_inner_texts(),
        "hostile": mails.first.locator("pre").inner_text(),
        "links": mails.first.get_by_role("link").count(),
        "elements": page.locator("#mails :not(details, summary, time, pre, a)").count(),
        "opened": mails.nth(1).locator("pre").inner_text(),
        "runbook": (runbook.get_attribute("href"), runbook.inner_text()),
    }


def _synthesised(deployment: Deployment) -> dict[str, list[Any]]:
    """Dashboards of the deployed template: the titles of their widgets, and their kinds."""
    stack = f"{deployment.name}-{deployment.region}"
    body = deployment.client("cloudformation").get_template(StackName=stack)["TemplateBody"]
    found = {}
    for resource in body["Resources"].values():
        if resource["Type"] == "AWS::CloudWatch::Dashboard":
            # The parts that only CloudFormation knows are inside texts.
            parts = resource["Properties"]["DashboardBody"]["Fn::Join"][1]
            text = "".join(part if isinstance(part, str) else "-" for part in parts)
            found[resource["Properties"]["DashboardName"]] = json.loads(text)["widgets"]
    return found


def _drawn(page: Page) -> dict[str, list[dict[str, Any]]]:
    script = """boxes => boxes.map(box => ({
        kind: box.dataset.kind,
        title: box.querySelector('h3')?.textContent ?? null,
        cannot: box.querySelector('.cannot')?.textContent ?? null,
        pixels: (box.querySelector('canvas')?.width ?? 0) * (box.querySelector('canvas')?.height ?? 0),
        rows: [...box.querySelectorAll('tr')].map(row => row.innerText),
        items: box.querySelectorAll('li').length,
        words: box.innerText.length,
        text: box.innerText,
    }))"""
    found = {}
    for section in page.locator("[data-dashboard]").all():
        name = section.get_attribute("data-dashboard") or ""
        found[name] = section.locator("article").evaluate_all(script)
    return found


def _value(page: Page, title: str) -> str:
    box = page.locator("article", has=page.get_by_role("heading", name=title, exact=True))
    return box.locator("td.number").first.inner_text()


def _use_the_keyboard(page: Page) -> str:
    """Go to a graph and through its points; what its table is headed with then."""
    figure = page.locator("figure").first
    figure.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(figure.locator("caption")).to_contain_text("values at")
    caption = figure.locator("caption").inner_text()
    figure.blur()
    return caption


def _narrow(browser: Browser, url: str) -> dict[str, Any]:
    """The same on a telephone, in the dark."""
    page = browser.new_page(
        viewport={"width": 390, "height": 844}, color_scheme="dark", locale="en-GB"
    )
    page.goto(url)
    page.locator("body[data-seen]").wait_for()
    _shoot(page, "incident-narrow")
    found: dict[str, Any] = page.evaluate(
        """() => ({
            wide: document.documentElement.scrollWidth,
            background: getComputedStyle(document.body).backgroundColor,
            columns: new Set([...document.querySelectorAll('article')].map(a => a.offsetLeft)).size,
        })"""
    )
    page.close()
    return found


def _rows(page: Page, title: str) -> list[str]:
    box = page.locator("article", has=page.get_by_role("heading", name=title, exact=True))
    return box.locator("tr").all_inner_texts()


def _shoot(page: Page, name: str, *, section: str | None = None) -> None:
    """A picture for the README, when pictures are asked for, from the top or from a dashboard on."""
    if folder := os.environ.get("SCREENSHOTS"):
        target = f'[data-dashboard*="{section}"] .grid' if section else "body"
        page.evaluate("target => document.querySelector(target).scrollIntoView()", target)
        if section:
            page.mouse.wheel(0, -90)  # from under the heading of the page
            page.wait_for_timeout(300)
        page.screenshot(path=ROOT / folder / f"{name}.png")


def _wait_for_health(page: Page, seen: Seen, state: str, seconds: float) -> None:
    page.locator(f'#health[data-state="{state}"]').wait_for(timeout=seconds * 1000)
    seen.healths.append(page.locator("#health").inner_text())


def _see_green(deployment: Deployment, page: Page, seen: Seen) -> None:
    """Let the counter tell the alarms that nothing is left, until the page says that all is well."""
    green = page.locator('#health[data-state="OK"]')
    eventually(lambda: counted(deployment) and green.count(), bool, seconds=GREEN_SECONDS)
    seen.healths.append(page.locator("#health").inner_text())


def _wait_for_alarm(page: Page, name: str, state: str, seconds: float) -> None:
    item = page.locator(f'#alarm-list [data-alarm="{name}"][data-state="{state}"]')
    item.wait_for(timeout=seconds * 1000)


def _send(deployment: Deployment, events: list[dict[str, Any]]) -> None:
    answer = deployment.post(
        json.dumps(events), key=deployment.api_key(PUBLISHER), content_type=BATCHED
    )
    assert answer.status == 202, answer.data


def _lose(deployment: Deployment, count: int) -> None:
    """Let the stream's mapping pass over some events, which nobody will see again."""
    client = deployment.client("lambda")
    name = deployment.outputs["PublishFunction"]
    (mapping,) = client.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    settled = _sum(deployment, "EventsSettled")
    nothing = {"Filters": [{"Pattern": json.dumps({"eventName": ["NOTHING"]})}]}
    client.update_event_source_mapping(UUID=mapping["UUID"], FilterCriteria=nothing)
    _send(deployment, [new_event() for _ in range(count)])
    time.sleep(2)  # the mapping reads on, and drops what its filter does not match
    client.update_event_source_mapping(
        UUID=mapping["UUID"], FilterCriteria=mapping["FilterCriteria"]
    )
    _send(deployment, [new_event()])
    eventually(lambda: _sum(deployment, "EventsSettled"), lambda now: now == settled + 1)


def _sum(deployment: Deployment, name: str) -> float:
    now = time.time()
    points = deployment.client("cloudwatch").get_metric_statistics(
        Namespace="Eventing",
        MetricName=name,
        Dimensions=[{"Name": "service", "Value": deployment.name}],
        StartTime=now - 3600,
        EndTime=now + 60,
        Period=60,
        Statistics=["Sum"],
    )["Datapoints"]
    return float(sum(point["Sum"] for point in points))


def _pass_the_minute() -> None:
    """Conservation looks at whole minutes."""
    time.sleep(60.5 - time.time() % 60)


def _open_letters(deployment: Deployment) -> int:
    return int(counted(deployment)["publish"]["open"])


def _alarm(deployment: Deployment) -> dict[str, Any]:
    name = f"{deployment.name}-{UNACCOUNTED}"
    (alarm,) = deployment.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"]
    found: dict[str, Any] = alarm
    return found


def _metric(namespace: str, name: str, dimensions: Iterable[Mapping[str, str]]) -> Metric:
    return namespace, name, frozenset((d["Name"], d["Value"]) for d in dimensions)


def _emitted(deployment: Deployment) -> Iterator[Metric]:
    pages = deployment.client("cloudwatch").get_paginator("list_metrics")
    for page in pages.paginate(Namespace="Eventing"):
        for metric in page["Metrics"]:
            yield _metric(metric["Namespace"], metric["MetricName"], metric["Dimensions"])


def _named(deployment: Deployment) -> Iterator[Metric]:
    client = deployment.client("cloudwatch")
    for page in client.get_paginator("describe_alarms").paginate():
        for alarm in page["MetricAlarms"]:
            yield _metric(alarm["Namespace"], alarm["MetricName"], alarm["Dimensions"])
    for entry in client.list_dashboards()["DashboardEntries"]:
        body = client.get_dashboard(DashboardName=entry["DashboardName"])["DashboardBody"]
        for widget in json.loads(body)["widgets"]:
            for row in widget["properties"].get("metrics", ()):
                namespace, name, *pairs = (part for part in row if isinstance(part, str))
                yield namespace, name, frozenset(zip(pairs[::2], pairs[1::2], strict=True))


def _fields(deployment: Deployment, log: str) -> set[str]:
    """The fields of a log's lines, as Logs Insights names them."""
    found: set[str] = set()

    def walk(name: str, value: Any) -> None:
        found.add(name)
        members = enumerate(value) if isinstance(value, list) else ()
        for key, member in value.items() if isinstance(value, dict) else members:
            walk(f"{name}.{key}" if name else str(key), member)

    pages = deployment.client("logs").get_paginator("filter_log_events")
    for page in pages.paginate(logGroupName=log):
        for event in page["events"]:
            if event["message"].startswith('{"level"'):
                walk("", json.loads(event["message"]))
    return found


def unknown(named: Iterable[Metric], emitted: Iterable[Metric]) -> set[Metric]:
    """Those of the functions' metrics that are named somewhere and that no function emits.

    Of a dimension with a closed list of values not every one occurs in one run.
    """
    closed: dict[str, set[str]] = {
        "cause": {str(code) for code in Code},
        "stage": set(STAGES),
        "fault": set(FAULTS),
    }

    def shape(metric: Metric) -> Metric:
        namespace, name, dimensions = metric
        kept = ((k, "any" if v in closed.get(k, set()) else v) for k, v in dimensions)
        return namespace, name, frozenset(kept)

    there = {shape(metric) for metric in emitted}
    return {m for m in named if m[0] == "Eventing" and shape(m) not in there}


def _conservation(deployment: Deployment, *, until: int, wanted: str) -> tuple[int, str]:
    """What the counter finds in the hour until `until` minutes ago, and the alarm after a few counts."""
    client, name = deployment.client("lambda"), f"{deployment.name}-counter"
    variables = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    window = {
        Variable.CONSERVATION_FROM_MINUTES: "60",
        Variable.CONSERVATION_UNTIL_MINUTES: str(until),
    }
    client.update_function_configuration(
        FunctionName=name, Environment={"Variables": {**variables, **window}}
    )
    counts = set()
    # As many counts as the alarm looks at, and more: OK is what it may begin with.
    for _ in range(12):
        counts.add(int(counted(deployment)["conservation"]["unaccounted"]))
        time.sleep(EVERY)
        if wanted == "ALARM" and _alarm(deployment)["StateValue"] == wanted:
            break
    (count,) = counts
    return count, _alarm(deployment)["StateValue"]


def test_every_widget_of_every_dashboard_is_on_the_page(seen: Seen) -> None:
    assert len(seen.dashboards) == 4
    assert set(seen.drawn) == set(seen.dashboards)
    for name, widgets in seen.dashboards.items():
        drawn = seen.drawn[name]
        assert [w["type"] for w in widgets] == [d["kind"] for d in drawn]
        assert [w["properties"].get("title") for w in widgets] == [d["title"] for d in drawn]
        for widget, box in zip(widgets, drawn, strict=True):
            match widget["type"]:
                case "metric":
                    lines = widget["properties"].get("annotations", {}).get("horizontal", [])
                    assert box["pixels"] > 10_000, box
                    # The text alternative: a row for each metric that has values, and each threshold.
                    metrics = len(widget["properties"]["metrics"])
                    assert 1 <= len(box["rows"]) - len(lines) <= metrics
                    assert box["cannot"] is None
                case "alarm":
                    assert box["items"] == len(widget["properties"]["alarms"])
                case "text":
                    assert box["words"] > 5
                case "custom":
                    assert "No dead letter waits." in box["text"]
                case "log":
                    # The emulator has no Logs Insights, and the page says so.
                    assert "can't run queries" in box["cannot"]


def test_the_page_tells_an_incident_from_red_to_green(seen: Seen) -> None:
    assert seen.healths == ["Healthy", "Unhealthy", "Healthy", "Needs attention", "Healthy"]
    assert seen.seconds_to_red < ALARM_SECONDS
    redrives = [row for row in seen.executions if "redrive of publish" in row]
    assert [("done" in row, "aborted" in row) for row in redrives] == [(True, False), (False, True)]
    assert f"{BATCHES * FAILING} resolved" in redrives[0]
    assert any("triage of publish" in row and "triaged" in row for row in seen.executions)


@pytest.mark.parametrize("colours", COLOURS)
@pytest.mark.parametrize("screen", SCREENS)
def test_the_first_screen_says_whether_where_why_and_what_now(
    seen: Seen, screen: str, colours: str
) -> None:
    found = seen.first_screens[screen, colours]
    letters, why, where, since, next = found["cells"]

    assert found["health"] == ["Unhealthy"]
    assert letters == f"{BATCHES * FAILING} open"
    assert why.startswith("ACCESS_DENIED\na policy or a key was changed")
    assert where.splitlines()[0] == "publish: topic eventing-topic-payments"
    assert "ago" in since
    assert re.fullmatch(r"eventing plan --stage publish --fingerprint [0-9a-f]+", next)
    assert found["commands"] == [next]
    assert screen == "telephone" or found["alarms"]
    assert found["contrast"] > 4.5
    assert found["by keyboard"]
    assert found["wide"] <= SCREENS[screen][0]
    assert found["lines"] <= 3
    assert found["broken"] == 0


def test_a_cause_without_letters_takes_no_row(seen: Seen) -> None:
    assert [row.split("\t")[0] for row in seen.causes] == [
        "access denied",
        "alarm above 0 dead letters",
    ]


def test_the_runbook_of_an_alarm_opens_at_its_section(seen: Seen) -> None:
    assert seen.document["section"]
    assert seen.document["address"].endswith(f"/docs/runbook.md#{seen.document['section']}")


def test_foreign_text_is_text_and_no_more(seen: Seen) -> None:
    found = seen.hostile

    assert set(found["tags"]) <= {
        "p", "strong", "code", "table", "thead", "tbody", "tr", "th", "td", "br",
    }  # fmt: skip
    assert set(found["attributes"]) <= {"scope"}
    assert found["title"] == "Eventing"
    assert SECRET not in found["text"]
    assert not {"\u202e", "\u2066"} & set(found["text"])
    assert "<img src=x onerror" in found["row"]
    assert all(re.fullmatch(r"eventing [\w -]+", command) for command in found["commands"])


def test_each_cause_is_told_once_and_the_end_of_all(seen: Seen) -> None:
    told = [re.sub(r"\d+", "N", message) for message in seen.messages]

    assert told == [
        "eventing: N dead letters at publish: ACCESS_DENIED, topic payments",
        "eventing: redrive aborted: N left: topic eventing-topic-payments: ACCESS_DENIED, N left out",
        # The redrive function was refused as well, which is the same cause.
        "eventing: redrive done: N resolved",
        # The only message of any alarm: triage has told of all that the others are about.
        "eventing: all is well again",
    ]


def test_a_letter_that_waits_for_a_person_is_told_with_its_diagnosis_once(seen: Seen) -> None:
    told = [re.sub(r"\d+", "N", message) for message in seen.messages_of_attention]

    assert told == [
        'eventing: N dead letter at publish: NO_ROUTE, topic "<img src=x onerror=document..."',
        "eventing: redrive done: N parked",
        "eventing: discard done: N discarded",
        # Not before: all that was left waited for a person.
        "eventing: all is well again",
    ]


def test_the_page_has_the_operators_mailbox(seen: Seen) -> None:
    told = [*seen.messages, *seen.messages_of_attention]
    subjects = seen.mailbox["subjects"]

    assert len(subjects) == len(told) + 1
    # The newest first, each with the time when it came.
    for shown, subject in zip(subjects[1:], reversed(told), strict=True):
        assert re.fullmatch(rf"\d\d:\d\d:\d\d\s*{re.escape(subject)}", shown)
    assert "All is well again: no alarm is on.\nNext: eventing status\n" in seen.mailbox["opened"]
    assert seen.mailbox["runbook"] == (
        "/docs/runbook.md#verify",
        "Runbook: docs/runbook.md#verify",
    )


def test_the_mailbox_shows_what_anybody_sends_as_text(seen: Seen) -> None:
    assert HOSTILE_SUBJECT in seen.mailbox["subjects"][0]
    assert seen.mailbox["hostile"].split("\n")[:4] == [
        "<script>document.title = 'x'</script>\\u202e\\u2066",
        "Runbook: javascript:alert(1)",
        "Runbook: https://evil.example/#a",
        "<a href='https://evil.example'>approve</a>\\x1b[2J",
    ]
    assert (seen.mailbox["elements"], seen.mailbox["links"]) == (0, 0)


def test_the_page_asks_nobody_but_its_own_server(seen: Seen) -> None:
    hosts = {
        url.partition("//")[2].partition(":")[0] for url in seen.requests if url[:5] != "data:"
    }

    assert hosts == {"127.0.0.1"}
    assert seen.problems == []


def test_the_page_fits_a_telephone_and_the_dark(seen: Seen) -> None:
    assert seen.narrow == {"wide": 390, "background": "rgb(16, 20, 26)", "columns": 1}


def test_a_graph_can_be_read_with_the_keyboard(seen: Seen) -> None:
    assert seen.caption.startswith("values at ")


def test_a_busy_run_with_failures_and_redrive_leaves_nothing_unaccounted_for(seen: Seen) -> None:
    assert seen.before_loss == (0, "OK")


def test_lost_events_are_noticed(seen: Seen) -> None:
    assert seen.after_loss == (LOST, "ALARM")


def test_every_metric_that_an_alarm_or_a_widget_names_is_emitted(seen: Seen) -> None:
    assert len({m for m in seen.named if m[0] == "Eventing"}) > 30
    assert unknown(seen.named, seen.emitted) == set()


def test_no_metric_is_emitted_that_nobody_looks_at(seen: Seen) -> None:
    names = {name for namespace, name, _ in seen.named if namespace == "Eventing"}

    assert {name for _, name, _ in seen.emitted} == names


@pytest.mark.parametrize("renamed", ["EventsStored", "DeadLettered", "PublishLag"])
def test_a_metric_that_was_renamed_would_be_found(seen: Seen, renamed: str) -> None:
    emitted = {(space, f"New{n}" if n == renamed else n, d) for space, n, d in seen.emitted}

    assert {name for _, name, _ in unknown(seen.named, emitted)} == {renamed}


# Of the language of Logs Insights.
_WORDS = {"filter", "stats", "sort", "desc", "fields", "limit", "by", "as", "in"}


def test_queries_name_fields_that_the_logs_have(seen: Seen) -> None:
    # It brings the CDK, which takes seconds to load in every process that collects this file.
    from infrastructure.constructs.ingestion import ACCESS_LOG

    queries = [
        widget["properties"]["query"]
        for widgets in seen.dashboards.values()
        for widget in widgets
        if widget["type"] == "log"
    ]
    known = {**seen.logged, "/aws/apigateway/eventing-access": set(ACCESS_LOG)}

    assert len(queries) == 6
    for query in queries:
        (log,) = re.findall(r"SOURCE '(.*?)'", query)
        text = re.sub(r"'[^']*'|SOURCE", "", query)
        made = set(re.findall(r" as (\w+)", text))
        words = set(re.findall(r"(?<![\w.@])[a-z]\w*(?:\.\w+)*(?!\w*\()", text)) - made - _WORDS
        # Fates that no letter met are not among the counts.
        assert {word for word in words if not word.startswith("counts.")} <= known[log], query
