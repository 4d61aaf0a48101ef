"""From an HTTP request to CloudEvents: the three content modes of the HTTP binding, and plain JSON.

Section numbers are those of "HTTP Protocol Binding for CloudEvents" 1.0.2.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from eventing.event import attribute_fault, attribute_faults
from eventing.json_text import MAX_DEPTH, Document, InvalidJson, parse
from eventing.json_text import document as document_of
from eventing.limits import MAX_BATCH, MAX_BODY_BYTES
from eventing.media_type import declares_json, essence, is_media_type, is_utf8
from eventing.problem import Fault, Kind, Refused, pointer

_STRUCTURED = "application/cloudevents"
_BATCHED = "application/cloudevents-batch"
_REQUIRED_HEADERS = ("ce-specversion", "ce-id", "ce-source", "ce-type")
_URIS = ("source", "dataschema")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ACCEPTED = (
    "Send application/cloudevents+json, application/cloudevents-batch+json, application/json, "
    "or any content type with the event's attributes in ce- headers."
)


@dataclass(frozen=True)
class Request:
    """The content of a request: JSON documents that should each be a CloudEvent, in the order sent."""

    batched: bool
    documents: Sequence[Document]


def read_http_request(
    headers: Mapping[str, Sequence[str]],
    body: bytes,
    *,
    max_events: int = MAX_BATCH,
    max_body_bytes: int = MAX_BODY_BYTES,
) -> Request:
    """The documents of a request; `headers` as received, each name with all its values.

    Raises `Refused` for a request of which no event can be read, and for one over these limits.
    """
    named: dict[str, list[str]] = {}
    for name, values in headers.items():
        named.setdefault(name.lower(), []).extend(values)
    if len(body) > max_body_bytes:
        raise Refused(
            Kind.BODY_TOO_LARGE,
            f"The body has {len(body)} bytes; your usage plan allows {max_body_bytes}.",
        )
    if any(
        value.strip().lower() not in ("", "identity") for value in named.get("content-encoding", ())
    ):
        raise Refused(
            Kind.CONTENT_TYPE, "A compressed body is not read: leave Content-Encoding out."
        )
    content_types = named.get("content-type", [])
    if len(content_types) > 1:
        raise Refused(Kind.CONTENT_TYPE, "There is more than one Content-Type.")
    content_type = content_types[0].strip() if content_types else ""
    media_type = essence(content_type)

    if media_type.startswith(_STRUCTURED):  # section 3: the prefix tells the mode
        if media_type not in (f"{_STRUCTURED}+json", f"{_BATCHED}+json"):
            raise Refused(Kind.CONTENT_TYPE, f"The event format must be JSON. {_ACCEPTED}")
        batched = media_type.startswith(_BATCHED)
        return _read_json(body, content_type, batched=batched, max_events=max_events)
    if any(name in named for name in _REQUIRED_HEADERS):
        return Request(batched=False, documents=[_read_binary(named, content_type, body)])
    if media_type == "application/json":
        return _read_json(body, content_type, batched=None, max_events=max_events)
    raise Refused(Kind.CONTENT_TYPE, _ACCEPTED)


def _read_json(body: bytes, content_type: str, *, batched: bool | None, max_events: int) -> Request:
    document = _parse(body, content_type)
    if batched is None:
        batched = isinstance(document.exact, list)
    if not batched:
        return Request(batched=False, documents=[document])
    if not isinstance(document.exact, list):
        raise Refused(
            Kind.NOT_A_CLOUDEVENT,
            "A batch is a JSON array of events.",
            [Fault("", "must be a JSON array")],
        )
    if len(document.exact) > max_events:
        raise Refused(
            Kind.BATCH_TOO_LARGE,
            f"The batch holds {len(document.exact)} events; your usage plan allows {max_events}.",
        )
    return Request(batched=True, documents=document.items)


def _parse(body: bytes, content_type: str) -> Document:
    if not is_utf8(content_type):
        raise Refused(Kind.CONTENT_TYPE, "JSON is UTF-8 (RFC 8259 section 8.1); send it so.")
    try:
        return parse(body.decode("utf-8-sig"), depth=MAX_DEPTH)
    except UnicodeDecodeError as error:
        raise Refused(
            Kind.NOT_JSON, f"The body is not UTF-8: see the byte at offset {error.start}."
        ) from None
    except InvalidJson as error:
        raise Refused(Kind.NOT_JSON, f"The body is not JSON: {error}.") from None


def _read_binary(headers: Mapping[str, Sequence[str]], content_type: str, body: bytes) -> Document:
    """An event in binary mode (section 3.1), put into the JSON format."""
    attributes: dict[str, Any] = {}
    faults: list[Fault] = []
    for header, values in headers.items():
        if not header.startswith("ce-"):
            continue
        name = header[3:]
        if name in ("datacontenttype", "data", "data_base64"):  # sections 3.1.1 and 3.1.2
            faults.append(Fault(pointer(name), f"has no header: {header} must not be sent"))
        elif len(values) > 1:
            faults.append(Fault(pointer(name), f"the header {header} was sent more than once"))
        else:
            try:
                attributes[name] = _attribute(name, values[0])
            except ValueError as error:
                faults.append(Fault(pointer(name), str(error)))
    if content_type:
        attributes["datacontenttype"] = content_type
        if not is_media_type(content_type):
            faults.append(Fault("/datacontenttype", "Content-Type must be a media type (RFC 2046)"))
    if body and not faults:
        _read_data(attributes, content_type, body)
    if faults:
        named = {fault.pointer for fault in faults}
        faults += [fault for fault in attribute_faults(attributes) if fault.pointer not in named]
        raise Refused(
            Kind.NOT_A_CLOUDEVENT,
            "The headers do not make an event.",
            faults,
            id=attributes.get("id"),
            source=attributes.get("source"),
        )
    return document_of(attributes)


def _read_data(attributes: dict[str, Any], content_type: str, body: bytes) -> None:
    """Put the body where the JSON format has it: JSON and text under `data`, all else in Base64.

    Without a content type, a body that is no JSON is bytes.
    """
    if declares_json(content_type or None):
        try:
            document = _parse(body, content_type)
        except Refused:
            if content_type:
                raise
        else:
            attributes["data"] = document.exact
            return
    media_type = essence(content_type)
    if is_utf8(content_type) and (
        media_type.startswith("text/") or media_type.endswith(("/xml", "+xml"))
    ):
        try:
            attributes["data"] = body.decode()
            return
        except UnicodeDecodeError:
            pass  # not the text it says it is: carried as the bytes it is
    attributes["data_base64"] = b64encode(body).decode()


def _attribute(name: str, header: str) -> str:
    """The attribute in a header (section 3.1.3.2), ValueError if the header is unsound.

    A `%` that begins no escape stands for itself. SDKs that do not escape send a URI's own escapes: where
    its decoded form is no such URI and its sent form is one, it is taken as it was sent.
    """
    sent = _unquoted(header.strip(" \t"))
    if "%" not in sent:
        return sent
    try:
        decoded = unquote(sent, errors="strict")
    except UnicodeDecodeError:
        decoded = None
    if (
        name in _URIS
        and (decoded is None or attribute_fault(name, decoded))
        and not attribute_fault(name, sent)
    ):
        return sent
    if decoded is None:
        raise ValueError("the header's percent escapes are not UTF-8")
    return decoded


def _unquoted(value: str) -> str:
    if value.startswith('"'):
        quoted = _QUOTED.fullmatch(value)
        if quoted is None:
            raise ValueError("the header's quotes are not closed")
        value = re.sub(r"\\(.)", r"\1", quoted[1])
    if not (value.isascii() and value.isprintable()):
        raise ValueError("a header holds printable ASCII; percent-encode all else")
    return value
