"""What Macie is to look for: the catalogue's `sensitive-data.json`, with every fault named."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from eventing.catalogue import CatalogueError
from eventing.catalogue_check import load_catalogue
from eventing.detection import DETECTION, Detection
from infrastructure.packaging import ROOT
from tests.unit.catalogues import write

IDENTIFIER = {"name": "number", "regex": "N-[0-9]{4}", "keywords": ["number"]}
ALLOWED = {"name": "cards", "texts": ["4111111111111111", "a.b"]}
EXPECTED = {
    "type": "shop.order.*",
    "paths": ["$.event.data.customer", "$.event.data.lines[*].name"],
    "kinds": ["NAME"],
}


def read(folder: Path, content: Any) -> Detection:
    return Detection.read(write(folder, {DETECTION: content}))


def test_a_catalogue_may_be_without_one(tmp_path: Path) -> None:
    found = Detection.read(tmp_path)
    assert found == Detection()
    assert found.managed.selector == "RECOMMENDED"
    assert read(tmp_path, {}) == found


def test_what_is_read(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        {
            "managed": {"selector": "EXCLUDE", "ids": ["NAME", "USA_PHONE_NUMBER"]},
            "identifiers": [IDENTIFIER],
            "allow_lists": [ALLOWED, {"name": "ours", "regex": "[a-z]+@example[.]com"}],
            "expected": [EXPECTED],
        },
    )
    assert found.managed.ids == ("NAME", "USA_PHONE_NUMBER")
    assert found.identifiers[0].keywords == ("number",)
    assert found.identifiers[0].maximum_match_distance == 50
    assert found.allow_lists[1].regex == "[a-z]+@example[.]com"


def test_texts_are_taken_literally(tmp_path: Path) -> None:
    (cards,) = read(tmp_path, {"allow_lists": [ALLOWED]}).allow_lists
    assert re.fullmatch(cards.regex, "4111111111111111")
    assert re.fullmatch(cards.regex, "a.b")
    assert not re.fullmatch(cards.regex, "axb")


@pytest.mark.parametrize(
    ("type", "path", "kind", "expected"),
    [
        ("shop.order.placed", "$.event.data.customer", "NAME", True),
        ("shop.order.placed", "$.event.data.lines[12].name", "NAME", True),
        ("shop.order.placed", "$.event.data.lines[*].name", "NAME", False),
        ("shop.order.placed", "$.event.data.lines[1].name.first", "NAME", False),
        ("shop.order.placed", "$.event.data.customers", "NAME", False),
        ("shop.order.placed", "$.event.data.customer", "CREDIT_CARD_NUMBER", False),
        ("shop.payment.captured", "$.event.data.customer", "NAME", False),
        # A finding leaves the path out when a name in it is itself sensitive.
        ("shop.order.placed", "", "NAME", False),
    ],
)
def test_what_is_expected(type: str, path: str, kind: str, expected: bool, tmp_path: Path) -> None:
    found = read(tmp_path, {"expected": [EXPECTED]})
    assert found.is_expected(type=type, path=path, kind=kind) is expected


def identifier(**members: Any) -> dict[str, Any]:
    return {"identifiers": [IDENTIFIER | members]}


def allowed(**members: Any) -> dict[str, Any]:
    return {"allow_lists": [{"name": "a", **members}]}


def expected(**members: Any) -> dict[str, Any]:
    return {"expected": [EXPECTED | members]}


FAULTS: list[tuple[Any, str, str]] = [
    ("{", "", "is not JSON"),
    ([], "", "must hold a JSON object"),
    ({"identifier": []}, "", "unknown member 'identifier'"),
    ({"identifiers": {}}, "", "'identifiers' must be a list"),
    ({"identifiers": [IDENTIFIER] * 31}, "", "has 31 entries, and Macie takes 30"),
    ({"allow_lists": [ALLOWED] * 6}, "", "has 6 entries, and Macie takes 5"),
    ({"identifiers": [IDENTIFIER] * 2}, "number", "the name is taken"),
    ({"identifiers": [{}]}, "identifiers, entry 1", "'name' must be a text"),
    (identifier(name="My Number"), "My Number", "a name has up to 100 of"),
    (identifier(name="n" * 101), "n" * 101, "a name has up to 100 of"),
    (identifier(regex="("), "number", "is no regular expression"),
    (identifier(regex="a" * 513), "number", "has 513 characters, and Macie takes 512"),
    (identifier(regex="a*"), "number", "matches no text at all"),
    (identifier(regex="a(?=b)"), "number", "begins with '(?'"),
    (identifier(regex="(?i)a"), "number", "begins with '(?'"),
    (identifier(regex="(?P<x>a)"), "number", "begins with '(?'"),
    (identifier(regex=r"(a)\1"), "number", "a back reference"),
    (identifier(keywords=[]), "number", "'keywords' must be a list that is not empty"),
    (identifier(keywords=["no"]), "number", "a word has 3 to 90 characters"),
    (identifier(keywords=["word"] * 51), "number", "has 51 entries, and Macie takes 50"),
    (identifier(ignore_words=["abc"]), "number", "a word has 4 to 90 characters"),
    (identifier(ignore_words=["word"] * 11), "number", "has 11 entries, and Macie takes 10"),
    (identifier(maximum_match_distance=301), "number", "from 1 to 300"),
    (identifier(description="d" * 513), "number", "longer than 512"),
    (allowed(), "a", "either a 'regex' or 'texts'"),
    (allowed(regex="b", texts=["c"]), "a", "either a 'regex' or 'texts'"),
    (allowed(texts=["x" * 513]), "a", "has 513 characters"),
    ({"managed": {"selector": "SOME"}}, "managed", "'selector' must be one of"),
    ({"managed": {"selector": "INCLUDE"}}, "managed", "'ids' are what INCLUDE and EXCLUDE need"),
    ({"managed": {"ids": ["NAME"]}}, "managed", "'ids' are what INCLUDE and EXCLUDE need"),
    ({"managed": {"selector": "INCLUDE", "ids": ["name"]}}, "managed", "is no identifier's id"),
    ({"managed": {"selector": "NONE"}}, "managed", "nothing would be looked for"),
    (expected(type="shop.*.order"), "expected, entry 1", "must be a type"),
    (expected(paths=["data.customer"]), "expected, entry 1", "is no field of a line"),
    (expected(paths=["$.data.customer"]), "expected, entry 1", "is no field of a line"),
    (expected(kinds=[]), "expected, entry 1", "'kinds' must be a list that is not empty"),
]


@pytest.mark.parametrize(("content", "entry", "reason"), FAULTS)
def test_a_fault_is_named(content: Any, entry: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(CatalogueError) as raised:
        read(tmp_path, content)
    assert (raised.value.file, raised.value.entry) == (DETECTION, entry)
    assert reason in raised.value.reason


def test_a_type_that_is_in_no_catalogue_is_a_fault(tmp_path: Path) -> None:
    files = {
        "topics.json": {"topics": [{"name": "all", "events": [{"type": "*"}]}]},
        "event-types.json": {"event_types": [{"type": "shop.payment.*"}]},
        "usage-plans.json": {"usage_plans": {}},
        DETECTION: {"expected": [EXPECTED]},
    }
    with pytest.raises(CatalogueError, match=r"shop\.order\.\*: event-types\.json has no type"):
        load_catalogue(write(tmp_path, files))


def test_the_catalogue_here_is_sound() -> None:
    load_catalogue(ROOT / "catalogue")
    found = Detection.read(ROOT / "catalogue")
    order = json.loads((ROOT / "local/samples/order-placed.json").read_text())
    assert found.is_expected(
        type=order["type"], path="$.event.data.customer_id", kind=found.identifiers[0].name
    )
