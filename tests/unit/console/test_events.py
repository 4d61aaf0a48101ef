"""Commands about events and catalogues: send, route, catalogue."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import validator_for

from console.commands.catalogue import DOCS
from console.documents.openapi import openapi
from console.documents.pages import documents
from eventing.catalogue_check import load_catalogue
from local.cloud import ROOT
from tests.unit.console.cloud import SECRET, Cloud
from tests.unit.console.given import LAPTOP, TWO_REGIONS, Eventing, laptop

CATALOGUE = load_catalogue(ROOT / "catalogue")
EVENT = {"specversion": "1.0", "id": "1", "source": "/s", "data": {"card": SECRET}}
KEY = "a-key-that-nobody-may-see-4711"


class Door(ThreadingHTTPServer):
    """An API that answers what it is told to, and remembers what it was sent."""

    answer: tuple[int, Any] = (202, {"id": "1", "source": "/s", "status": "accepted"})
    got: tuple[str, dict[str, str], bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/prod/"


class _Handler(BaseHTTPRequestHandler):
    server: Door

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.got = self.path, headers, body
        status, content = self.server.answer
        sent = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    """An API on this machine, with its key in the environment."""
    monkeypatch.setenv("EVENTING_API_KEY", KEY)
    with Door(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(5)


@pytest.fixture
def file(tmp_path: Path) -> str:
    """A file with an event."""
    path = tmp_path / "event.json"
    path.write_text(json.dumps(EVENT))
    return str(path)


def test_an_event_is_sent_as_a_publisher_does(
    cloud: Cloud, eventing: Eventing, door: Door, file: str
) -> None:
    cloud.credentials = False
    told = eventing("send", file, "--url", door.url)

    assert told.code == 0
    assert told.out.startswith("202: 1 of 1 accepted")
    path, headers, body = door.got
    assert (path, headers["x-api-key"]) == ("/prod/events", KEY)
    assert headers["content-type"] == "application/cloudevents+json"
    assert json.loads(body) == EVENT
    assert cloud.calls == []
    assert KEY not in told.out + told.err


def test_a_batch_says_which_of_its_events_were_not_taken(
    eventing: Eventing, door: Door, tmp_path: Path
) -> None:
    (tmp_path / "batch.json").write_text(json.dumps([EVENT] * 3))
    refused = {"id": "3", "status": 422, "title": "Unknown type",
               "errors": [{"pointer": "/type", "detail": "is none"}]}  # fmt: skip
    accepted = {"id": "1", "status": "accepted"}
    door.answer = 207, {"results": [accepted, {"id": "2", "status": "duplicate"}, refused]}
    told = eventing("send", str(tmp_path / "batch.json"), "--url", door.url)

    assert told.code == 3
    assert door.got[1]["content-type"] == "application/cloudevents-batch+json"
    assert "207: 2 of 3 accepted" in told.out
    assert "/type is none" in told.out


@pytest.mark.parametrize(
    "answer",
    [
        (400, {"title": "Not a CloudEvent", "status": 400, "detail": "see errors"}),
        (403, {"title": "No valid API key", "status": 403}),
        (503, b"<html>bad gateway</html>"),
        (202, b"null"),
        (301, {"title": "moved"}),
    ],
)
def test_an_event_that_was_not_taken_has_failed(
    eventing: Eventing, door: Door, file: str, answer: tuple[int, Any]
) -> None:
    door.answer = answer
    told = eventing("send", file, "--url", door.url)

    assert told.code == 1
    assert "0 of 1 accepted" in told.out
    assert eventing("send", file, "--url", door.url, "--json").document["status"] == answer[0]


def test_the_laptop_s_url_and_key_are_known(
    cloud: Cloud, eventing: Eventing, door: Door, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EVENTING_API_KEY")
    laptop(cloud, LAPTOP | {"api_url": door.url})

    assert eventing("send", file).code == 0
    assert door.got[1]["x-api-key"] == LAPTOP["api_key"]


def test_a_region_of_the_laptop_is_sent_to(
    cloud: Cloud, eventing: Eventing, door: Door, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EVENTING_API_KEY")
    regions = {"us-east-1": {}, "eu-west-1": {"api_url": door.url}}
    laptop(cloud, TWO_REGIONS | {"regions": regions})

    assert eventing("send", file, "--region", "eu-west-1").code == 0
    assert door.got[1]["x-api-key"] == TWO_REGIONS["api_key"]


@pytest.mark.parametrize("options", [(), ("--url", "https://api.example")])
def test_only_a_region_of_the_laptop_can_be_sent_to(
    cloud: Cloud, eventing: Eventing, file: str, options: tuple[str, ...]
) -> None:
    laptop(cloud)
    ended = eventing("send", file, "--region", "eu-west-1", *options)

    assert ended.code == 2
    assert "--region" in ended.err


@pytest.mark.parametrize(
    ("url", "key", "word"),
    [
        (None, KEY, "--url"),
        ("https://api.example", None, "EVENTING_API_KEY"),
        ("http://api.example", KEY, "https://"),
        ("http://127.0.0.1.example.com/", KEY, "https://"),
        ("file:///etc/passwd", KEY, "https://"),
    ],
)
def test_what_is_missing_to_send_is_one_sentence(
    eventing: Eventing, file: str, monkeypatch: pytest.MonkeyPatch,
    url: str | None, key: str | None, word: str,
) -> None:  # fmt: skip
    monkeypatch.delenv("EVENTING_API_KEY", raising=False)
    if key:
        monkeypatch.setenv("EVENTING_API_KEY", key)
    told = eventing("send", file, *(["--url", url] if url else []))

    assert (told.code, told.err.count("\n")) == (2, 1)
    assert word in told.err


def test_no_answer_and_no_file(eventing: Eventing, door: Door, file: str) -> None:
    door.server_close()
    assert eventing("send", file, "--url", "http://127.0.0.1:1").code == 1
    told = eventing("send", "/nowhere.json", "--url", "http://127.0.0.1:1")
    assert (told.code, told.err) == (
        2,
        "eventing: /nowhere.json can't be read: No such file or directory.\n",
    )


@pytest.mark.parametrize(
    ("type", "data", "topic"),
    [
        ("com.example.shop.order.placed.v1", {"total": 700}, "orders-priority"),
        ("com.example.shop.order.placed.v1", {"total": 7}, "orders"),
        ("com.example.shop.customer.moved.v1", {}, "customers"),
    ],
)
def test_a_routing_is_explained(
    eventing: Eventing, tmp_path: Path, type: str, data: dict[str, int], topic: str
) -> None:
    path = tmp_path / "event.json"
    path.write_text(json.dumps({**EVENT, "type": type, "data": data}))
    told = eventing("route", str(path))

    assert told.code == 0
    assert f"{topic}: takes it" in told.out.splitlines()
    assert len(told.out.splitlines()) == len(CATALOGUE.topics)
    assert eventing("route", str(path), "--json").document["topic"] == topic


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (json.dumps({**EVENT, "type": "com.example.unheard.of"}), "no topic takes"),
        (json.dumps({**EVENT, "id": ""}), "/id"),
        ("{", "not JSON"),
        ("\xff", "not JSON"),
    ],
)
def test_what_cannot_be_routed_is_told_why(
    eventing: Eventing, tmp_path: Path, text: str, why: str
) -> None:
    path = tmp_path / "event.json"
    path.write_text(text, encoding="latin-1")
    told = eventing("route", str(path))

    assert told.code == 1
    assert why in told.err


def test_a_sound_catalogue_is_listed_and_checked(eventing: Eventing) -> None:
    listed = eventing("catalogue", "list")
    assert "orders-priority: " in listed.out
    assert "when data.total >= `500`" in listed.out
    topics = eventing("catalogue", "list", "--json").document["topics"]
    assert [topic["name"] for topic in topics] == [topic.name for topic in CATALOGUE.topics]
    assert CATALOGUE.digest in eventing("catalogue", "check").out


def test_a_condition_on_data_that_no_enforced_schema_stands_behind_is_named(
    eventing: Eventing,
) -> None:
    checked = eventing("catalogue", "check")
    assert checked.code == 0
    assert [line for line in checked.out.splitlines() if "mind: " in line] == [
        "  mind: orders-priority: the condition 'data.total >= `500`' rests on the schema of "
        "com.example.shop.order.placed.v2, which is not enforced"
    ]


def test_a_faulty_catalogue_is_refused_with_its_fault(eventing: Eventing, tmp_path: Path) -> None:
    (tmp_path / "topics.json").write_text('{"topics": []}')
    checked = eventing("catalogue", "check", "--catalogue", str(tmp_path))

    assert checked.code == 1
    assert "topics.json" in checked.err


def test_documents_are_written_and_those_of_another_catalogue_go(
    eventing: Eventing, tmp_path: Path
) -> None:
    (tmp_path / "event-types").mkdir()
    (tmp_path / "event-types" / "old.md").write_text("old")
    assert eventing("catalogue", "docs", "--into", str(tmp_path)).code == 0

    assert written(tmp_path) == documents(CATALOGUE)


def written(folder: Path) -> dict[str, str]:
    """The files in a folder, by their path in it."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_text() for path in files}


def test_the_generated_documents_are_those_of_this_catalogue() -> None:
    assert written(ROOT / DOCS) == documents(CATALOGUE), "run `make docs` and commit what it writes"


def test_the_description_names_every_status_of_the_contract() -> None:
    responses = openapi(CATALOGUE)["paths"]["/events"]["post"]["responses"]
    statuses = {"200", "202", "207", "400", "403", "409", "410", "413", "415", "422", "429", "503"}
    assert set(responses) == statuses
    for status in ("429", "503"):
        assert "Retry-After" in responses[status]["headers"]


def test_the_schemas_of_the_description_are_sound() -> None:
    description = openapi(CATALOGUE)
    schemas = description["components"]["schemas"]
    for name in schemas:
        validator_for({"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}})
