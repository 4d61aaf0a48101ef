"""The doorkeeper: all that ingestion asks of the registry, in one item for all publishers.

It holds those of whom there is something to say: who is suspended, may send some types only, or has limits
narrower than everybody's. Whoever is not in it is let in by API Gateway's check of the key alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from eventing.limits import MAX_BATCH, MAX_BODY_BYTES
from eventing.problem import Kind, Problem
from eventing.type_patterns import TypePatterns

if TYPE_CHECKING:
    # Ingestion, which reads the doorkeeper, starts without it.
    from eventing.publishers.registry import Publisher

MAX_BYTES = 128 * 1024
"""Of the whole item: every environment of ingestion reads it every few seconds."""
MAX_SUSPENDED_BYTES = 320 * 1024
"""The same, for a publisher that is to be stopped: there is room for that when there is none for limits."""

SUSPENDED = Problem(
    Kind.SUSPENDED,
    "The operators have suspended you: nothing is taken from you until they resume it. What was accepted "
    "before is published.",
)
"""The answer to who is suspended."""
_EVERYBODYS_LIMITS = (MAX_BATCH, MAX_BODY_BYTES)


class DoorkeeperFull(ValueError):  # noqa: N818 - what a change would make of it
    """A change would make the item larger than ingestion can be made to read."""


@dataclass(frozen=True)
class Entry:
    """What is said of one publisher; by default, nothing."""

    suspended: bool = False
    types: tuple[str, ...] | None = None
    """Patterns of the types that it may send; None for all."""
    max_events: int = MAX_BATCH
    """In one request."""
    max_body_bytes: int = MAX_BODY_BYTES

    def allows(self, type: str) -> bool:
        """Tell whether it may send events of this type."""
        if self.types is None:
            return True
        return bool(_patterns(self.types).matches(type))


_NOTHING = Entry()


@lru_cache(maxsize=256)
def _patterns(types: tuple[str, ...]) -> TypePatterns[bool]:
    return TypePatterns([(pattern, True) for pattern in types])


@dataclass(frozen=True)
class Doorkeeper:
    """What is said of all publishers, by name."""

    suspended: frozenset[str] = frozenset()
    types: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Of those that may send some types only."""
    limits: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Events and bytes of one request, of those that may send less than everybody."""

    def entry(self, name: str) -> Entry:
        """What is said of a publisher, known or not."""
        # Of most there is nothing to say, and each request asks twice.
        if name not in self.suspended and name not in self.types and name not in self.limits:
            return _NOTHING
        return Entry(
            name in self.suspended, self.types.get(name), *self.limits.get(name, _EVERYBODYS_LIMITS)
        )

    def with_entry(self, name: str, entry: Entry) -> Doorkeeper:
        """The doorkeeper that says this of a publisher, and of all others what it said.

        Raises `DoorkeeperFull` for what would be larger than it may be, unless it is no larger than now.
        """
        types, limits = dict(self.types), dict(self.limits)
        types.pop(name, None)
        limits.pop(name, None)
        if entry.types is not None:
            types[name] = entry.types
        if (own := (entry.max_events, entry.max_body_bytes)) != _EVERYBODYS_LIMITS:
            limits[name] = own
        others = self.suspended - {name}
        changed = Doorkeeper(others | {name} if entry.suspended else others, types, limits)
        size = len(changed.to_text().encode())
        room = MAX_SUSPENDED_BYTES if entry.suspended else MAX_BYTES
        if size > room and size > len(self.to_text().encode()):
            raise DoorkeeperFull(
                f"with {name} the list of publishers that are suspended, may send some types only, or have "
                f"limits narrower than {MAX_BATCH} events and {MAX_BODY_BYTES} bytes would take {size} "
                f"bytes, and it has room for {room}: restrict fewer, or by fewer patterns of types"
            )
        return changed

    def to_text(self) -> str:
        """As JSON; `read_doorkeeper` reads it again."""
        content = {
            "suspended": sorted(self.suspended),
            "types": self.types,
            "limits": self.limits,
        }
        return json.dumps(content, separators=(",", ":"), sort_keys=True)


def read_doorkeeper(text: str) -> Doorkeeper:
    """The doorkeeper in a text that `Doorkeeper.to_text` has made."""
    content: dict[str, Any] = json.loads(text)
    return Doorkeeper(
        frozenset(content["suspended"]),
        {name: tuple(types) for name, types in content["types"].items()},
        {name: (events, size) for name, (events, size) in content["limits"].items()},
    )


def entry_of(publisher: Publisher) -> Entry:
    """What the doorkeeper is to say of a publisher.

    One that is revoked is turned away like one that is suspended for as long as any key of it may be there.
    """
    if publisher.status == "revoked":
        return Entry(suspended=any(key.state != "retired" for key in publisher.keys))
    return Entry(
        publisher.status == "suspended",
        publisher.types,
        publisher.in_force.max_events,
        publisher.in_force.max_body_bytes,
    )
