"""`eventing verify` before it begins; the end-to-end tests have all that it does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.unit.console.cloud import STACK, Cloud, alarm, item
from tests.unit.console.given import Eventing


@dataclass
class HealthServer:
    """A gateway on this machine: who asked for its health, and where it is ill."""

    url: str = ""
    asked: list[str] = field(default_factory=list)
    ill: set[str] = field(default_factory=set)


@pytest.fixture
def health() -> Iterator[HealthServer]:
    """One that answers."""
    found = HealthServer()

    class Served(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append(self.path)
            self.send_response(503 if self.path in found.ill else 200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Served)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
    found.url = f"http://127.0.0.1:{server.server_port}"
    yield found
    server.shutdown()
    server.server_close()


def test_it_refuses_while_an_alarm_on_the_flow_is_on(cloud: Cloud, eventing: Eventing) -> None:
    cloud.alarms.append(alarm("ingestion-unavailable"))

    told = eventing("verify")

    assert told.code == 1
    assert "There is an incident: ingestion-unavailable." in told.err
    assert set(cloud.count()) <= {"DescribeStacks", "DescribeAlarms", "Query"}


def test_it_refuses_while_a_letter_is_open(cloud: Cloud, eventing: Eventing) -> None:
    cloud.items.append(item(1))

    assert "1 open letter (ACCESS_DENIED)" in eventing("verify").err


@pytest.mark.parametrize("name", ["publish-dead-letters", "attention"])
def test_what_is_no_incident_keeps_it_from_nothing(
    cloud: Cloud, eventing: Eventing, name: str
) -> None:
    """An alarm on letters that are gone is late by two minutes; one for a person stops no event."""
    cloud.alarms.append(alarm(name))

    assert "There is an incident" not in eventing("verify").err


@pytest.mark.parametrize(
    "load", [("0", "1"), ("501", "1"), ("1", "0"), ("1", "3601"), ("fast", "1")]
)
def test_a_load_that_is_none(eventing: Eventing, load: tuple[str, str]) -> None:
    assert eventing("verify", "--load", *load).code == 2


def test_a_report_that_can_not_be_written(eventing: Eventing, tmp_path: Path) -> None:
    told = eventing("verify", "--report", str(tmp_path / "none" / "report.txt"))

    assert told.code == 2
    assert "can't be written" in told.err


def test_every_url_that_leads_to_the_api_is_tried(
    cloud: Cloud, eventing: Eventing, health: HealthServer
) -> None:
    outputs = cloud.stacks[STACK]
    outputs |= {"ApiUrl": f"{health.url}/prod/", "RegionUrl": f"{health.url}/region/"}
    outputs["PublisherUrl"] = f"{health.url}/shared/"

    def checked() -> dict[str, str]:
        (check,) = (
            c for c in eventing("verify", "--json").document["checks"] if c["name"] == "URLs"
        )
        return dict(check)

    assert checked()["outcome"] == "ok"
    assert set(health.asked) == {"/prod/health", "/region/health", "/shared/health"}
    health.ill.add("/region/health")
    assert checked()["outcome"] == "failed"
    assert f"{health.url}/region/health answers 503" in checked()["detail"]


def test_without_a_canary_nothing_walks(cloud: Cloud, eventing: Eventing) -> None:
    """And a call that AWS refuses is a failed check that says so, not the end of all others."""
    told = eventing("verify", "--json")

    assert told.code == 1
    assert not told.document["ok"]
    assert told.document["checks"][-1]["name"] == "walk"
    assert "has no canary" in told.document["checks"][-1]["detail"]
    refused = {check["name"]: check["detail"] for check in told.document["checks"]}
    assert (
        refused["quota: Lambda"]
        == "The right lambda:GetAccountSettings is missing: ask whoever gives you yours for it."
    )
    assert "SendMessage" not in cloud.count()
