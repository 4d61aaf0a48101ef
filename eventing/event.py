"""An event: a CloudEvent 1.0.2 that was found valid, and what identifies it.

The rules are those of the CloudEvents specification and of its JSON format; section numbers name
the former unless they say "JSON".
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from eventing.json_text import Document, canonical
from eventing.problem import Fault, Kind, Refused, pointer

MAX_EVENT_BYTES = 240 * 1024
MAX_ATTRIBUTE_BYTES = 8 * 1024

_REQUIRED = ("specversion", "id", "source", "type")
_NAME = re.compile(r"[a-z0-9]+", re.ASCII)
# Section 2 "String": control characters and Unicode noncharacters are disallowed.
_DISALLOWED = re.compile(
    "[\x00-\x1f\x7f-\x9f\ufdd0-\ufdef"
    + "".join(f"{chr(p << 16 | 0xFFFE)}{chr(p << 16 | 0xFFFF)}" for p in range(17))
    + "]"
)


# RFC 3986 appendix A.
def _run(more: str) -> str:
    # Possessive: no character can be read in two ways, so there is nothing to go back to, and a long
    # attribute takes neither time nor memory out of proportion.
    return rf"(?:[A-Za-z0-9\-._~!$&'()*+,;={more}]++|%[0-9A-Fa-f]{{2}})"


_PCHARS, _NO_COLON, _HOST, _USER, _ANY = map(_run, (":@", "@", "", ":", ":@/?"))
_AUTHORITY = rf"(?:{_USER}*+@)?(?:\[[0-9A-Fa-fv:.\-_~!$&'()*+,;=]+\]|{_HOST}*+)(?::[0-9]*)?"
_SCHEME = r"[A-Za-z][A-Za-z0-9+.\-]*+:"
_MORE = rf"(?:/{_PCHARS}*+)*+"
_ROOTED = rf"//{_AUTHORITY}{_MORE}|/(?:{_PCHARS}++{_MORE})?"
_QUERY, _FRAGMENT = rf"(?:\?{_ANY}*+)?", rf"(?:\#{_ANY}*+)?"
_PATH = rf"(?:{_ROOTED}|{_PCHARS}++{_MORE}|)"
_RELATIVE = rf"(?:{_ROOTED}|{_NO_COLON}++{_MORE}|)"
_ABSOLUTE_URI = re.compile(rf"{_SCHEME}{_PATH}{_QUERY}")
_URI_REFERENCE = re.compile(rf"(?:{_SCHEME}{_PATH}|{_RELATIVE}){_QUERY}{_FRAGMENT}")
_IP_FUTURE = re.compile(r"[vV][0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+")
# RFC 3987: identifiers of publishers' own systems hold these, and nothing downstream of us minds.
_BEYOND_ASCII = re.compile("[^\x00-\x9f\U000f0000-\U0010ffff]")
_NAME_CHARS = r"[A-Za-z0-9!#$%&'*+\-.^_`{|}~]+"
# RFC 2046 (with RFC 2045 section 5.1): type, subtype and parameters.
_MEDIA_TYPE = re.compile(
    rf"({_NAME_CHARS})/({_NAME_CHARS})"
    rf'(?:[ \t]*;[ \t]*{_NAME_CHARS}=(?:{_NAME_CHARS}|"(?:[^"\\]|\\.)*"))*[ \t]*'
)
_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.\d+)?"
    r"(?:[Zz]|([+-])(\d\d):(\d\d))",
    re.ASCII,
)
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_MINUTES_OF_A_DAY = 24 * 60


@dataclass(frozen=True)
class Event:
    """A valid event of a type that the catalogue may or may not know."""

    id: str
    source: str
    type: str
    subject: str | None
    value: dict[str, Any] = field(repr=False)
    """The CloudEvent in its JSON format, as Python values."""
    text: str = field(repr=False)
    """The same, as it is stored and published: compact, otherwise as its publisher sent it."""
    digest: str = field(repr=False)
    """Tells an event that was sent again from another one under the same source and id."""

    def key(self, publisher: str) -> str:
        """The key under which the event of this publisher is stored: same identity, same key."""
        return event_key(publisher, self.source, self.id)


def event_key(publisher: str, source: str, id: str) -> str:
    """The publisher and a hash of source and id, which may hold any character and any length.

    The source's length goes first, so that no two pairs run together to the same text.
    """
    name = source.encode()
    return f"{publisher}#{_hash(b'%d:' % len(name) + name + id.encode())}"


def event_digest(exact: Mapping[str, Any], *, spelled: bool = True) -> str:
    """The digest of an event's canonical form; an attribute that is null counts as unset (JSON 2.2).

    `exact` and `spelled` are those of the event's document.
    """
    counted = {k: v for k, v in exact.items() if v is not None or k == "data"}
    return _hash(canonical(counted, spelled=spelled))


def timestamp(moment: datetime) -> str:
    """How times are written everywhere: RFC 3339, UTC, milliseconds, `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_timestamp(text: str) -> str:
    """The moment in a text of ISO 8601, as `timestamp` writes it; a ValueError without an offset."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise ValueError("a time without an offset")
        return timestamp(moment)
    except OverflowError:
        raise ValueError("a time that is out of range") from None


def read_event(document: Document) -> Event:
    """The event in a JSON document.

    Raises `Refused` (400) with every fault found, or (413) when the event is too large.
    """
    value = document.value
    if not isinstance(value, dict):
        raise Refused(
            Kind.NOT_A_CLOUDEVENT,
            "An event is a JSON object.",
            [Fault("", "must be a JSON object")],
        )
    id, source = value.get("id"), value.get("source")
    text = document.compact()
    # First of all, so that nothing below has to bear more than an event's length.
    size = len(text.encode())
    if size > MAX_EVENT_BYTES:
        raise Refused(
            Kind.EVENT_TOO_LARGE,
            f"The event takes {size} bytes as compact JSON; {MAX_EVENT_BYTES} are allowed.",
            id=id,
            source=source,
        )
    faults = [*attribute_faults(value), *_data_faults(value)]
    if faults:
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        raise Refused(
            Kind.NOT_A_CLOUDEVENT, f"The event has {count}.", faults, id=id, source=source
        )
    return Event(
        id=value["id"],
        source=value["source"],
        type=value["type"],
        subject=value.get("subject"),
        value=value,
        text=text,
        digest=event_digest(document.exact, spelled=document.spelled),
    )


def _hash(content: bytes) -> str:
    return urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()


def attribute_faults(value: Mapping[str, Any]) -> Iterator[Fault]:
    """What is wrong with an event's attributes."""
    for name in _REQUIRED:  # section 3.1; JSON section 2.2: null is the same as unset
        if value.get(name) is None:
            yield Fault(pointer(name), "is required")
    for name, attribute in value.items():
        if attribute is None or name in ("data", "data_base64"):
            continue
        if name not in _RULES and not _NAME.fullmatch(name):
            # Section 3 "Naming conventions".
            yield Fault(pointer(name), "an attribute's name has only the characters a-z and 0-9")
        elif fault := _attribute_fault(name, attribute):
            yield Fault(pointer(name), fault)


def _attribute_fault(name: str, value: Any) -> str | None:
    if isinstance(value, str):
        if not (value.isascii() and value.isprintable()) and _DISALLOWED.search(value):
            return "holds a control character or a Unicode noncharacter"
        rule = _RULES.get(name)
        return rule(value) if rule else None
    if name in _RULES:
        return "must be a string"
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return None if -(2**31) <= value < 2**31 else "an integer must fit into 32 bits"
    return "must be a string, a boolean or a whole number"


def _not_empty(value: str) -> str | None:
    return None if value else "must not be empty"


def _specversion(value: str) -> str | None:
    return None if value == "1.0" else 'must be "1.0"'


def _follows(grammar: re.Pattern[str], uri: str) -> bool:
    if not uri.isascii():
        # By a character that may stand wherever these may, which is anywhere but in the scheme.
        # Expressions that name their ranges themselves take a third of a cold start to compile.
        uri = _BEYOND_ASCII.sub("_", uri)
    if not grammar.fullmatch(uri):
        return False
    if "[" not in uri:
        return True
    literal = uri[uri.index("[") + 1 : uri.index("]")]
    return _IP_FUTURE.fullmatch(literal) is not None or _is_ipv6(literal)


def _is_ipv6(literal: str) -> bool:
    from ipaddress import IPv6Address  # which few events ever need

    try:
        IPv6Address(literal)
    except ValueError:
        return False
    return True


def _uri_reference(value: str) -> str | None:
    sound = value and _follows(_URI_REFERENCE, value)
    return None if sound else "must be a URI reference (RFC 3986)"


def _uri(value: str) -> str | None:
    # Section 2 "URI" is RFC 3986 section 4.3, which has no fragment.
    return (
        None
        if _follows(_ABSOLUTE_URI, value)
        else "must be an absolute URI without a fragment (RFC 3986 section 4.3)"
    )


def _media_type(value: str) -> str | None:
    return None if _MEDIA_TYPE.fullmatch(value) else "must be a media type (RFC 2046)"


def _time(value: str) -> str | None:
    match = _TIME.fullmatch(value)
    if match:
        year, month, day, hour, minute, second = map(int, match.groups()[:6])
        sign, offset_hours, offset_minutes = match[7] or "+", int(match[8] or 0), int(match[9] or 0)
        leap_day = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        if (
            1 <= month <= 12
            and 1 <= day <= (days := _DAYS[month - 1] + leap_day)
            and hour < 24
            and minute < 60
            and offset_hours < 24
            and offset_minutes < 60
        ):
            offset = int(f"{sign}1") * (offset_hours * 60 + offset_minutes)
            if second < 60 or (
                second == 60 and _ends_a_month(day, days, hour * 60 + minute - offset)
            ):
                return None
    return "must be a time (RFC 3339), such as 2026-11-24T09:30:00Z"


def _ends_a_month(day: int, days: int, minute: int) -> bool:
    """Whether this is a month's last minute in UTC, which a leap second may end (RFC 3339 section 5.7).

    `minute` is counted in UTC from the midnight that began the local day, and may lie in the day before
    or after that.
    """
    later, minute = divmod(minute, _MINUTES_OF_A_DAY)
    return minute == _MINUTES_OF_A_DAY - 1 and (day + later) % days == 0


_RULES = {
    "specversion": _specversion,
    "id": _not_empty,
    "source": _uri_reference,
    "type": _not_empty,
    "datacontenttype": _media_type,
    "dataschema": _uri,
    "subject": _not_empty,
    "time": _time,
}


def is_media_type(value: str) -> bool:
    """Whether `value` is a media type with its parameters, if any (RFC 2046)."""
    return _MEDIA_TYPE.fullmatch(value) is not None


def declares_json(content_type: str | None) -> bool:
    """Whether data of this content type is JSON (JSON section 3.1.1); unset means that it is."""
    if content_type is None or content_type == "application/json":
        return True
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type.endswith(("/json", "+json"))


def _data_faults(value: dict[str, Any]) -> Iterator[Fault]:
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
