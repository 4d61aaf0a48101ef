"""Finds the events that counts say are missing or were published twice, by their keys."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Any

from eventing.proof.request import ProofRequest
from eventing.receipts import event_hash
from eventing.timestamps import minute_of, read_moment
from functions.prover.letters import hashes_by_minute
from functions.shared.event_scan import StoredEvent
from functions.shared.letters import Letters
from functions.shared.published import Published
from functions.shared.receipt_reader import ReceiptReader
from functions.shared.table_walk import Position, TableWalk

MOST_NAMED = 100
"""Of each kind: all are counted."""


@dataclass
class Named:
    """Events by their keys, as operators see them: the first that were found."""

    unproven: list[dict[str, str]] = field(default_factory=list)
    twice: list[dict[str, str]] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock, repr=False)

    def add(self, kind: str, event: StoredEvent) -> None:
        """Take note of one, as long as there is room."""
        names = self.twice if kind == "twice" else self.unproven
        with self.lock:
            if len(names) < MOST_NAMED:
                told = {"key": event.key, "publisher": event.publisher}
                names.append({**told, "accepted_at": event.accepted_at})

    def members(self) -> dict[str, Any]:
        """As JSON."""
        return {"unproven": list(self.unproven), "twice": list(self.twice)}


class Naming:
    """Looks through the table for events of some minutes."""

    def __init__(
        self, *, walk: TableWalk, receipts: ReceiptReader, letters: Letters, here: str
    ) -> None:
        self._walk = walk
        self._receipts = receipts
        self._letters = letters
        self._here = here

    def page(
        self,
        request: ProofRequest,
        minutes: Collection[datetime],
        position: Position,
        named: Named,
        *,
        ends: float,
    ) -> Position:
        """Read on until `ends` (of the clock's `monotonic`), and add to `named`; the position then.

        Its counts: events `unproven`, `twice`, and `erased` ones without a receipt. Raises what the SDK
        raises.
        """
        published = Published(self._receipts, region=self._here)
        by_minute = hashes_by_minute(self._letters, request)

        def see(events: Sequence[StoredEvent]) -> Counter[str]:
            counts: Counter[str] = Counter()
            for event in events:
                minute = minute_of(read_moment(event.accepted_at))
                if minute not in minutes:
                    continue
                regions = published.regions(event)
                if len(regions) > 1:
                    kind = "twice"
                elif regions or event_hash(event.key) in by_minute.get(minute, ()):
                    continue
                else:
                    kind = "erased" if event.erased else "unproven"
                counts[kind] += 1
                if kind != "erased":
                    named.add(kind, event)
            return counts

        return self._walk.page(
            position,
            region=self._here,
            start=min(minutes),
            end=request.end,
            ends=ends,
            see=see,
        )
