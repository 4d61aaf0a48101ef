"""The schema of events in the OpenAPI description, held against what ingestion takes."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema_rs import validator_for

from console.documents.openapi import openapi
from eventing.catalogue import Catalogue
from eventing.http_binding import read_http_request
from eventing.ingestion import admit
from eventing.json_text import MAX_DEPTH, parse
from eventing.problem import Refused
from eventing.schemas import Schemas
from tests.events.corpus import Case, invalid, valid
from tests.unit.catalogues import of_schema
from tests.unit.examples import UNSET, event_text

ORDER = "com.example.shop.order.placed.v1"
ORDER_DATA = {"order_id": "o", "total": 1, "currency": "EUR"}
# What `console.documents.event_schema.NOT_SAID` names: leap seconds with an offset, whole numbers.
NOT_SAID = {
    *("time-leap-second-east", "time-leap-second-west"),
    *("extension-integer-bounds", "extension-integer-minus-zero", "extension-known-ones"),
}


def validator(catalogue: Catalogue) -> Any:
    schemas = openapi(catalogue)["components"]["schemas"]
    return validator_for(
        {"$ref": "#/components/schemas/Event", "components": {"schemas": schemas}},
        validate_formats=True,
    )


@pytest.fixture(scope="module")
def described(catalogue: Catalogue) -> Any:
    return validator(catalogue)


def taken(text: str, schemas: Schemas) -> bool:
    headers = {"content-type": ["application/cloudevents+json"]}
    try:
        for document in read_http_request(headers, text.encode()).documents:
            admit(document, publisher="acme", schemas=schemas)
    except Refused:
        return False
    return True


@pytest.mark.parametrize(
    ("members", "sound"),
    [
        ({"time": ""}, False),
        ({"datacontenttype": "0"}, False),
        ({"datacontenttype": "text/plain", "data": {"a": 1}}, False),
        ({"datacontenttype": "text/plain", "data": "a"}, True),
        ({"datacontenttype": "text/plain; a=b", "data": ["a"]}, False),
        ({"datacontenttype": "a/b+JSON ; a=b", "data": ["a"]}, True),
        ({"datacontenttype": "application/jsonx", "data": 1}, False),
        ({"datacontenttype": None, "data": 1}, True),
        ({"datacontenttype": "text/plain", "data_base64": "AAE="}, True),
        ({"data": 1, "data_base64": "AAE="}, False),
        ({"data": 1, "data_base64": None}, True),
        ({"data_base64": "AAF="}, False),
        ({"data_base64": "AAE"}, False),
        ({"time": "2026-02-29T00:00:00Z"}, False),
        ({"time": "2024-02-29T00:00:00Z"}, True),
        ({"time": "2000-02-29T00:00:00Z"}, True),
        ({"time": "1900-02-29T00:00:00Z"}, False),
        ({"time": "2026-06-30T23:59:60Z"}, True),
        ({"time": "2026-06-29T23:59:60Z"}, False),
        ({"time": "2024-02-28T23:59:60Z"}, False),
        ({"time": "2026-11-24 09:30:00Z"}, False),
        ({"time": "2026-11-24T09:30:00Z\n"}, False),
        ({"source": ""}, False),
        ({"source": "a b"}, False),
        ({"source": "//[::1]:80/a?b#c"}, True),
        ({"source": "//[::1::2]"}, False),
        ({"source": "//[1:2:3:4:5:6:7::]"}, True),
        ({"source": "//[v1.a:é]"}, True),
        ({"source": "/東/%41"}, True),
        ({"source": "/%4"}, False),
        ({"source": "/\ufdd0"}, False),
        ({"source": "/\U0001fffe"}, False),
        ({"source": "a:b", "dataschema": "a:b#c"}, False),
        ({"dataschema": "/a"}, False),
        ({"dataschema": "https://example.com/a?b"}, True),
        ({"subject": ""}, False),
        ({"subject": None}, True),
        ({"subject": "a\x7f"}, False),
        ({"subject": 1}, False),
        ({"id": "1\n"}, False),
        ({"specversion": "1.1"}, False),
        ({"specversion": None}, False),
        ({"publisher": "a"}, False),
        ({"publisher": None}, False),
        ({"ext": 2**31}, False),
        ({"ext": 1.5}, False),
        ({"ext": {}}, False),
        ({"ext": ""}, True),
        ({"Ext": "a"}, False),
        ({"a_b": "a"}, False),
        ({"Ext": None}, True),
        ({"type": "com.example.shop.customer.house 🏠"}, False),
        ({"type": "com.example.shop.customer."}, False),
        ({"type": "com.example.shop.customer." + "a" * 230}, False),
        ({"type": "com.example.shopXcustomer.a"}, False),
        ({"type": ORDER}, False),
        ({"type": ORDER, "data": ORDER_DATA}, True),
        ({"type": ORDER, "data": {**ORDER_DATA, "currency": "eur"}}, False),
        ({"type": "com.example.shop.order.placed.v2", "data": {}}, True),
        ({"type": "com.example.shop.order.placed.v2"}, True),
        ({"id": UNSET}, False),
        ({}, True),
    ],
)
def test_the_schema_is_as_strict_as_ingestion(
    described: Any, schemas: Schemas, members: dict[str, Any], sound: bool
) -> None:
    text = event_text(**members)
    assert (described.is_valid(json.loads(text)), taken(text, schemas)) == (sound, sound)


def test_what_the_schema_does_not_take_and_ingestion_does(described: Any, schemas: Schemas) -> None:
    members: list[dict[str, Any]] = [
        {"ext": 7},
        {"time": "2026-12-31T22:59:60-01:00"},
        {"type": ORDER, "data_base64": b64encode(json.dumps(ORDER_DATA).encode()).decode()},
    ]
    for member in members:
        text = event_text(**member)
        assert (described.is_valid(json.loads(text)), taken(text, schemas)) == (False, True)


def structured(cases: tuple[Case, ...]) -> Iterator[Case]:
    """Those that hold JSON, which a schema can be held against, and nothing that no schema says."""
    for case in cases:
        if (
            case.mode == "structured"
            and case.name not in NOT_SAID
            and case.status in (202, 400, 422)
        ):
            try:
                parse(case.body.decode("utf-8-sig"), depth=MAX_DEPTH)
            except ValueError:
                continue
            yield case


@pytest.mark.parametrize("case", list(structured(valid() + invalid())), ids=lambda case: case.name)
def test_the_corpus_fits_where_it_is_valid(described: Any, case: Case) -> None:
    content = parse(case.body.decode("utf-8-sig")).value
    assert described.is_valid(content) == (case.status == 202)


def test_an_entry_takes_what_no_entry_before_it_takes() -> None:
    both = {"type": "object", "required": ["a"]}
    first, second = of_schema(both, type="a.b.*"), of_schema(None, type="a.*")
    catalogue = Catalogue((), first.event_types + second.event_types, {}, "")
    described, schemas = validator(catalogue), Schemas(catalogue)
    for type, data in (("a.b.c", {"a": 1}), ("a.b.c", {}), ("a.c", {}), ("a.b", 1), ("a", 1)):
        text = event_text(type=type, data=data)
        assert described.is_valid(json.loads(text)) == taken(text, schemas)


def test_references_of_a_schema_lead_to_where_it_stands() -> None:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": {"name": {"type": "string"}, "names": {"items": {"$ref": "#/$defs/name"}}},
        "properties": {"names": {"$ref": "#/$defs/names"}, "next": {"$ref": "#"}},
    }
    catalogue = of_schema(schema)
    described, schemas = validator(catalogue), Schemas(catalogue)
    contents: list[Any] = [{"names": ["a"]}, {"names": [1]}, {"next": {"names": [1]}}, {"next": {}}]
    for data in contents:
        text = event_text(type="a", data=data)
        assert described.is_valid(json.loads(text)) == taken(text, schemas)
