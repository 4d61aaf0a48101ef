"""The letters that keep events of this region from being published, as a proof counts them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from eventing.cause import Code
from eventing.proof.request import ProofRequest
from eventing.receipts import event_hash
from eventing.redrive.filter import Filter
from eventing.redrive.ledger import Row, State
from eventing.timestamps import minute_of, read_moment, timestamp
from functions.shared.letters import Letters

# What is resolved has a receipt, or somebody wants to know.
_STATES: tuple[State, ...] = ("open", "redriving", "parked", "discarded")
# No letter failed before its event was accepted, but clocks differ.
_SKEW = timedelta(hours=1)


def hashes_by_minute(letters: Letters, request: ProofRequest) -> Mapping[datetime, set[bytes]]:
    """The hashes of the events in the window that have a letter, by the minute of acceptance.

    An event that was adopted is another region's, until its letter has failed again: the ledger's index
    does not tell then. Raises what the SDK raises.
    """
    start, end = timestamp(request.start), timestamp(request.end)

    def those_of(rows: Iterable[Row]) -> list[tuple[datetime, bytes]]:
        return [
            (minute_of(read_moment(row.accepted_at)), event_hash(row.event_key))
            for row in rows
            if start <= row.accepted_at < end and row.code != Code.REGION_LOST
        ]

    wanted = Filter(failed_after=timestamp(request.start - _SKEW))
    by_minute: dict[datetime, set[bytes]] = defaultdict(set)
    for some in letters.fold(["publish"], _STATES, wanted, Row, those_of):
        for minute, hashed in some:
            by_minute[minute].add(hashed)
    return by_minute
