"""Tells which regions have published the events of one, for a look at many of them in no order."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Mapping
from threading import Lock

from eventing.receipts import HASH_BYTES, Hashes, event_hash, partition_of
from eventing.timestamps import read_moment
from functions.shared.event_scan import StoredEvent
from functions.shared.receipt_reader import ReceiptReader

MOST_BYTES = 512 * 1024**2
"""Of hashes that are held: the receipts of 33 million events. Of more, some are read again and again."""


class Published:
    """The events of a region that any region has published, as far as it was known at the first look.

    A partition of receipts is read when the first of its events is asked for. Several threads may ask.
    """

    def __init__(self, reader: ReceiptReader, *, region: str, most_bytes: int = MOST_BYTES) -> None:
        self._reader = reader
        self._region = region
        self._most = most_bytes // HASH_BYTES
        self._held: OrderedDict[str, Mapping[str, Hashes]] = OrderedDict()
        self._count = 0
        self._lock = Lock()

    def __contains__(self, event: StoredEvent) -> bool:
        return bool(self.regions(event))

    def regions(self, event: StoredEvent) -> list[str]:
        """The regions that have published the event."""
        accepted_at = read_moment(event.accepted_at)
        partition = partition_of(event.key, accepted_at=accepted_at, region=self._region)
        hashed = event_hash(event.key)
        return [region for region, some in self._hashes(partition).items() if hashed in some]

    def _hashes(self, partition: str) -> Mapping[str, Hashes]:
        """By the region that has published them, the hashes of a partition."""
        with self._lock:
            if (found := self._held.get(partition)) is not None:
                self._held.move_to_end(partition)
                return found
        # Two threads that read the same one lose a moment, and nothing else.
        packed: dict[str, list[bytes]] = defaultdict(list)
        for one in self._reader.partition(partition):
            packed[one.region] += one.hashes
        read = {region: Hashes(some) for region, some in packed.items()}
        with self._lock:
            if partition not in self._held:
                self._held[partition] = read
                self._count += _count(read)
            while self._count > self._most and len(self._held) > 1:
                _, oldest = self._held.popitem(last=False)
                self._count -= _count(oldest)
        return read


def _count(hashes: Mapping[str, Hashes]) -> int:
    return sum(map(len, hashes.values()))
