"""Judges a request by what the doorkeeper says of its publisher, and each event in it by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eventing.answer import Rejected
from eventing.event import Event
from eventing.http_binding import read_http_request
from eventing.ingestion import admit
from eventing.json_text import Document
from eventing.problem import Kind, Refused
from eventing.publishers.doorkeeper import SUSPENDED, Entry
from eventing.schemas import Schemas


@dataclass(frozen=True)
class Judged:
    """The judgement on a request: of each event, in the order sent, or one refusal of the request."""

    results: Sequence[Event | Rejected]
    batched: bool = False
    warnings: int = 0
    """Faults that schemas in `warn` mode only count."""


def judge(
    headers: Mapping[str, Sequence[str]],
    body: bytes,
    *,
    publisher: str,
    entry: Entry,
    schemas: Schemas,
) -> Judged:
    """Judge a request of a publisher of whom the doorkeeper says `entry`; headers as received."""
    if entry.suspended:
        return Judged([Rejected(SUSPENDED)])
    try:
        request = read_http_request(
            headers, body, max_events=entry.max_events, max_body_bytes=entry.max_body_bytes
        )
    except Refused as refused:
        return Judged([Rejected(refused.problem, refused.identity)])
    results: list[Event | Rejected] = []
    warnings = 0
    for document in request.documents:
        try:
            event, faults = _admit(document, publisher, entry, schemas)
        except Refused as refused:
            results.append(Rejected(refused.problem, refused.identity))
        else:
            results.append(event)
            warnings += faults
    return Judged(results, request.batched, warnings)


def _admit(document: Document, publisher: str, entry: Entry, schemas: Schemas) -> tuple[Event, int]:
    admitted = admit(document, publisher=publisher, schemas=schemas)
    event = admitted.event
    if not entry.allows(event.type):
        raise Refused(
            Kind.TYPE_NOT_ALLOWED,
            f"The types that you may send: {', '.join(entry.types or ('none',))}.",
            id=event.id,
            source=event.source,
        )
    return event, admitted.warnings
