"""Evidence: the lines that findings point at, and from them the publisher, the events and their topics.

A line's values stay here. What leaves names an event by its id, source and type; where a finding points at
one of these, that one is withheld, since it is what was found.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from eventing.archive_line import ArchiveLine, InvalidLine, read_line
from eventing.event import event_key
from eventing.foreign_text import plain
from eventing.json_text import parse
from eventing.routing import NoRoute, Router
from eventing.sensitive_data.finding import Finding, Place

MAX_EVENTS = 50
"""So many events are named; the others are counted."""
# Of events that a finding may be about; more of them are counted, and not looked at.
_MAX_LOOKED_AT = 1000
_MAX_FIELDS = 20
_MAX_TEXT = 256
MAX_COUNTED = 100_000
"""Distinct events of an hour that are counted; there are more than that then."""


@dataclass(frozen=True, kw_only=True)
class NamedEvent:
    """An event that sensitive data was found in. What is None is withheld, or could not be read."""

    line: int
    """Of the object, from 0."""
    key: str
    """Its key in the Events table, which tells nothing of what is in it."""
    id: str | None
    source: str | None
    type: str | None
    topic: str | None
    """Where it goes by the catalogue that is deployed now; None where no topic takes it."""
    fields: tuple[str, ...]
    """Within the event; none where the findings tell no place."""


def _nothing(_type: str, _path: str, _kind: str) -> bool:
    return False


@dataclass
class Evidence:
    """What findings lead to in an object, line after line; `by_key` is the publisher that its key names.

    `expects` says of a type, of a field as findings name it, and of a kind whether such data may be there.
    """

    findings: Sequence[Finding]
    router: Router
    by_key: str | None
    expects: Callable[[str, str, str], bool] = _nothing
    events: list[NamedEvent] = field(default_factory=list)
    """The first ones of them."""
    count: int = 0
    """Of all events that are meant, as far as they could be told."""
    surprising: int = 0
    """Those of them that have sensitive data where it may not be."""
    unread: int = 0
    """Lines that are meant and are no lines of the archive, or are not there."""
    publishers: set[str] = field(default_factory=set)
    """Whom the lines name."""
    types: Counter[str] = field(default_factory=Counter)
    topics: Counter[str] = field(default_factory=Counter)
    _keys: set[str] = field(default_factory=set)
    _places: dict[int, list[Place]] = field(default_factory=lambda: defaultdict(list))

    def __post_init__(self) -> None:
        for finding in self.findings:
            for place in finding.places:
                if place.record is not None:
                    self._places[place.record].append(place)
        self.missing = set(self._places)
        """Lines that are meant and have not come yet."""

    @property
    def whole(self) -> bool:
        """A finding names no line: every event of the object is meant."""
        return any(all(p.record is None for p in one.places) for one in self.findings)

    @property
    def complete(self) -> bool:
        """No further line is meant."""
        return not self.missing and not self.whole

    @property
    def at_least(self) -> bool:
        """There may be more events than were counted: findings name a sample of the places."""
        return any(one.more for one in self.findings) or self.unread > 0

    @property
    def publisher(self) -> str | None:
        """Who sent the events: as the lines say, and the object's key; None where these disagree."""
        named = self.publishers or ({self.by_key} if self.by_key else set())
        if len(named) != 1:
            return None
        (name,) = named
        return name if self.by_key in (name, None) else None

    @property
    def expected(self) -> bool:
        """All that the findings name may be where it is."""
        return self.count > 0 and not self.surprising and not self.unread

    def wants(self, line: int) -> bool:
        """True for a line to be taken."""
        return self.whole or line in self._places

    def take(self, line: int, content: bytes) -> None:
        """Take a line that is wanted."""
        self.missing.discard(line)
        try:
            read = read_line(content.decode())
        except (InvalidLine, UnicodeDecodeError):
            self.unread += 1
            return
        self.publishers.add(read.publisher)
        event = _Event.read(read)
        if event.key in self._keys:
            return  # archived again, when it was sent again
        self._keys.add(event.key)
        self.count += 1
        places = self._places.get(line, ())
        if not (places and all(self.expects(event.type or "", p.path, p.kind) for p in places)):
            self.surprising += 1
        if self.count > _MAX_LOOKED_AT:
            return
        topic = event.topic(self.router)
        if topic is not None:
            self.topics[topic] += 1
        named = _named(line, event, topic, places)
        if named.type is not None:
            self.types[named.type] += 1
        if len(self.events) < MAX_EVENTS:
            self.events.append(named)

    def end(self) -> None:
        """Note that there are no more lines."""
        self.unread += len(self.missing)
        self.missing.clear()


@dataclass
class HourCount:
    """Counts the events of an hour by type, of these types, each once however often it was archived."""

    types: Collection[str]
    counts: Counter[str] = field(default_factory=Counter)
    _keys: set[str] = field(default_factory=set)

    @property
    def full(self) -> bool:
        """So many were counted that no more are."""
        return len(self._keys) >= MAX_COUNTED

    def take(self, lines: Iterable[bytes]) -> None:
        """Count these lines; what is no line of the archive does not count."""
        for content in lines:
            if self.full:
                return
            try:
                event = _Event.read(read_line(content.decode()))
            except (InvalidLine, UnicodeDecodeError):
                continue
            if event.type in self.types and event.key not in self._keys:
                self._keys.add(event.key)
                self.counts[str(event.type)] += 1


@dataclass(frozen=True)
class _Event:
    key: str
    id: str | None
    source: str | None
    type: str | None
    value: Mapping[str, object] = field(repr=False)

    @classmethod
    def read(cls, line: ArchiveLine) -> _Event:
        value = parse(line.event_text).value
        id, source, type = (
            text if isinstance(text := value.get(name), str) else None
            for name in ("id", "source", "type")
        )
        return cls(event_key(line.publisher, source or "", id or ""), id, source, type, value)

    def topic(self, router: Router) -> str | None:
        if self.type is None:
            return None
        try:
            return router.route(self.type, self.value)
        except NoRoute:
            return None


def _named(line: int, event: _Event, topic: str | None, places: Sequence[Place]) -> NamedEvent:
    found = {place.attribute for place in places}
    shown = {
        name: None if name in found or text is None else plain(text, _MAX_TEXT)
        for name, text in (("id", event.id), ("source", event.source), ("type", event.type))
    }
    fields = dict.fromkeys(place.field for place in places if place.path)
    return NamedEvent(
        line=line, key=event.key, topic=topic, fields=tuple(fields)[:_MAX_FIELDS], **shown
    )
