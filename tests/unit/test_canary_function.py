"""The canary's run of a minute: what counts as delivered, and what it says when nothing was."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from socket import socket
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from eventing import canary
from eventing.canary import new_event
from functions.canary.handler import make_handler
from functions.contract import Dimension, Metric, Variable
from functions.shared.clients import Clients
from functions.shared.clock import Clock
from functions.shared.parts import Parts
from tests.faults.aws import FakeAws
from tests.faults.memory import QUEUE_URL, REGION
from tests.faults.vocabulary import Call, Fault
from tests.unit.invocations import Context

KEY, KEY_ID, QUEUE = "kT7sDl2mQ9vX4bN8cR5wZ1yH", "key1", "shop-canary"
BEGIN = datetime(2026, 11, 27, 12, 0, 3, tzinfo=UTC)


class Minute(Clock):
    """Time passes when something waits for it."""

    def __init__(self) -> None:
        self.passed = 0.0

    def now(self) -> datetime:
        return BEGIN + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return self.passed


@dataclass
class Api:
    """A front door on this machine: what it was sent, and what it answers and does."""

    url: str = ""
    key: str = KEY
    status: int = 202
    requests: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)
    then: Callable[[str], object] = lambda event: None
    """What becomes of an event that was accepted."""
    health: int = 200
    """What it answers whoever asks for its health."""
    asked: list[tuple[str, set[str]]] = field(default_factory=list)
    breaks: bool = False
    """It hangs up without an answer."""

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> int | None:
        self.requests.append((path, headers, body))
        if self.breaks:
            return None
        if headers["x-api-key"] != self.key:
            return 403
        if self.status == 202:
            self.then(body.decode())
        return self.status


@pytest.fixture(scope="module")
def door() -> Iterator[Api]:
    api = Api()

    class Served(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status = api.take(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            if status is not None:
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

        def do_GET(self) -> None:
            api.asked.append((self.path, {k.lower() for k in self.headers}))
            self.send_response(api.health)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Served)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
    api.url = f"http://127.0.0.1:{server.server_port}/prod/"
    yield api
    server.shutdown()
    server.server_close()


@dataclass
class Canary:
    """The function with AWS in memory, and what it says."""

    aws: FakeAws
    api: Api
    clock: Minute
    log: StringIO
    capture: pytest.CaptureFixture[str]
    handler: Any
    environment: Mapping[str, str]
    clients: Clients
    faults: dict[str, Fault] = field(default_factory=dict)

    @property
    def key(self) -> dict[str, Any]:
        """The canary's, as API Gateway has it."""
        return self.aws.gateway(REGION).keys[KEY_ID]

    def run(self) -> dict[str, Any]:
        report: dict[str, Any] = self.handler({}, Context(50))
        return report

    def deliver(self, message: str) -> str:
        """Put a message into the canary's queue; its handle."""
        self.aws.messages_sent += 1
        handle = f"m{self.aws.messages_sent}"
        self.aws.queues.setdefault(QUEUE, {})[handle] = message
        return handle

    @property
    def waiting(self) -> set[str]:
        return set(self.aws.queues.get(QUEUE, {}))

    @property
    def sent(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, _, body in self.api.requests]

    def lines(self) -> list[dict[str, Any]]:
        """All metrics."""
        return [json.loads(line) for line in self.capture.readouterr().out.splitlines()]

    def metrics(self) -> dict[str, Any]:
        (line,) = self.lines()
        return line


@pytest.fixture(scope="module")
def installed() -> Iterator[tuple[FakeAws, Clients]]:
    """Clients are slow to make: one of each service for all tests."""
    aws = FakeAws()
    with aws.installed() as clients:
        yield aws, clients


@pytest.fixture
def world(
    door: Api, installed: tuple[FakeAws, Clients], capsys: pytest.CaptureFixture[str]
) -> Canary:
    aws, clients = installed
    aws.forget()
    aws.gateway(REGION).keys[KEY_ID] = {"id": KEY_ID, "value": KEY}
    clock, log = Minute(), StringIO()
    environment = {
        Variable.API_URL: door.url,
        Variable.CANARY_KEY_ID: KEY_ID,
        Variable.CANARY_QUEUE_URL: f"{QUEUE_URL}{QUEUE}",
        Variable.SERVICE: "shop",
        Variable.NAMESPACE: "Eventing",
    }
    parts = Parts(
        environment,
        threads=1,
        clients=clients,
        clock=clock,
        logger=Logger(service=f"canary-{id(log)}", stream=log),
    )
    world = Canary(aws, door, clock, log, capsys, make_handler(parts), environment, clients)

    def happens(call: Call) -> Fault | None:
        if call.operation == "ReceiveMessage" and not _visible(aws):
            clock.passed += json.loads(call.body)["WaitTimeSeconds"]
        return world.faults.get(call.operation)

    aws.fault = happens
    door.key, door.status, door.breaks, door.then = KEY, 202, False, world.deliver
    door.health = 200
    door.requests.clear()
    door.asked.clear()
    return world


def _visible(aws: FakeAws) -> bool:
    return bool(set(aws.queues.get(QUEUE, {})) - aws.hidden.get(QUEUE, set()))


def _with_neighbours(world: Canary, urls: Mapping[str, str]) -> None:
    world.handler = make_handler(
        Parts(
            {**world.environment, Variable.NEIGHBOURS: json.dumps(urls)},
            threads=1,
            clients=world.clients,
            clock=world.clock,
            logger=Logger(service=f"canary-{id(urls)}", stream=world.log),
        )
    )


@pytest.mark.parametrize(("status", "answered"), [(200, 1), (403, 0), (429, 0), (503, 0)])
def test_another_region_answers_or_does_not(world: Canary, status: int, answered: int) -> None:
    world.api.health = status
    _with_neighbours(world, {"eu-west-1": f"{world.api.url}health"})

    report = world.run()
    neighbour, own = world.lines()

    assert neighbour[Metric.NEIGHBOUR_ANSWERED] == [answered]
    assert neighbour[Dimension.REGION] == "eu-west-1"
    (directive,) = neighbour["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [["service", "region"]]
    assert neighbour["_aws"]["Timestamp"] == own["_aws"]["Timestamp"]
    # It is asked as anybody may ask it.
    ((path, headers),) = world.api.asked
    assert path == "/prod/health"
    assert "x-api-key" not in headers
    assert report["outcome"] == "delivered"


def test_a_region_that_is_lost_takes_nothing_from_the_others(world: Canary) -> None:
    with socket() as hanging:
        # It takes the connection and says nothing.
        hanging.bind(("127.0.0.1", 0))
        hanging.listen()
        urls = {
            "eu-west-1": f"http://127.0.0.1:{hanging.getsockname()[1]}/health",
            "eu-north-1": "http://127.0.0.1:1/health",
            "ap-southeast-2": "https://nowhere.invalid/health",
            "us-west-2": f"{world.api.url}health",
        }
        _with_neighbours(world, urls)
        began = time.monotonic()
        report = world.run()

    seen = {line[Dimension.REGION]: line for line in world.lines() if Dimension.REGION in line}
    assert time.monotonic() - began < 4
    assert {region: line[Metric.NEIGHBOUR_ANSWERED] for region, line in seen.items()} == {
        "eu-west-1": [0],
        "eu-north-1": [0],
        "ap-southeast-2": [0],
        "us-west-2": [1],
    }
    assert report["outcome"] == "delivered"
    logged = [json.loads(line) for line in world.log.getvalue().splitlines()]
    lost = [line["neighbour"] for line in logged if line["message"] == "neighbour does not answer"]
    assert lost == ["eu-west-1", "eu-north-1", "ap-southeast-2"]


def test_an_event_that_comes_back_is_delivered(world: Canary) -> None:
    def arrive(event: str) -> None:
        world.clock.passed = 0.25
        world.deliver(event)

    world.api.then = arrive
    report = world.run()

    assert report["outcome"] == "delivered"
    assert report["milliseconds"] == 250
    metrics = world.metrics()
    assert (metrics[Metric.CANARY_DELIVERED], metrics[Metric.CANARY_LATENCY]) == ([1], [250])
    # Of the minute that it was sent in.
    assert metrics["_aws"]["Timestamp"] == BEGIN.timestamp() * 1000
    assert not world.waiting


def test_it_is_sent_as_a_publisher_sends_one(world: Canary) -> None:
    report = world.run()
    ((path, headers, _),) = world.api.requests
    (event,) = world.sent

    assert path == "/prod/events"
    assert headers["content-type"] == "application/cloudevents+json"
    assert headers["x-api-key"] == KEY
    assert event == {
        "specversion": "1.0",
        "id": report["id"],
        "source": canary.SOURCE,
        "type": canary.TYPE,
        "time": "2026-11-27T12:00:03.000Z",
    }


def test_each_run_sends_another_event_also_when_lambda_repeats_it(world: Canary) -> None:
    world.run()
    world.run()

    assert len({event["id"] for event in world.sent}) == 2


def test_the_key_is_read_once_and_kept(world: Canary) -> None:
    world.run()
    world.run()

    assert world.aws.count("GetApiKey") == 1


def test_a_key_that_was_replaced_is_read_anew_within_the_run(world: Canary) -> None:
    world.run()
    world.api.key = world.key["value"] = "another1another1another1"

    assert world.run()["outcome"] == "delivered"
    assert world.aws.count("GetApiKey") == 2


def test_a_key_that_is_refused_is_said(world: Canary) -> None:
    world.api.key = "of somebody else"
    report = world.run()

    assert (report["outcome"], report["status"]) == ("not accepted", 403)
    # The value was the same, so it was not tried again.
    assert len(world.api.requests) == 1


@pytest.mark.parametrize("status", [400, 413, 422, 429, 503])
def test_an_event_that_is_not_accepted_is_not_waited_for(world: Canary, status: int) -> None:
    world.api.status = status
    report = world.run()

    assert (report["outcome"], report["status"]) == ("not accepted", status)
    assert world.metrics()[Metric.CANARY_DELIVERED] == [0]
    assert world.aws.count("ReceiveMessage") == 0


def test_no_answer_is_said(world: Canary) -> None:
    world.api.breaks = True
    report = world.run()

    assert (report["outcome"], report["error"]) == ("not answered", "ProtocolError")
    assert world.metrics()[Metric.CANARY_DELIVERED] == [0]


@pytest.mark.parametrize("fault", ["denied", "throttle", "missing", "unreachable", "timeout"])
def test_a_key_that_can_not_be_read_is_said(world: Canary, fault: Fault) -> None:
    world.faults["GetApiKey"] = fault
    report = world.run()

    assert report["outcome"] == "not answered"
    assert not world.api.requests
    assert world.metrics()[Metric.CANARY_DELIVERED] == [0]
    # Nothing is kept of the failure.
    world.faults.clear()
    assert world.run()["outcome"] == "delivered"


@pytest.mark.parametrize("fault", ["denied", "throttle", "missing", "unreachable", "timeout"])
def test_a_queue_that_can_not_be_read_is_said(world: Canary, fault: Fault) -> None:
    world.faults["ReceiveMessage"] = fault
    report = world.run()

    assert (report["outcome"], report["status"]) == ("not seen", 202)
    assert world.metrics()[Metric.CANARY_DELIVERED] == [0]


def test_that_a_message_can_not_be_deleted_changes_nothing(world: Canary) -> None:
    world.faults["DeleteMessageBatch"] = "denied"

    assert world.run()["outcome"] == "delivered"


def test_an_event_that_does_not_come_is_given_up_in_time(world: Canary) -> None:
    world.api.then = lambda event: None
    report = world.run()

    assert report["outcome"] == "not delivered"
    assert 40 < world.clock.passed < 50
    metrics = world.metrics()
    assert metrics[Metric.CANARY_DELIVERED] == [0]
    assert Metric.CANARY_LATENCY not in metrics
    line = json.loads(world.log.getvalue())
    assert (line["level"], line["message"], line["outcome"]) == (
        "ERROR",
        "canary",
        "not delivered",
    )


def _of(seconds: float, id: str = "old") -> str:
    return new_event(id, BEGIN - timedelta(seconds=seconds))


@pytest.mark.parametrize(
    "stale",
    [
        _of(51),
        _of(86_400),
        "",
        "null",
        "[]",
        '"text"',
        "{",
        "[" * 10_000,
        '{"id": []}',
        '{"id": "x", "time": 1}',
        '{"id": "x", "time": "2026-11-27T12:00:00"}',
        '{"id": "x", "time": "0001-01-01T00:00:00+23:59"}',
    ],
)
def test_an_old_event_does_not_count_and_goes(world: Canary, stale: str) -> None:
    world.deliver(stale)
    world.api.then = lambda event: None

    assert world.run()["outcome"] == "not delivered"
    assert not world.waiting


def test_five_hundred_old_events_do_not_hide_the_new_one(world: Canary) -> None:
    for number in range(500):
        world.deliver(_of(3600, f"old-{number}"))

    assert world.run()["outcome"] == "delivered"
    assert not world.waiting


def test_an_event_of_another_run_is_left_for_it(world: Canary) -> None:
    handle = world.deliver(_of(10, "of the other"))

    assert world.run()["outcome"] == "delivered"
    assert world.waiting == {handle}


def test_the_key_is_in_no_log_metric_or_report(world: Canary) -> None:
    outcomes = set()
    for change in ("none", "refused", "broken", "unread"):
        world.api.status = 503 if change == "refused" else 202
        world.api.breaks = change == "broken"
        world.faults["ReceiveMessage"] = "denied"
        report = world.run()
        outcomes.add(report["outcome"])
        assert KEY not in json.dumps(report)
    # A value that no header takes is an error whose text quotes it.
    world.key["value"] = f"{KEY}\n"
    world.api.key, world.api.status, world.api.breaks = "another", 202, False
    outcomes.add(world.run()["outcome"])

    assert outcomes == {"not seen", "not accepted", "not answered"}
    assert KEY not in world.log.getvalue() + world.capture.readouterr().out
