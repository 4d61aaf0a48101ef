"""Whether an event's data fits the schema of its type, and what its publisher is told."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import pytest

from eventing.catalogue import Catalogue, CatalogueError, EventType
from eventing.event import read_event
from eventing.json_text import document, parse
from eventing.problem import MAX_FAULTS
from eventing.schemas import Schemas, UnknownType
from tests.unit.catalogues import of_schema
from tests.unit.examples import UNSET, event_text, example

SECRET = "confidential"
NUMBER = 271828


def pointers(schema: Any, **members: Any) -> list[str]:
    """Where the faults of an event are."""
    verdict = Schemas(of_schema(schema)).check(example(**members))
    assert verdict.refuses == bool(verdict.faults)
    return sorted(fault.pointer for fault in verdict.faults)


# A schema, data that fits it, data that does not, and the pointers of its faults.
KEYWORDS: list[tuple[dict[str, Any], Any, Any, list[str]]] = [
    ({"type": "string"}, "a", NUMBER, [""]),
    ({"type": ["string", "null"]}, None, NUMBER, [""]),
    ({"type": "integer"}, 1.0, 271.828, [""]),
    ({"enum": ["a", 1]}, 1, SECRET, [""]),
    ({"const": "a"}, "a", SECRET, [""]),
    ({"pattern": "^a"}, "ab", SECRET, [""]),
    ({"minLength": 20}, "a" * 20, SECRET, [""]),
    ({"maxLength": 2}, "é😀", SECRET, [""]),
    ({"minimum": NUMBER + 1}, NUMBER + 1, NUMBER, [""]),
    ({"exclusiveMinimum": NUMBER}, NUMBER + 1, NUMBER, [""]),
    ({"maximum": 5}, 5, NUMBER, [""]),
    ({"exclusiveMaximum": 5}, 4, NUMBER, [""]),
    ({"multipleOf": 3}, 6, NUMBER, [""]),
    ({"multipleOf": 0.01}, 4.02, 271.828, [""]),
    ({"required": ["a", "b"]}, {"a": 1, "b": 1}, {"x": SECRET}, ["", ""]),
    ({"properties": {"a": {"type": "null"}}}, {"a": None}, {"a": SECRET}, ["/a"]),
    (
        {"properties": {"a": {"items": {"required": ["b"]}}}},
        {"a": [{"b": 1}]},
        {"a": [{"b": 1}, {"c": SECRET}]},
        ["/a/1"],
    ),
    ({"properties": {"a/b~c": False}}, {}, {"a/b~c": SECRET}, ["/a~1b~0c"]),
    ({"patternProperties": {"^n": {"type": "null"}}}, {"n": None}, {"n1": SECRET}, ["/n1"]),
    ({"properties": {"a": True}, "additionalProperties": False}, {"a": 1}, {"b": NUMBER}, [""]),
    ({"additionalProperties": {"type": "null"}}, {"a": None}, {"b": SECRET}, ["/b"]),
    ({"propertyNames": {"maxLength": 1}}, {"a": 1}, {"bb": SECRET}, [""]),
    ({"minProperties": 2}, {"a": 1, "b": 1}, {"a": SECRET}, [""]),
    ({"maxProperties": 0}, {}, {"a": SECRET}, [""]),
    ({"dependentRequired": {"a": ["b"]}}, {"a": 1, "b": 1}, {"a": SECRET}, [""]),
    ({"prefixItems": [{"type": "null"}]}, [None, 1], [SECRET], ["/0"]),
    ({"prefixItems": [True], "items": False}, [1], [1, SECRET], ["/1"]),
    ({"minItems": 2}, [1, 2], [SECRET], [""]),
    ({"maxItems": 0}, [], [SECRET], [""]),
    ({"uniqueItems": True}, [1, 2], [SECRET, SECRET], [""]),
    ({"contains": {"type": "null"}}, [1, None], [SECRET], [""]),
    ({"contains": True, "maxContains": 1}, [1], [SECRET, SECRET], [""]),
    ({"anyOf": [{"type": "null"}, {"type": "array"}]}, [], SECRET, [""]),
    ({"oneOf": [{"type": "string"}, {"maxLength": 99}]}, 1, SECRET, [""]),
    ({"oneOf": [{"type": "null"}, {"type": "array"}]}, [], SECRET, [""]),
    ({"allOf": [{"type": "string"}, {"maxLength": 2}]}, "a", SECRET, [""]),
    ({"not": {"type": "string"}}, 1, SECRET, [""]),
    ({"if": {"type": "string"}, "then": {"maxLength": 2}}, 1, SECRET, [""]),
    ({"unevaluatedItems": False, "prefixItems": [True]}, [1], [1, SECRET], [""]),
    ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "null"}}}, None, SECRET, [""]),
    ({"format": "date-time"}, "2026-11-24T09:30:00Z", SECRET, [""]),
    ({"format": "date"}, "2026-11-24", "2026-02-30", [""]),
    ({"format": "time"}, "09:30:00Z", SECRET, [""]),
    ({"format": "email"}, "a@example.com", SECRET, [""]),
    ({"format": "uuid"}, "6e8bc430-9c3a-11d9-9669-0800200c9a66", SECRET, [""]),
    ({"format": "uri"}, "https://example.com/", SECRET, [""]),
    ({"format": "ipv4"}, "192.0.2.1", SECRET, [""]),
    ({"format": "ipv6"}, "2001:db8::1", SECRET, [""]),
    ({"format": "hostname"}, "example.com", f"{SECRET}_!", [""]),
    ({"format": "regex"}, "a+", f"({SECRET}", [""]),
    ({"format": "our-own"}, SECRET, None, []),
]


@pytest.mark.parametrize(
    ("schema", "good", "bad", "places"), KEYWORDS, ids=[json.dumps(k[0]) for k in KEYWORDS]
)
def test_every_keyword_is_enforced_with_pointers_and_without_quoting_values(
    schema: Any, good: Any, bad: Any, places: list[str]
) -> None:
    assert pointers(schema, data=good) == []
    verdict = Schemas(of_schema(schema)).check(example(data=bad))
    assert sorted(fault.pointer for fault in verdict.faults) == [f"/data{p}" for p in places]
    for fault in verdict.faults:
        assert fault.detail
        assert SECRET not in fault.detail
        assert "271" not in fault.detail or "271" in json.dumps(schema)


# Beyond what a float or 64 bits hold, or just within.
NUMBERS = [10**30, -(10**30), 10**4000, 2**63, -(2**63) - 1, 1e308, 5e-324, 1.1]


@pytest.mark.parametrize("number", NUMBERS, ids=range(len(NUMBERS)))
@pytest.mark.parametrize(
    ("schema", "fits"),
    [
        ({"type": "integer"}, lambda n: isinstance(n, int) or n == 1e308),
        ({"type": "number"}, lambda n: True),
        ({"type": "string"}, lambda n: False),
        ({"minimum": 0}, lambda n: n >= 0),
        ({"exclusiveMaximum": 1e300}, lambda n: n < 1e300),
        ({"const": 1.1}, lambda n: n == 1.1),
        ({"enum": [1, 10**30]}, lambda n: n == 10**30),
        ({"multipleOf": 1}, lambda n: n % 1 == 0),
    ],
    ids=lambda value: None if callable(value) else str(value),
)
def test_any_number_is_judged(schema: Any, fits: Callable[[float], bool], number: float) -> None:
    event = read_event(document({**example().value, "data": {"n": [number], "m": number}}))
    within = {"properties": {"m": schema, "n": {"items": schema}}}
    verdict = Schemas(of_schema(within)).check(event)
    places = [] if fits(number) else ["/data/m", "/data/n/0"]
    assert sorted(fault.pointer for fault in verdict.faults) == places


def test_a_number_that_no_float_holds_fits_no_schema_of_numbers() -> None:
    event = read_event(parse(event_text(data=[0]).replace("[0]", "[1e400, -1e400]")))
    verdict = Schemas(of_schema({"items": {"type": "number"}})).check(event)
    assert [fault.pointer for fault in verdict.faults] == ["/data/0", "/data/1"]


@pytest.mark.parametrize(
    ("members", "places"),
    [
        ({"data": {"a": 1}}, []),
        ({"data": {"a": "x"}}, ["/data/a"]),
        ({"data": {"a": "x"}, "data_base64": None}, ["/data/a"]),
        ({"data": None}, ["/data"]),
        ({"data": UNSET}, ["/data"]),
        ({"data_base64": None}, ["/data"]),
        ({"datacontenttype": "text/plain", "data": '{"a": 1}'}, ["/data"]),
        ({"data_base64": b'{"a": 1}'}, []),
        ({"data_base64": b'\xef\xbb\xbf{"a": 1}'}, []),
        ({"data_base64": b'{"a": "x"}', "datacontenttype": "a/b+json"}, ["/data_base64/a"]),
        ({"data_base64": b'{"a": 1, "a": 1}'}, ["/data_base64"]),
        ({"data_base64": b'{"a": NaN}'}, ["/data_base64"]),
        ({"data_base64": b"\xff"}, ["/data_base64"]),
        ({"data_base64": '{"a": 1}'.encode("utf-16")}, ["/data_base64"]),
        ({"data_base64": b""}, ["/data_base64"]),
        ({"data_base64": b"[" * 100_000}, ["/data_base64"]),
        ({"data_base64": b'{"a": 1}', "datacontenttype": "text/plain"}, ["/data_base64"]),
    ],
)
def test_data_is_judged_wherever_it_stands(members: dict[str, Any], places: list[str]) -> None:
    schema = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}
    encoded = {k: b64encode(v).decode() if isinstance(v, bytes) else v for k, v in members.items()}
    assert pointers(schema, **encoded) == places


def test_faults_are_as_many_as_an_answer_can_bear() -> None:
    data = [SECRET] * (MAX_FAULTS + 1)
    assert len(pointers({"items": {"type": "null"}}, data=data)) == MAX_FAULTS
    assert len(pointers({"items": {"type": "null"}}, data=data[:3])) == 3
    (place,) = pointers({"additionalProperties": False}, data={"x" * 10_000: 1})
    assert len(place) < 200
    verdict = Schemas(of_schema({"enum": ["x" * 10_000]})).check(example(data=1))
    assert len(verdict.faults[0].detail) == 300


@pytest.mark.parametrize("parts", [20, 5_000])
@pytest.mark.parametrize("encoded", [False, True])
def test_of_data_with_many_parts_the_first_fault_is_named(parts: int, encoded: bool) -> None:
    data = [1] * parts + ["x", "y"]
    text = json.dumps(data).encode()
    members = {"data_base64": b64encode(text).decode()} if encoded else {"data": data}
    schemas = Schemas(of_schema({"items": {"type": "number"}}))
    found = schemas.check(example(**members))
    few = parts == 20
    assert found.refuses
    assert found.complete == few
    places = [f"/{next(iter(members))}/{n}" for n in range(parts, parts + 2)]
    assert [fault.pointer for fault in found.faults] == places[: 2 if few else 1]


def test_a_schema_in_warn_mode_names_faults_and_refuses_nothing() -> None:
    schemas = Schemas(of_schema({"required": ["a", "b"]}, mode="warn"))
    verdict = schemas.check(example(data={}))
    assert len(verdict.faults) == 2
    assert not verdict.refuses
    assert not schemas.check(example(data={"a": 1, "b": 1})).faults
    assert not schemas.check(example(data=UNSET)).refuses
    assert schemas.check(example(data=UNSET)).faults


def test_the_first_type_that_matches_decides() -> None:
    types = (
        EventType("a.b", "", "enforce", "f", {"type": "string"}),
        EventType("a.*", "", "enforce", "f", {"type": "integer"}),
        EventType("c", ""),
    )
    schemas = Schemas(Catalogue((), types, {}, ""))
    assert not schemas.check(example(type="a.b", data="x")).faults
    assert schemas.check(example(type="a.b", data=1)).refuses
    assert not schemas.check(example(type="a.c", data=1)).faults
    assert schemas.check(example(type="a.b.c", data="x")).refuses
    assert not schemas.check(example(type="c")).faults
    with pytest.raises(UnknownType):
        schemas.check(example(type="a"))


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "objekt"},
        {"pattern": "("},
        {"minimum": "1"},
        {"$ref": "#/$defs/none"},
        {"$ref": "https://example.com/schema.json"},
        {"$schema": "https://example.com/dialect"},
        [],
        "x",
    ],
)
def test_a_faulty_schema_is_a_faulty_catalogue(schema: Any) -> None:
    with pytest.raises(CatalogueError, match=r"^event-types.json: a.b: the schema is faulty: "):
        Schemas(of_schema(schema, type="a.b"))


@pytest.mark.parametrize(
    ("type", "data", "places"),
    [
        ("order.placed.v1", {"order_id": "o", "total": 0, "currency": "EUR"}, []),
        (
            "order.placed.v1",
            {"order_id": "", "total": "5", "currency": "€", "lines": [{}]},
            [
                "/data/currency",
                "/data/lines/0",
                "/data/lines/0",
                "/data/order_id",
                "/data/total",
            ],
        ),
        ("order.shipped.v1", {"order_id": "o", "carrier": "c"}, []),
        ("order.shipped.v1", {"order_id": "o"}, ["/data"]),
        ("payment.failed.v1", {"payment_id": "p", "amount": 1, "currency": "EUR"}, []),
        (
            "payment.captured.v1",
            {"payment_id": "p", "amount": 1, "currency": "EUR", "risk": "none"},
            ["/data/risk"],
        ),
        ("customer.moved.v1", "anything", []),
    ],
)
def test_events_of_the_projects_catalogue(
    schemas: Schemas, type: str, data: Any, places: list[str]
) -> None:
    verdict = schemas.check(example(type=f"com.example.shop.{type}", data=data))
    assert sorted(fault.pointer for fault in verdict.faults) == places
