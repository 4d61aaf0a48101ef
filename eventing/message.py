"""The message that subscribers receive: what goes into SNS, and how large it is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Message:
    """The body is the CloudEvent in its JSON format; the attributes serve filter policies."""

    body: str = field(repr=False)
    attributes: Mapping[str, str]

    @property
    def size(self) -> int:
        """Bytes as SNS counts them: body, and name, type and value of each attribute."""
        return len(self.body.encode()) + attributes_size(self.attributes)


def makes_message(value: Any) -> bool:
    """Tell whether a JSON value has the attributes of an event that a message needs.

    What stands in for an event may be anything: an item that ingestion did not write, say.
    """
    if not isinstance(value, dict):
        return False
    needed, subject = [value.get(name) for name in ("id", "source", "type")], value.get("subject")
    return all(needed) and all(isinstance(text, str) for text in (*needed, subject or ""))


def message_attributes(
    *, type: str, source: str, publisher: str, subject: str | None
) -> dict[str, str]:
    """The attributes of an event's message; `subject` only when the event has one.

    SNS refuses characters above U+FFFF in attributes, and with them all that is sent in the same call.
    They are percent-encoded here, and nothing else is. The body has them as they are.
    """
    attributes = {"type": type, "source": source, "publisher": publisher}
    if subject:
        attributes["subject"] = subject
    return {name: _carried(text) for name, text in attributes.items()}


def _carried(text: str) -> str:
    if text.isascii() or max(text) <= "\uffff":
        return text
    return "".join(c if c <= "\uffff" else "".join(f"%{b:02X}" for b in c.encode()) for c in text)


def attributes_size(attributes: Mapping[str, str]) -> int:
    """Bytes that these take in a message: name, data type and value of each."""
    text = "".join([*attributes, *attributes.values()])
    return len(text.encode()) + len("String") * len(attributes)
