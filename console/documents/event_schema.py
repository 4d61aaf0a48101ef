"""The JSON Schema of an event, as strict as ingestion: for validators, editors and generators of code.

Patterns keep to what ECMAScript, Python and Rust have in common. What no schema can say is said in words:
sizes, depth, names that repeat, and the few times and numbers that `NOT_SAID` lists.
"""

from __future__ import annotations

import re
from typing import Any

from eventing.catalogue import Catalogue, EventType
from eventing.event import DISALLOWED, MAX_ATTRIBUTE_BYTES, MAX_EVENT_BYTES, RESERVED
from eventing.media_type import MEDIA_TYPE
from eventing.type_patterns import MAX_WILD_TYPE, WILD, covers
from eventing.uri import PLAIN, grammar

NOT_SAID = (
    f"An event has at most {MAX_EVENT_BYTES} bytes as compact JSON in UTF-8, and `type`, `source` and "
    f"`subject` together about {MAX_ATTRIBUTE_BYTES}. Beside what this schema takes, ingestion takes leap "
    "seconds with an offset, JSON as `data_base64` for types whose data has a schema, and extension "
    "attributes that are whole numbers of 32 bits, but not 1.0, which no schema can tell from 1."
)

_BASE64 = "(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?"
_JSON_TYPE = r"^[^;]*[/+][Jj][Ss][Oo][Nn] *(?:;.*)?$"


def _one_of(characters: str) -> str:
    """A class of these characters and all beyond ASCII, told by what is not in it.

    Libraries that make up texts from patterns do not get by with ranges of a million characters.
    """
    ours = re.compile(f"[{characters}]")
    others = [c for c in map(chr, range(0x21, 0x7F)) if not ours.match(c)]
    escaped = (f"\\{c}" if c in r"\[]^-" else c for c in others)
    return f"[^\x00-\x20{''.join(escaped)}\x7f-\x9f]"


def _ip_literal() -> str:
    """What stands between the brackets of a host (RFC 3986, appendix A)."""
    h16, octet = "[0-9A-Fa-f]{1,4}", "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
    ls32 = rf"(?:{h16}:{h16}|(?:{octet}\.){{3}}{octet})"
    forms = [f"(?:{h16}:){{6}}{ls32}"]
    for before in range(8):
        left = f"(?:(?:{h16}:){{0,{before - 1}}}{h16})?" if before else ""
        after = {6: h16, 7: ""}.get(before, rf"(?:{h16}:){{{5 - before}}}{ls32}")
        forms.append(f"{left}::{after}")
    future = rf"[vV][0-9A-Fa-f]+\.{_one_of(f'{PLAIN}:')}+"
    return rf"(?:{'|'.join(forms)}|{future})"


def _whole(pattern: str) -> str:
    return f"^(?:{pattern})$"


def _time() -> str:
    """RFC 3339; a leap second at the end of a month, in UTC."""
    year, long, short = "[0-9]{4}", "(?:0[13578]|1[02])", "(?:0[469]|11)"
    fours = "(?:0[48]|[2468][048]|[13579][26])"
    leap_year = rf"(?:[0-9][0-9]{fours}|(?:00|{fours})00)"
    date = (
        rf"(?:{year}-(?:{long}-(?:0[1-9]|[12][0-9]|3[01])|{short}-(?:0[1-9]|[12][0-9]|30)"
        rf"|02-(?:0[1-9]|1[0-9]|2[0-8]))|{leap_year}-02-29)"
    )
    last_day = rf"(?:{year}-(?:{long}-31|{short}-30)|{leap_year}-02-29|(?!{leap_year}){year}-02-28)"
    hour, minute, fraction = "(?:[01][0-9]|2[0-3])", "[0-5][0-9]", r"(?:\.[0-9]+)?"
    ordinary = rf"{date}[Tt]{hour}:{minute}:{minute}{fraction}(?:[Zz]|[+-]{hour}:{minute})"
    return rf"{ordinary}|{last_day}[Tt]23:59:60{fraction}(?:[Zz]|[+-]00:00)"


def _text(pattern: str = "", **more: Any) -> dict[str, Any]:
    """A string that an attribute may hold, not empty, and of this pattern."""
    said = [{"pattern": _whole(pattern)}] if pattern else []
    return {"type": "string", "pattern": f"^[^{DISALLOWED}]+$", **more} | (
        {"allOf": said} if said else {}
    )


def _uri(pattern: str, **more: Any) -> dict[str, Any]:
    """A URI, in which no private characters of the last two planes stand."""
    return _text(pattern, **more) | {"not": {"pattern": "[\U000f0000-\U0010ffff]"}}


def _or_null(name: str) -> dict[str, Any]:
    return {"anyOf": [_reference(name), {"type": "null"}]}


def _reference(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


_PROPERTIES: dict[str, Any] = {
    "specversion": {"const": "1.0"},
    "id": _reference("Text"),
    "source": _reference("UriReference"),
    "type": _reference("Text"),
    "subject": _or_null("Text"),
    "time": _or_null("Time"),
    "datacontenttype": _or_null("MediaType"),
    "dataschema": _or_null("Uri"),
    "data": True,
    "data_base64": _or_null("Base64"),
    # A subscriber's filter on the body would take it for the publisher.
    RESERVED: False,
}
_BYTES = {"properties": {"data_base64": {"type": "string"}}, "required": ["data_base64"]}
_NO_JSON = {
    "properties": {"datacontenttype": {"type": "string", "not": {"pattern": _JSON_TYPE}}},
    "required": ["datacontenttype"],
}


def _attributes() -> dict[str, Any]:
    return {
        "description": "What all events have",
        "type": "object",
        "required": ["specversion", "id", "source", "type"],
        "properties": _PROPERTIES,
        "patternProperties": {
            f"^(?!(?:{'|'.join(_PROPERTIES)})$)[a-z0-9]+$": _reference("Extension")
        },
        # A member that is null counts as unset, whatever its name.
        "additionalProperties": {"type": "null"},
        "allOf": [
            {"if": _BYTES, "then": {"not": {"required": ["data"]}}},
            {"if": _NO_JSON, "then": {"properties": {"data": {"type": "string"}}}},
        ],
    }


def event_schemas(catalogue: Catalogue) -> dict[str, Any]:
    """The schemas that an event of this catalogue needs below `components/schemas`, `Event` first."""
    reference, absolute = grammar(possessive=False, one_of=_one_of, literal=_ip_literal())
    types = catalogue.event_types
    return {
        "Event": {
            "description": NOT_SAID,
            "allOf": [_reference("Attributes")],
            "oneOf": [_of_type(types, number) for number in range(len(types))],
        },
        "Attributes": _attributes(),
        "Extension": {
            "description": "An extension attribute",
            "anyOf": [
                {"type": "string", "pattern": f"^[^{DISALLOWED}]*$"},
                {"type": "boolean"},
                {"type": "null"},
            ],
        },
        "Text": _text(),
        "UriReference": _uri(reference, maxLength=MAX_ATTRIBUTE_BYTES),
        "Uri": _uri(absolute),
        "Time": _text(_time()),
        "MediaType": _text(MEDIA_TYPE.replace(r"[ \t]", " ")),
        "Base64": {"type": "string", "contentEncoding": "base64", "pattern": _whole(_BASE64)},
    }


def _of_type(types: tuple[EventType, ...], number: int) -> dict[str, Any]:
    entry = types[number]
    schema: dict[str, Any] = {
        "title": entry.type,
        "description": entry.description,
        "properties": {"type": _type_schema(types, number)},
    }
    if entry.schema is not None and entry.mode == "enforce":
        place = f"#/components/schemas/Event/oneOf/{number}/properties/data"
        schema["properties"]["data"] = _placed(entry.schema, place)
        schema["required"] = ["data"]
    return schema


def _type_schema(types: tuple[EventType, ...], number: int) -> dict[str, Any]:
    """The types that an entry decides: those it matches, but for what stands before it."""
    pattern = types[number].type
    if not pattern.endswith("*"):
        return {"const": pattern}
    schema: dict[str, Any] = {
        "type": "string",
        "maxLength": MAX_WILD_TYPE,
        "pattern": _whole(f"{re.escape(pattern[:-1])}{WILD}+").replace(r"\-", "-"),
    }
    before = [
        _type_schema(types, earlier)
        for earlier in range(number)
        if covers(pattern, types[earlier].type)
    ]
    return {**schema, "not": {"anyOf": before}} if before else schema


def _placed(schema: Any, place: str) -> Any:
    """A schema that is complete in itself, put at a place of a larger one: its references lead there."""
    if isinstance(schema, list):
        return [_placed(item, place) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: f"{place}{value[1:]}"
        if name == "$ref" and isinstance(value, str) and value.startswith("#")
        else _placed(value, place)
        for name, value in schema.items()
        if name != "$schema"
    }
