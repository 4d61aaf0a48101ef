"""Findings of Macie, read as foreign text: kinds, counts and places, and never a value.

Their form is that of "Findings" in the Amazon Macie API reference, and of "JSON schema for sensitive data
locations" in its user guide.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from eventing.foreign_text import plain

Severity = Literal["low", "medium", "high"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""The least severe first."""

MAX_PATH = 250
"""Macie cuts a path there, and so do we."""
# Macie names 15 places for each detection; so many in all are more than anybody reads.
MAX_PLACES = 1000
_MAX_KINDS = 100
_MAX_KIND = 100
# Of Macie: a hexadecimal digest or a UUID. Names of objects are made of it.
_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
# Of S3.
_MAX_KEY, _MAX_VERSION = 1024, 1024
# The attribute of the event that a path leads into, in either way to write it.
_ATTRIBUTE = re.compile(r"\$(?:\.event|\['event'\])(?:\.([^.\['\]]+)|\['([^']+)'\])")


class Unreadable(ValueError):  # noqa: N818 - named for what it says of a finding
    """A finding whose object can't be told; the message says why, without its content."""


class NotOurs(ValueError):  # noqa: N818 - named for what it says of a finding
    """A finding about another bucket or account, or of another kind."""


@dataclass(frozen=True)
class Place:
    """A place that a finding names."""

    record: int | None
    """The line of the object, from 0; None where the finding does not say."""
    path: str
    """The field, as Macie writes it (`$.event.data.card`), clipped and escaped; empty where not told."""
    kind: str = ""
    """The kind of sensitive data that is there."""

    @property
    def attribute(self) -> str | None:
        """The attribute of the event that the field is in, such as `data`; None where nobody knows."""
        found = _ATTRIBUTE.match(self.path)
        return (found[1] or found[2]) if found else None

    @property
    def field(self) -> str:
        """The field within the event, as people read it; empty where it is not told."""
        found = _ATTRIBUTE.match(self.path)
        return f"{self.attribute}{self.path[found.end() :]}" if found else self.path


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A finding on an object of the archive."""

    id: str
    type: str
    severity: Severity
    created_at: str
    key: str
    """The object's."""
    version: str | None
    kinds: Mapping[str, int]
    """How often each kind of sensitive data is there, by Macie's names, or those of custom identifiers."""
    places: tuple[Place, ...]
    """A sample: Macie names 15 for each kind."""
    more: bool
    """There is more than the places tell."""


def read_finding(detail: Any, *, bucket: str, account: str) -> Finding:
    """Read the finding in the `detail` of an event, or in an answer of GetFindings.

    Raises `NotOurs` when it is not about sensitive data in this bucket, and `Unreadable`.
    """
    category = _text(detail, "category")
    found_bucket = _text(detail, "resourcesAffected", "s3Bucket", "name")
    if category != "CLASSIFICATION":
        raise NotOurs("the finding is not about sensitive data in an object")
    if found_bucket != bucket:
        raise NotOurs("the finding is about another bucket")
    if _text(detail, "accountId") not in (account, None):
        raise NotOurs("the finding is about another account")
    id, key = _text(detail, "id"), _text(detail, "resourcesAffected", "s3Object", "key")
    if id is None or not _ID.fullmatch(id):
        raise Unreadable("the finding has no id")
    if not key or len(key) > _MAX_KEY:
        raise Unreadable("the finding names no object")
    version = _text(detail, "resourcesAffected", "s3Object", "versionId")
    detections = list(_detections(_at(detail, "classificationDetails", "result")))
    kinds = Counter[str]()
    places: dict[Place, None] = {}
    for kind, count, of_kind in detections[:_MAX_KINDS]:
        kinds[kind] += max(count, len(of_kind))
        places |= dict.fromkeys(of_kind)
    named = sum(len(of_kind) for _, _, of_kind in detections)
    additional = _at(detail, "classificationDetails", "result", "additionalOccurrences")
    return Finding(
        id=id,
        type=plain(_text(detail, "type") or "unknown", _MAX_KIND),
        severity=_severity(_text(detail, "severity", "description")),
        created_at=plain(_text(detail, "createdAt") or "", 40),
        key=key,
        version=version if version and len(version) <= _MAX_VERSION and version != "null" else None,
        kinds=dict(kinds),
        places=tuple(places)[:MAX_PLACES],
        more=additional is not False or sum(kinds.values()) > named or len(places) > MAX_PLACES,
    )


def finding_id(detail: Any) -> str | None:
    """The id that a finding has, however little else of it can be read."""
    id = _text(detail, "id")
    return id if id is not None and _ID.fullmatch(id) else None


def is_finding_id(text: str) -> bool:
    """True for a text that an id of Macie can be."""
    return _ID.fullmatch(text) is not None


def worst(severities: list[Severity]) -> Severity:
    """The most severe; `high` where there is none."""
    return max(severities, key=SEVERITIES.index, default="high")


def _severity(text: str | None) -> Severity:
    """The severity; `high` for one that nobody knows, so that it is not overlooked."""
    return next((one for one in SEVERITIES if one == (text or "").casefold()), "high")


def _detections(result: Any) -> Iterator[tuple[str, int, list[Place]]]:
    """Kind, count and places of each detection, of managed and of custom identifiers."""
    for group in _list(_at(result, "sensitiveData")):
        for one in _list(_at(group, "detections")):
            yield _detection(one, _name(_at(one, "type")))
    for one in _list(_at(result, "customDataIdentifiers", "detections")):
        yield _detection(one, _name(_at(one, "name")))


def _detection(detection: Any, kind: str) -> tuple[str, int, list[Place]]:
    return kind, _count(detection), list(_places(detection, kind))


def _places(detection: Any, kind: str) -> Iterator[Place]:
    occurrences = _at(detection, "occurrences")
    for record in _list(_at(occurrences, "records")):
        index, path = _at(record, "recordIndex"), _at(record, "jsonPath")
        yield Place(
            # `True` is an `int` in Python, but no number of a line.
            index if type(index) is int and index >= 0 else None,
            plain(path, MAX_PATH) if isinstance(path, str) else "",
            kind,
        )


def _name(value: Any) -> str:
    return plain(value, _MAX_KIND) if isinstance(value, str) and value else "unknown"


def _count(detection: Any) -> int:
    count = _at(detection, "count")
    return count if type(count) is int and count >= 0 else 0


def _at(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _text(value: Any, *path: str) -> str | None:
    found = _at(value, *path)
    return found if isinstance(found, str) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
