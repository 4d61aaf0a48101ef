"""Receipts: proof that a region has published events, in some twenty bytes for each.

A receipt names the events that SNS has taken at about one time by hashes of their keys. It stands in a
partition of the region that took its events, of the minute in which they were accepted and of the first bits
of the hashes, so that whoever knows an event finds its receipt. It names the region that has published them:
another one, where that has adopted them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256

from eventing.event import sha256_text
from eventing.timestamps import minute_of

HASH_BYTES = 16
PARTITIONS = 4
"""Of each minute and region: as many as two bits tell apart."""
_BITS = 2
_SORT_CHARACTERS = 22  # of base64url: 16 bytes


@dataclass(frozen=True, slots=True)
class Taken:
    """An event that SNS has taken; `key` is the event's in the Events table."""

    key: str
    topic: str
    accepted_at: datetime
    origin: str | None = None
    """The region that took it from its publisher; None: the one that has published it."""


@dataclass(frozen=True)
class Receipt:
    """A receipt of some events of a partition. The same events have the same one in a region, at any time."""

    partition: str
    sort: str
    minute: datetime
    """The one in which its events were accepted."""
    hashes: Mapping[str, bytes] = field(repr=False)
    """By topic: the hashes of its events, one after the other."""

    @property
    def events(self) -> int:
        """The number of its events."""
        return sum(map(len, self.hashes.values())) // HASH_BYTES


def receipts(taken: Collection[Taken], *, region: str) -> list[Receipt]:
    """The receipts of events that this region has published: one for each partition."""
    # Events of a request share the moment.
    minutes = {moment: minute_of(moment) for moment in {one.accepted_at for one in taken}}
    partitions: dict[tuple[str, datetime, int], dict[str, set[bytes]]] = defaultdict(dict)
    for one in taken:
        hashed = event_hash(one.key)
        place = one.origin or region, minutes[one.accepted_at], part_of(hashed)
        partitions[place].setdefault(one.topic, set()).add(hashed)
    made = []
    for (origin, minute, number), topics in partitions.items():
        hashes = {topic: b"".join(sorted(topics[topic])) for topic in sorted(topics)}
        content = b"".join(topic.encode() + b"\n" + packed for topic, packed in hashes.items())
        # Of two regions that have published the same, each has its own.
        sort = sha256_text(region.encode() + b"\n" + content)[:_SORT_CHARACTERS]
        made.append(Receipt(_partition(origin, minute, number), sort, minute, hashes))
    return made


def event_hash(key: str) -> bytes:
    """The hash of an event's key: 16 bytes that differ for all events that will ever be."""
    return sha256(key.encode()).digest()[:HASH_BYTES]


def part_of(hashed: bytes) -> int:
    """The number of the partition, of its minute and region, in which this hash is."""
    return hashed[0] >> (8 - _BITS)


def partition_of(key: str, *, accepted_at: datetime, region: str) -> str:
    """The partition that has the receipt of this event, which this region took, whoever has published it."""
    return _partition(region, minute_of(accepted_at), part_of(event_hash(key)))


def partitions_of(minute: datetime, *, region: str) -> list[str]:
    """The partitions that have all receipts of what this region took in this minute."""
    return [_partition(region, minute, number) for number in range(PARTITIONS)]


def topic_of(key: str, hashes: Mapping[str, bytes]) -> str | None:
    """The topic that a receipt with these hashes says the event was published to; None: it is not in it."""
    wanted = event_hash(key)
    return next((topic for topic, packed in hashes.items() if holds(packed, wanted)), None)


class Hashes:
    """The hashes of many events, in as little memory as they need."""

    def __init__(self, packed: Collection[bytes]) -> None:
        """`packed` is as receipts have them: hashes one after the other."""
        self._sorted = b"".join(sorted({one for some in packed for one in split(some)}))

    def __len__(self) -> int:
        return len(self._sorted) // HASH_BYTES

    def __contains__(self, hashed: bytes) -> bool:
        at = bisect_left(range(len(self)), hashed, key=self._at)
        return at < len(self) and self._at(at) == hashed

    def _at(self, number: int) -> bytes:
        return self._sorted[number * HASH_BYTES : (number + 1) * HASH_BYTES]


def split(packed: bytes) -> list[bytes]:
    """Hashes, one after the other, each by itself."""
    return [packed[at : at + HASH_BYTES] for at in range(0, len(packed), HASH_BYTES)]


def units(events: float) -> float:
    """Write units in each region for the receipts of so many events, published and accepted together.

    They fall into the partitions by chance, and an item of one unit has room for all that do: 100 events are
    four items with 25 hashes each, of 500 bytes.
    """
    missed: float = (1 - 1 / PARTITIONS) ** events
    return PARTITIONS * (1 - missed)


def holds(packed: bytes, wanted: bytes) -> bool:
    """True when hashes, one after the other, have this one among them."""
    at = packed.find(wanted)
    while at >= 0 and at % HASH_BYTES:
        # The end of one hash and the beginning of the next.
        at = packed.find(wanted, at + 1)
    return at >= 0


def _partition(region: str, minute: datetime, number: int) -> str:
    return f"{region}#{minute.astimezone(UTC):%Y-%m-%dT%H:%M}#{number}"
