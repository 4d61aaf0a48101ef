"""An event: a CloudEvent 1.0.2 that was found valid, and what identifies it.

The rules are those of the CloudEvents specification and of its JSON format; section numbers name
the former unless they say "JSON".
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, cast

from eventing.json_text import Document, canonical, spelling
from eventing.media_type import comparable, declares_json, is_media_type
from eventing.problem import MAX_FAULTS, Fault, Kind, Refused, faults_in_words, pointer
from eventing.timestamps import is_rfc3339
from eventing.uri import is_absolute_uri, is_uri_reference

MAX_EVENT_BYTES = 240 * 1024
MAX_ATTRIBUTE_BYTES = 8 * 1024
# Section 2 "Integer": 32 bits, signed.
MAX_INTEGER = 2**31 - 1

# Not an extension attribute here: a subscriber's filter on the body would take it for the publisher.
RESERVED = "publisher"

_REQUIRED = ("specversion", "id", "source", "type")
_NAME = re.compile(r"[a-z0-9]+", re.ASCII)
# Section 2 "String": control characters and Unicode noncharacters, to stand in a class of characters.
DISALLOWED = "\x00-\x1f\x7f-\x9f\ufdd0-\ufdef" + "".join(
    f"{chr(p << 16 | 0xFFFE)}{chr(p << 16 | 0xFFFF)}" for p in range(17)
)
_DISALLOWED = re.compile(f"[{DISALLOWED}]")


_Rule = tuple[Callable[[str], Any], str]
_NOT_EMPTY: _Rule = (bool, "must not be empty")
# What a core attribute's text must satisfy, and what is wrong with it otherwise (sections 3.1 and 3.2).
_RULES: Mapping[str, _Rule] = {
    "specversion": ("1.0".__eq__, 'must be "1.0"'),
    "id": _NOT_EMPTY,
    "source": (
        lambda text: text and is_uri_reference(text),
        "must be a URI reference (RFC 3986)",
    ),
    "type": _NOT_EMPTY,
    "datacontenttype": (is_media_type, "must be a media type (RFC 2046)"),
    "dataschema": (
        is_absolute_uri,
        "must be an absolute URI without a fragment (RFC 3986 section 4.3)",
    ),
    "subject": _NOT_EMPTY,
    "time": (is_rfc3339, "must be a time (RFC 3339), such as 2026-11-24T09:30:00Z"),
}


@dataclass(frozen=True)
class Event:
    """A valid event of a type that the catalogue may or may not know."""

    id: str
    source: str
    type: str
    subject: str | None
    document: Document = field(repr=False)
    digest: str = field(repr=False)
    """Tells an event that was sent again from another one under the same source and id."""

    @property
    def value(self) -> Mapping[str, Any]:
        """The CloudEvent in its JSON format, as Python values."""
        return cast("dict[str, Any]", self.document.value)

    @property
    def text(self) -> str:
        """The same, as it is stored and published: compact, otherwise as its publisher sent it."""
        return self.document.text

    def key(self, publisher: str) -> str:
        """The key under which the event of this publisher is stored: same identity, same key."""
        return event_key(publisher, self.source, self.id)


def event_key(publisher: str, source: str, id: str) -> str:
    """The publisher and a hash of source and id, which may hold any character and any length.

    The source's length goes first, so that no two pairs run together to the same text.
    """
    name = source.encode()
    return f"{publisher}#{sha256_text(b'%d:' % len(name) + name + id.encode())}"


def event_digest(exact: Mapping[str, Any]) -> str:
    """The digest of an event as the specification compares it: the same in every content mode.

    An attribute counts by its canonical string form (section 2), and as unset when it is null (JSON 2.2).
    Without a datacontenttype an event is equivalent to one with application/json (section 3.1), unless
    its data is bytes. Data counts as it is, the spelling of its numbers included.

    `exact` is that of the event's document.
    """
    compared = {
        name: value if name == "data" else _attribute_text(value)
        for name, value in exact.items()
        if value is not None or name == "data"
    }
    content_type = compared.get("datacontenttype")
    if isinstance(content_type, str):
        compared["datacontenttype"] = comparable(content_type)
    elif "data_base64" not in compared:
        compared["datacontenttype"] = "application/json"
    return sha256_text(canonical(compared))


def _attribute_text(value: Any) -> Any:
    if isinstance(value, str):
        return spelling(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    # What stands in for an event may have anything else here.
    return str(value) if isinstance(value, int) else value


def read_event(document: Document) -> Event:
    """The event in a JSON document.

    Raises `Refused` (400) with every fault found, or (413) when the event is too large.
    """
    if not isinstance(document.exact, dict):
        raise Refused(
            Kind.NOT_A_CLOUDEVENT,
            "An event is a JSON object.",
            [Fault("", "must be a JSON object")],
        )
    members = document.members
    id, source = members.get("id"), members.get("source")
    # First of all, so that nothing below has to bear more than an event's length.
    size = len(document.text.encode())
    if size > MAX_EVENT_BYTES:
        raise Refused(
            Kind.EVENT_TOO_LARGE,
            f"The event takes {size} bytes as compact JSON; {MAX_EVENT_BYTES} are allowed.",
            id=id,
            source=source,
        )
    # One more than are named: to find all of a great many costs more than the rest.
    faults = list(islice(chain(attribute_faults(members), _data_faults(members)), MAX_FAULTS + 1))
    if faults:
        complete = len(faults) <= MAX_FAULTS
        count = faults_in_words(min(len(faults), MAX_FAULTS), complete=complete)
        raise Refused(
            Kind.NOT_A_CLOUDEVENT, f"The event has {count}.", faults, id=id, source=source
        )
    return Event(
        id=members["id"],
        source=members["source"],
        type=members["type"],
        subject=members.get("subject"),
        document=document,
        digest=event_digest(document.exact),
    )


def sha256_text(content: bytes) -> str:
    """The SHA-256 of some bytes as 43 characters: base64url without padding."""
    return urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def attribute_faults(value: Mapping[str, Any]) -> Iterator[Fault]:
    """Find every fault of an event's attributes."""
    for name in _REQUIRED:  # section 3.1; JSON section 2.2: null is the same as unset
        if value.get(name) is None:
            yield Fault(pointer(name), "is required")
    for name, attribute in value.items():
        if name == RESERVED:
            yield Fault("/publisher", "is reserved: the API key says who the publisher is")
            continue
        if attribute is None or name in ("data", "data_base64"):
            continue
        if name not in _RULES and not _NAME.fullmatch(name):
            # Section 3 "Naming conventions".
            yield Fault(pointer(name), "an attribute's name has only the characters a-z and 0-9")
        elif fault := attribute_fault(name, attribute):
            yield Fault(pointer(name), fault)


def attribute_fault(name: str, value: Any) -> str | None:
    """Find what is wrong with the value of one attribute, which is not null."""
    if isinstance(value, str):
        if not (value.isascii() and value.isprintable()) and _DISALLOWED.search(value):
            return "holds a control character or a Unicode noncharacter"
        rule = _RULES.get(name)
        return rule[1] if rule and not rule[0](value) else None
    if name in _RULES:
        return "must be a string"
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        fits = -MAX_INTEGER - 1 <= value <= MAX_INTEGER
        return None if fits else "an integer must fit into 32 bits"
    return "must be a string, a boolean or a whole number"


def _data_faults(value: Mapping[str, Any]) -> Iterator[Fault]:
    encoded = value.get("data_base64")
    if encoded is None:
        if "data" in value and not isinstance(value["data"], str):
            content_type = value.get("datacontenttype")
            if isinstance(content_type, str) and not declares_json(content_type):
                # JSON section 3.1.1: data of any other type is a string.
                yield Fault("/data", "must be a string, since datacontenttype is not JSON")
        return
    if "data" in value:
        yield Fault("/data_base64", "data and data_base64 exclude each other")
    try:
        # Python's strict mode lets too much padding pass.
        sound = b64encode(b64decode(encoded)).decode() == encoded
    except (ValueError, TypeError):
        sound = False
    if not sound:
        yield Fault("/data_base64", "must be a string in Base64 (RFC 4648 section 4)")
