"""The message that subscribers receive: what goes into SNS, and how large it is there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Message:
    """The body is the CloudEvent in its JSON format; the attributes serve filter policies."""

    body: str = field(repr=False)
    attributes: Mapping[str, str]

    @property
    def size(self) -> int:
        """Bytes as SNS counts them: body, and name, type and value of each attribute."""
        return len(self.body.encode()) + attributes_size(self.attributes)


def message_attributes(
    *, type: str, source: str, publisher: str, subject: str | None
) -> dict[str, str]:
    """The attributes of an event's message; `subject` only when the event has one."""
    attributes = {"type": type, "source": source, "publisher": publisher}
    return attributes | ({"subject": subject} if subject else {})


def attributes_size(attributes: Mapping[str, str]) -> int:
    """Bytes that these take in a message: name, data type and value of each."""
    text = "".join([*attributes, *attributes.values()])
    return len(text.encode()) + len("String") * len(attributes)
