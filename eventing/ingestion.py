"""Judges an event that a publisher sent: valid, of a known type, fitting its schema, small enough."""

from __future__ import annotations

from dataclasses import dataclass

from eventing.canary import may_send
from eventing.event import MAX_ATTRIBUTE_BYTES, Event, read_event
from eventing.json_text import Document
from eventing.message import attributes_size, message_attributes
from eventing.problem import Kind, Refused, faults_in_words
from eventing.schemas import Schemas, UnknownType


@dataclass(frozen=True)
class Admitted:
    """An event that may be accepted."""

    event: Event
    warnings: int
    """Faults that a schema in `warn` mode only counts."""


def admit(document: Document, *, publisher: str, schemas: Schemas) -> Admitted:
    """The event in `document`; raises `Refused` with all that its publisher must fix."""
    event = read_event(document)
    size = attributes_size(
        message_attributes(
            type=event.type, source=event.source, publisher=publisher, subject=event.subject
        )
    )
    if size > MAX_ATTRIBUTE_BYTES:
        raise Refused(
            Kind.EVENT_TOO_LARGE,
            f"type, source and subject take {size} bytes as message attributes; "
            f"{MAX_ATTRIBUTE_BYTES} are allowed.",
            id=event.id,
            source=event.source,
        )
    try:
        if not may_send(publisher, event.type):
            raise UnknownType
        found = schemas.check(event)
    except UnknownType:
        raise Refused(
            Kind.UNKNOWN_TYPE,
            "The catalogue has no event of this type: see the list of event types.",
            id=event.id,
            source=event.source,
        ) from None
    if found.refuses:
        raise Refused(
            Kind.SCHEMA,
            f"The data has {faults_in_words(len(found.faults), complete=found.complete)}.",
            found.faults,
            id=event.id,
            source=event.source,
        )
    return Admitted(event, len(found.faults))
