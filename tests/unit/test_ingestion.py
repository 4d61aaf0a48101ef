"""The judgement on an event: valid, small enough, of a known type, fitting its schema."""

from __future__ import annotations

from typing import Any

import pytest

from eventing.catalogue import SNS_BYTES
from eventing.event import MAX_ATTRIBUTE_BYTES, MAX_EVENT_BYTES
from eventing.ingestion import admit
from eventing.message import Message, attributes_size, message_attributes
from eventing.problem import Kind, Refused
from eventing.schemas import Schemas
from tests.unit.catalogues import of_schema
from tests.unit.examples import TYPE, document, event_text, example

PUBLISHER = "acme-web"
FREE = "com.example.shop.customer."
ORDER = "com.example.shop.order.placed.v1"


def refusal(schemas: Schemas, **members: Any) -> Refused:
    with pytest.raises(Refused) as raised:
        admit(document(**members), publisher=PUBLISHER, schemas=schemas)
    return raised.value


def test_what_may_be_accepted_is_the_event_as_it_was_sent(schemas: Schemas) -> None:
    judged = admit(document(data={"a": 1}), publisher=PUBLISHER, schemas=schemas)
    assert judged.event.text == event_text(data={"a": 1})
    assert judged.warnings == 0


def test_warnings_are_counted(schemas: Schemas) -> None:
    schemas = Schemas(of_schema({"required": ["a", "b"]}, mode="warn"))
    assert admit(document(data={}), publisher=PUBLISHER, schemas=schemas).warnings == 2


def attributes(size: int, **filled: str) -> dict[str, str]:
    """Members of an event whose message attributes take `size` bytes, one of them filled up."""
    ((name, filler),) = filled.items()
    members = {"type": TYPE, "source": "/crm", "subject": "s", name: "/"}
    sizes = {**members, "publisher": PUBLISHER}
    taken = sum(len(n) + len("String") + len(v.encode()) for n, v in sizes.items())
    # What SNS cannot carry counts as it is encoded: three characters for each byte.
    width = len(filler.encode()) * (3 if filler > "\uffff" else 1)
    count, rest = divmod(size - taken, width)
    return {**members, name: "/" + filler * count + "x" * rest}


@pytest.mark.parametrize("more", [-1, 0, 1])
@pytest.mark.parametrize(
    "filled", [{"source": "a"}, {"source": "é"}, {"subject": "a"}, {"subject": "😀"}]
)
def test_attributes_take_at_most_8_kib_together(
    schemas: Schemas, filled: dict[str, str], more: int
) -> None:
    assert MAX_ATTRIBUTE_BYTES == 8 * 1024
    members = attributes(MAX_ATTRIBUTE_BYTES + more, **filled)
    if more <= 0:
        judged = admit(document(**members), publisher=PUBLISHER, schemas=schemas)
        assert judged.event.source == members["source"]
    else:
        refused = refusal(schemas, **members)
        assert refused.problem.kind is Kind.EVENT_TOO_LARGE
        assert "8193 bytes" in refused.problem.detail
        assert refused.identity["id"] == "1"


@pytest.mark.parametrize("filler", ["a", "客", "🏠"])
def test_the_largest_event_with_the_largest_attributes_fits_into_a_message(filler: str) -> None:
    members = attributes(MAX_ATTRIBUTE_BYTES, subject=filler)
    room = MAX_EVENT_BYTES - len(event_text(data="", **members).encode())
    event = example(**members, data="x" * room)
    attributes_sent = message_attributes(
        type=event.type, source=event.source, publisher=PUBLISHER, subject=event.subject
    )
    replayed = attributes_sent | {"redrive_episode": "1000"}
    assert len(event.text.encode()) == MAX_EVENT_BYTES
    assert attributes_size(attributes_sent) == MAX_ATTRIBUTE_BYTES
    assert Message(event.text, replayed).size <= SNS_BYTES


def test_the_type_counts_too() -> None:
    members = attributes(MAX_ATTRIBUTE_BYTES, type="a")
    longer = {**members, "type": members["type"] + "a"}
    schemas = Schemas(of_schema(None, type=members["type"]))
    assert admit(document(**members), publisher=PUBLISHER, schemas=schemas)
    assert refusal(schemas, **longer).problem.kind is Kind.EVENT_TOO_LARGE


@pytest.mark.parametrize(
    ("members", "kind", "detail"),
    [
        ({"time": "now"}, Kind.NOT_A_CLOUDEVENT, "1 fault"),
        ({"type": "org.example.x"}, Kind.UNKNOWN_TYPE, "no event of this type"),
        ({"type": FREE + "house 🏠"}, Kind.UNKNOWN_TYPE, "no event of this type"),
        ({"type": FREE + "a" * 256}, Kind.UNKNOWN_TYPE, "no event of this type"),
        ({"type": ORDER, "data": {}}, Kind.SCHEMA, "The data has 3 faults."),
        (
            {"type": ORDER, "data": {"order_id": "o", "total": -1, "currency": "EUR"}},
            Kind.SCHEMA,
            "The data has 1 fault.",
        ),
        ({"type": ORDER, "data": {}, "time": "now"}, Kind.NOT_A_CLOUDEVENT, "1 fault"),
        ({"type": "x" * 9_000}, Kind.EVENT_TOO_LARGE, "as message attributes"),
    ],
)
def test_refusals(schemas: Schemas, members: dict[str, Any], kind: Kind, detail: str) -> None:
    refused = refusal(schemas, **members)
    assert refused.problem.kind is kind
    assert detail in refused.problem.detail
    assert refused.identity == {"id": "1", "source": "/crm"}
    assert bool(refused.problem.faults) == (kind in (Kind.NOT_A_CLOUDEVENT, Kind.SCHEMA))
