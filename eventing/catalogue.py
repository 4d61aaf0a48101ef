"""The catalogue: topics, event types with their schemas, and usage plans, as plain data.

`docs/catalogue.md` describes the files. `Catalogue.load` checks everything and is what a synth and
the commands call; `Catalogue.read` trusts files that a synth has checked, and is what functions call.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from hashlib import sha256
from math import inf
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar, cast

from eventing.json_text import parse

V = TypeVar("V")
Period = Literal["DAY", "WEEK", "MONTH"]
Mode = Literal["enforce", "warn"]

TOPICS = "topics.json"
EVENT_TYPES = "event-types.json"
USAGE_PLANS = "usage-plans.json"

# Of SNS: a topic's default and greatest MaximumMessageSize.
SNS_BYTES = 256 * 1024
_MOST_SNS_BYTES = 1024 * 1024

_TOPIC_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")
_PATTERN = re.compile(r"\*|[^*]*[^*.]\.\*|[^*]+")
# Of API Gateway (CreateUsagePlan, QuotaSettings "period").
_PERIODS = ("DAY", "WEEK", "MONTH")


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
    """What a publisher may send: requests per second, a burst above it, and a quota."""

    rate_per_second: float
    burst: int
    quota: Quota | None = None


class TypePatterns(Generic[V]):
    """Finds what was filed under the patterns that an event type matches, in the order of filing.

    A pattern is a type, or a prefix of whole segments followed by `.*`, or `*`. A look-up costs one
    dictionary access for each segment of the type, however many patterns there are.
    """

    def __init__(
        self, entries: Iterator[tuple[str, V]] | Mapping[str, V] | list[tuple[str, V]]
    ) -> None:
        self._filed: dict[str, list[tuple[int, V]]] = {}
        pairs = entries.items() if isinstance(entries, Mapping) else entries
        for order, (pattern, value) in enumerate(pairs):
            self._filed.setdefault(pattern, []).append((order, value))
        # The same few types come again and again, but a publisher can make up any number of them.
        self._match = lru_cache(maxsize=1024)(self._look_up)

    def matches(self, type: str) -> Sequence[V]:
        """All values whose pattern matches `type`, first filed first."""
        return self._match(type)

    def _look_up(self, type: str) -> list[V]:
        found = [*self._filed.get(type, ()), *self._filed.get("*", ())]
        dot = type.find(".")
        while dot != -1:
            found += self._filed.get(f"{type[:dot]}.*", ())
            dot = type.find(".", dot + 1)
        if len(found) > 1:
            found.sort(key=lambda entry: entry[0])
        return [value for _, value in found]


def covers(pattern: str, other: str) -> bool:
    """Whether every type that `other` matches is matched by `pattern`."""
    if pattern == "*" or pattern == other:
        return True
    return pattern.endswith(".*") and other.startswith(pattern[:-1])


@dataclass(frozen=True)
class Catalogue:
    """Topics and event types in file order (the first match wins), and usage plans by name."""

    topics: tuple[Topic, ...]
    event_types: tuple[EventType, ...]
    usage_plans: Mapping[str, UsagePlan]
    digest: str
    """Changes whenever anything that decides an event's fate changes."""

    @classmethod
    def read(cls, folder: Path) -> Catalogue:
        """The catalogue in `folder`.

        Raises `CatalogueError` for a file that is missing, is not JSON or has entries of the wrong
        form; what only shows when patterns, conditions and schemas are put together is left to `load`.
        """
        topics = _objects(folder, TOPICS, "topics", _topic)
        event_types = _objects(folder, EVENT_TYPES, "event_types", partial(_event_type, folder))
        plans = _json(folder, USAGE_PLANS).get("usage_plans")
        if not isinstance(plans, dict):
            raise CatalogueError(USAGE_PLANS, "", 'must be an object with a member "usage_plans"')
        usage_plans = {name: _usage_plan(name, plan) for name, plan in plans.items()}
        content = json.dumps(
            [
                [[t.name, [[r.type, r.when] for r in t.rules]] for t in topics],
                [[e.type, e.mode, e.schema] for e in event_types],
            ],
            sort_keys=True,
        )
        return cls(topics, event_types, usage_plans, sha256(content.encode()).hexdigest()[:16])

    @classmethod
    def load(cls, folder: Path) -> Catalogue:
        """The catalogue in `folder`, with everything in it checked; raises `CatalogueError`."""
        # Each pulls in a library that only one of the functions needs.
        from eventing.routing import Router
        from eventing.schemas import Schemas

        catalogue = cls.read(folder)
        _check_topics(catalogue)
        _check_event_types(catalogue)
        Router(catalogue)
        Schemas(catalogue)
        return catalogue

    def topic(self, name: str) -> Topic | None:
        """The topic of this name."""
        return next((topic for topic in self.topics if topic.name == name), None)


def _check_topics(catalogue: Catalogue) -> None:
    seen: list[tuple[str, Rule]] = []
    names: set[str] = set()
    for topic in catalogue.topics:
        if topic.name in names:
            raise CatalogueError(TOPICS, topic.name, "the name is taken by an earlier topic")
        names.add(topic.name)
        for rule in topic.rules:
            if not any(
                covers(rule.type, e.type) or covers(e.type, rule.type)
                for e in catalogue.event_types
            ):
                raise CatalogueError(
                    TOPICS, topic.name, f"{EVENT_TYPES} has no type that {rule.type!r} could match"
                )
            for name, earlier in seen:
                if earlier.when is None and covers(earlier.type, rule.type):
                    raise CatalogueError(
                        TOPICS,
                        topic.name,
                        f"{rule.type!r} never gets an event: {name} takes {earlier.type!r} before it",
                    )
            seen.append((topic.name, rule))


def _check_event_types(catalogue: Catalogue) -> None:
    seen: list[str] = []
    rules = [rule for topic in catalogue.topics for rule in topic.rules]
    for event_type in catalogue.event_types:
        for earlier in seen:
            if covers(earlier, event_type.type):
                raise CatalogueError(
                    EVENT_TYPES, event_type.type, f"never applies: {earlier!r} stands before it"
                )
        seen.append(event_type.type)
        if not any(
            covers(r.type, event_type.type) or covers(event_type.type, r.type) for r in rules
        ):
            raise CatalogueError(EVENT_TYPES, event_type.type, f"no topic in {TOPICS} takes it")


def _json(folder: Path, name: str) -> dict[str, Any]:
    try:
        content = parse((folder / name).read_text("utf-8")).value
    except OSError:
        raise CatalogueError(name, "", f"there is no such file in {folder}") from None
    except ValueError as error:
        raise CatalogueError(name, "", f"is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise CatalogueError(name, "", "must hold a JSON object")
    return content


def _objects(folder: Path, file: str, member: str, make: Callable[[Any, str], V]) -> tuple[V, ...]:
    entries = _json(folder, file).get(member)
    if not isinstance(entries, list) or not entries:
        raise CatalogueError(
            file, "", f'must be an object with a list "{member}" that is not empty'
        )
    return tuple(make(entry, f"entry {number}") for number, entry in enumerate(entries, 1))


class _Entry:
    """Reads the members of one entry and complains in its name."""

    def __init__(
        self, file: str, content: Any, title: str, members: tuple[str, ...], named_by: str = ""
    ) -> None:
        self.file, self.title = file, title
        if not isinstance(content, dict):
            self.fail("must be an object")
        self.content = content
        if isinstance(name := content.get(named_by), str) and name:
            self.title = name
        if unknown := sorted(set(content) - set(members)):
            self.fail(f"unknown member {unknown[0]!r}; known are {', '.join(members)}")

    def fail(self, reason: str) -> Any:
        raise CatalogueError(self.file, self.title, reason)

    def text(self, member: str, default: str | None = None) -> str:
        value = self.content.get(member, default)
        if not isinstance(value, str) or (not value and default is None):
            self.fail(f"{member!r} must be a text that is not empty")
        return cast("str", value)

    def pattern(self, member: str) -> str:
        value = self.text(member)
        if not _PATTERN.fullmatch(value):
            self.fail(f"{value!r} is no type pattern: a type, a prefix followed by '.*', or '*'")
        return value


def _topic(content: Any, title: str) -> Topic:
    members = ("name", "description", "events", "max_bytes")
    entry = _Entry(TOPICS, content, title, members, named_by="name")
    name = entry.text("name")
    if not _TOPIC_NAME.fullmatch(name):
        entry.fail("a name has up to 64 of a-z, 0-9 and '-', the first a letter")
    rules = content.get("events")
    if not isinstance(rules, list) or not rules:
        entry.fail("'events' must be a list that is not empty")
    parsed = []
    for content_of_rule in rules:
        rule = _Entry(TOPICS, content_of_rule, name, ("type", "when"))
        when = rule.text("when") if "when" in content_of_rule else None
        parsed.append(Rule(rule.pattern("type"), when))
    max_bytes = content.get("max_bytes", SNS_BYTES)
    if type(max_bytes) is not int or not SNS_BYTES <= max_bytes <= _MOST_SNS_BYTES:
        entry.fail(f"'max_bytes' is a whole number from {SNS_BYTES} to {_MOST_SNS_BYTES}")
    return Topic(name, entry.text("description", ""), tuple(parsed), max_bytes)


def _event_type(folder: Path, content: Any, title: str) -> EventType:
    members = ("type", "description", "schema", "mode")
    entry = _Entry(EVENT_TYPES, content, title, members, named_by="type")
    mode = entry.text("mode", "enforce")
    if mode not in ("enforce", "warn"):
        entry.fail(f"'mode' is 'enforce' or 'warn', not {mode!r}")
    file = entry.text("schema") if "schema" in content else None
    schema = None
    if file:
        try:
            schema = parse((folder / file).read_text("utf-8")).value
        except OSError:
            entry.fail(f"there is no schema file {file!r}")
        except ValueError as error:
            entry.fail(f"the schema file {file!r} is not JSON: {error}")
    return EventType(
        entry.pattern("type"), entry.text("description", ""), cast("Mode", mode), file, schema
    )


def _usage_plan(name: str, content: Any) -> UsagePlan:
    entry = _Entry(USAGE_PLANS, content, name, ("rate_per_second", "burst", "quota"))
    rate, burst, quota = (content.get(m) for m in ("rate_per_second", "burst", "quota"))
    if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 < rate < inf:
        entry.fail("'rate_per_second' must be a number above 0")
    if isinstance(burst, bool) or not isinstance(burst, int) or burst < 1:
        entry.fail("'burst' must be a whole number of at least 1")
    if quota is None:
        return UsagePlan(rate, burst)
    _Entry(USAGE_PLANS, quota, name, ("limit", "period"))
    limit, period = quota.get("limit"), quota.get("period")
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        entry.fail("'quota.limit' must be a whole number of at least 1")
    if period not in _PERIODS:
        entry.fail(f"'quota.period' is one of {', '.join(_PERIODS)}")
    return UsagePlan(rate, burst, Quota(limit, period))
