"""Events for tests of single rules."""

from __future__ import annotations

import json
from typing import Any

from eventing.event import Event, read_event
from eventing.json_text import Document, parse

# The catalogue has no schema for it, and the topic `customers` takes it.
TYPE = "com.example.shop.customer.registered.v1"
UNSET: Any = object()


def event_text(**members: Any) -> str:
    """The compact JSON of a valid event with these members changed, added or, as `UNSET`, left out."""
    event = {"specversion": "1.0", "id": "1", "source": "/crm", "type": TYPE, **members}
    present = {name: value for name, value in event.items() if value is not UNSET}
    return json.dumps(present, ensure_ascii=False, separators=(",", ":"))


def document(**members: Any) -> Document:
    """The same, read."""
    return parse(event_text(**members))


def example(**members: Any) -> Event:
    """The same, found valid."""
    return read_event(document(**members))
