"""The commands for people who work on a catalogue, and what they generate."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema_rs import validator_for

from commands.catalogue import DOCS, documents
from commands.openapi import openapi
from eventing.catalogue_check import load_catalogue

CATALOGUE = load_catalogue(Path("catalogue"))


def run(module: str, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_the_generated_documents_are_those_of_this_catalogue() -> None:
    made = documents(CATALOGUE)
    there = {
        str(path.relative_to(DOCS)): path.read_text() for path in DOCS.rglob("*") if path.is_file()
    }
    assert there == made, "run `make docs` and commit what it writes"


def test_the_description_names_every_status_of_the_contract() -> None:
    responses = openapi(CATALOGUE)["paths"]["/events"]["post"]["responses"]
    statuses = {"202", "207", "400", "403", "409", "413", "415", "422", "429", "503"}
    assert set(responses) == statuses
    for status in ("429", "503"):
        assert "Retry-After" in responses[status]["headers"]


def test_the_schemas_of_the_description_are_sound() -> None:
    description = openapi(CATALOGUE)
    schemas = description["components"]["schemas"]
    for name in schemas:
        validator_for({"$ref": f"#/components/schemas/{name}", "components": {"schemas": schemas}})


def test_a_sound_catalogue_is_listed_and_checked() -> None:
    listed = run("commands.catalogue", "list")
    assert listed.returncode == 0
    assert "orders-priority: " in listed.stdout
    assert "when data.total >= `500`" in listed.stdout
    assert CATALOGUE.digest in run("commands.catalogue", "check").stdout


def test_a_condition_on_data_that_no_enforced_schema_stands_behind_is_named() -> None:
    checked = run("commands.catalogue", "check")
    assert checked.returncode == 0
    assert [line for line in checked.stdout.splitlines() if "mind: " in line] == [
        "  mind: orders-priority: the condition 'data.total >= `500`' rests on the schema of "
        "com.example.shop.order.placed.v2, which is not enforced"
    ]


def test_a_faulty_catalogue_is_refused_with_its_fault(tmp_path: Path) -> None:
    (tmp_path / "topics.json").write_text('{"topics": []}')
    checked = run("commands.catalogue", "check", "--catalogue", str(tmp_path))
    assert checked.returncode == 1
    assert "topics.json" in checked.stderr


EVENT = {"specversion": "1.0", "id": "1", "source": "/s"}


@pytest.mark.parametrize(
    ("type", "data", "takes"),
    [
        ("com.example.shop.order.placed.v1", {"total": 700}, "orders-priority: takes it"),
        ("com.example.shop.order.placed.v1", {"total": 7}, "orders: takes it"),
        ("com.example.shop.customer.moved.v1", {}, "customers: takes it"),
    ],
)
def test_a_routing_is_explained(type: str, data: dict[str, int], takes: str) -> None:
    done = run("commands.route", "-", stdin=json.dumps({**EVENT, "type": type, "data": data}))
    assert done.returncode == 0, done.stderr
    assert takes in done.stdout.splitlines()
    assert len(done.stdout.splitlines()) == len(CATALOGUE.topics)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (json.dumps({**EVENT, "type": "com.example.unheard.of"}), "no topic takes"),
        (json.dumps({**EVENT, "id": ""}), "/id"),
        ("{", "not JSON"),
    ],
)
def test_what_cannot_be_routed_is_told_why(text: str, why: str) -> None:
    done = run("commands.route", "-", stdin=text)
    assert done.returncode == 1
    assert why in done.stderr
