"""The catalogue: topics, event types with their schemas, and usage plans, as plain data.

`docs/catalogue.md` describes the files. `Catalogue.read` is what functions call: it trusts files that
`eventing.catalogue_check`, which a synth and the commands call, found sound.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal, Protocol, cast, get_args, overload

from eventing.json_text import parse
from eventing.limits import MAX_BATCH, MAX_BODY_BYTES
from eventing.members import (
    Members,
    Unfit,
    any_text,
    filled_list,
    flag,
    nullable,
    object_of,
    one_of,
    positive,
    text,
    whole,
)
from eventing.type_patterns import is_pattern

# Of API Gateway (CreateUsagePlan, QuotaSettings "period").
Period = Literal["DAY", "WEEK", "MONTH"]
Mode = Literal["enforce", "warn"]

TOPICS = "topics.json"
EVENT_TYPES = "event-types.json"
USAGE_PLANS = "usage-plans.json"

# Of SNS: a topic's default and greatest MaximumMessageSize.
SNS_BYTES = 256 * 1024
_MOST_SNS_BYTES = 1024 * 1024

_TOPIC_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")


class CatalogueError(ValueError):
    """A catalogue that cannot be used: the file, the entry and the reason."""

    def __init__(self, file: str, entry: str, reason: str) -> None:
        super().__init__(f"{file}: {entry + ': ' if entry else ''}{reason}")
        self.file, self.entry, self.reason = file, entry, reason


@dataclass(frozen=True)
class Rule:
    """Events that a topic takes: a type pattern and, optionally, a JMESPath condition on the event."""

    type: str
    when: str | None = None


@dataclass(frozen=True)
class Topic:
    """A topic and the events it takes; an event goes to the first topic that takes it."""

    name: str
    description: str
    rules: tuple[Rule, ...]
    max_bytes: int = SNS_BYTES
    """Of one message and of one batch: the `MaximumMessageSize` of the topic."""
    subscribers_expected: bool = True
    """With nobody subscribed to it, its events are lost on everybody."""


@dataclass(frozen=True)
class EventType:
    """An event type, or a pattern of them, and the JSON Schema of its `data`, if it has one."""

    type: str
    description: str
    mode: Mode = "enforce"
    schema_file: str | None = None
    schema: Any = field(default=None, repr=False)


@dataclass(frozen=True)
class Quota:
    """So many requests a period."""

    limit: int
    period: Period


@dataclass(frozen=True)
class UsagePlan:
    """The limits of a publisher: requests per second, a burst above it, a quota, and what a request holds."""

    rate_per_second: float
    burst: int
    quota: Quota | None = None
    max_events: int = MAX_BATCH
    """In one request."""
    max_body_bytes: int = MAX_BODY_BYTES
    """Of one request, as it is sent."""


class File(Protocol):
    """A file of a catalogue; `read_text` raises OSError when there is none."""

    def read_text(self, encoding: str, /) -> str: ...


class Folder(Protocol):
    """The files of a catalogue, by their paths: a `pathlib.Path`, for one. The rules read no disk."""

    def __truediv__(self, path: str, /) -> File: ...


@dataclass(frozen=True)
class Catalogue:
    """Topics and event types in file order (the first match wins), and usage plans by name."""

    topics: tuple[Topic, ...]
    event_types: tuple[EventType, ...]
    usage_plans: Mapping[str, UsagePlan]
    digest: str
    """Changes whenever anything changes that decides what becomes of an event."""

    @classmethod
    def read(cls, folder: Folder) -> Catalogue:
        """The catalogue in `folder`.

        Raises `CatalogueError` for a file that is missing, is not JSON or has entries of the wrong
        form; what only shows when patterns, conditions and schemas meet is left to `load_catalogue`.
        """
        topics = tuple(_topic(*entry) for entry in _entries(folder, TOPICS, "topics"))
        event_types = tuple(
            _event_type(folder, *entry) for entry in _entries(folder, EVENT_TYPES, "event_types")
        )
        plans = json_of(folder, USAGE_PLANS).get("usage_plans")
        if not isinstance(plans, dict):
            raise CatalogueError(USAGE_PLANS, "", 'must be an object with a member "usage_plans"')
        return cls.of(
            topics, event_types, {name: _usage_plan(name, plan) for name, plan in plans.items()}
        )

    @classmethod
    def of(
        cls,
        topics: tuple[Topic, ...],
        event_types: tuple[EventType, ...],
        usage_plans: Mapping[str, UsagePlan],
    ) -> Catalogue:
        """The catalogue of these entries, with its digest."""
        content = json.dumps(
            [
                [[t.name, [[r.type, r.when] for r in t.rules]] for t in topics],
                [[e.type, e.mode, e.schema] for e in event_types],
            ],
            sort_keys=True,
        )
        return cls(topics, event_types, usage_plans, sha256(content.encode()).hexdigest()[:16])

    def topic(self, name: str) -> Topic | None:
        """The topic of this name."""
        return next((topic for topic in self.topics if topic.name == name), None)


@overload
def json_of(folder: Folder, name: str) -> dict[str, Any]: ...
@overload
def json_of(folder: Folder, name: str, *, optional: bool) -> dict[str, Any] | None: ...
def json_of(folder: Folder, name: str, *, optional: bool = False) -> dict[str, Any] | None:
    """The object in a file of a catalogue; None where an `optional` one is missing.

    Raises `CatalogueError`.
    """
    try:
        content = parse((folder / name).read_text("utf-8")).value
    except OSError:
        if optional:
            return None
        raise CatalogueError(name, "", f"there is no such file in {folder}") from None
    except ValueError as error:
        raise CatalogueError(name, "", f"is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise CatalogueError(name, "", "must hold a JSON object")
    return content


def _entries(folder: Folder, file: str, member: str) -> Iterator[tuple[Any, str]]:
    """The entries of a file's list, each with the title that it goes by until it says its name."""
    entries = json_of(folder, file).get(member)
    if not isinstance(entries, list) or not entries:
        raise CatalogueError(
            file, "", f'must be an object with a list "{member}" that is not empty'
        )
    return ((entry, f"entry {number}") for number, entry in enumerate(entries, 1))


class CatalogueEntry(Members):
    """The members of one entry, or of an object within it, whose faults are told in its name."""

    def __init__(
        self, file: str, content: Any, title: str, known: Sequence[str], *, within: str = ""
    ) -> None:
        def complain(member: str, reason: str) -> CatalogueError:
            return CatalogueError(file, title, f"{within + member!r} {reason}")

        try:
            super().__init__(object_of(*known)(content), complain)
        except Unfit as unfit:
            raise CatalogueError(file, title, str(unfit)) from None


def _topic(content: Any, title: str) -> Topic:
    title = named(content, "name", title)
    known = ("name", "description", "events", "max_bytes", "subscribers_expected")
    entry = CatalogueEntry(TOPICS, content, title, known)
    rules = []
    name = entry.read("name", _topic_name)
    for content_of_rule in entry.read("events", filled_list):
        rule = CatalogueEntry(TOPICS, content_of_rule, name, ("type", "when"))
        rules.append(Rule(rule.read("type", _pattern), rule.read("when", text, None)))
    return Topic(
        name,
        entry.read("description", any_text, ""),
        tuple(rules),
        entry.read("max_bytes", whole(SNS_BYTES, _MOST_SNS_BYTES), SNS_BYTES),
        entry.read("subscribers_expected", flag, True),
    )


def _event_type(folder: Folder, content: Any, title: str) -> EventType:
    title = named(content, "type", title)
    entry = CatalogueEntry(EVENT_TYPES, content, title, ("type", "description", "schema", "mode"))
    file = entry.read("schema", text, None)
    schema = None
    if file:
        try:
            schema = parse((folder / file).read_text("utf-8")).value
        except OSError:
            reason = f"there is no schema file {file!r}"
            raise CatalogueError(EVENT_TYPES, title, reason) from None
        except ValueError as error:
            reason = f"the schema file {file!r} is not JSON: {error}"
            raise CatalogueError(EVENT_TYPES, title, reason) from None
    return EventType(
        entry.read("type", _pattern),
        entry.read("description", any_text, ""),
        cast("Mode", entry.read("mode", one_of(get_args(Mode)), "enforce")),
        file,
        schema,
    )


def _usage_plan(name: str, content: Any) -> UsagePlan:
    known = ("rate_per_second", "burst", "quota", "max_events", "max_body_bytes")
    entry = CatalogueEntry(USAGE_PLANS, content, name, known)
    return UsagePlan(
        entry.read("rate_per_second", positive),
        entry.read("burst", whole(1)),
        _quota(name, entry.read("quota", nullable(object_of()))),
        entry.read("max_events", whole(1, MAX_BATCH), MAX_BATCH),
        entry.read("max_body_bytes", whole(1, MAX_BODY_BYTES), MAX_BODY_BYTES),
    )


def _quota(name: str, content: Any) -> Quota | None:
    if content is None:
        return None
    entry = CatalogueEntry(USAGE_PLANS, content, name, ("limit", "period"), within="quota.")
    limit = entry.read("limit", whole(1))
    return Quota(limit, cast("Period", entry.read("period", one_of(get_args(Period)))))


def named(content: Any, member: str, title: str) -> str:
    """The name that an entry gives itself, or the title it has without one."""
    name = content.get(member) if isinstance(content, dict) else None
    return name if isinstance(name, str) and name else title


def _topic_name(value: Any) -> str:
    name = text(value)
    if not _TOPIC_NAME.fullmatch(name):
        raise Unfit(f"is {name!r}, and a name has up to 64 of a-z, 0-9 and '-', the first a letter")
    return name


def _pattern(value: Any) -> str:
    pattern = text(value)
    if not is_pattern(pattern):
        raise Unfit(
            f"must be a type, a prefix followed by '.*', or '*': {pattern!r} is no type pattern"
        )
    return pattern
