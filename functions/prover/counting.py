"""Counts receipts and letters of a window, a quarter of all hashes at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from datetime import datetime
from typing import TypeVar

from eventing.proof.counts import Settled, Tally, settled
from eventing.proof.request import ProofRequest
from eventing.receipts import Hashes, part_of, partitions_of, split
from functions.prover.letters import hashes_by_minute
from functions.shared.clock import Clock
from functions.shared.letters import Letters
from functions.shared.receipt_reader import ReceiptReader

MOST_HASHES = 5_000_000
"""Of a quarter: what the function's memory has room for."""

T = TypeVar("T")


class TooLarge(Exception):  # noqa: N818 - the name that an execution fails with
    """There is more in the window than one invocation can count."""

    def __init__(self) -> None:
        super().__init__("too many events to be counted at once: prove it in several steps")


class Counting:
    """Holds what receipts and letters say of a window against each other."""

    def __init__(
        self,
        *,
        receipts: ReceiptReader,
        letters: Letters,
        here: str,
        regions: Sequence[str],
        workers: Executor,
        clock: Clock,
    ) -> None:
        self._receipts = receipts
        self._letters = letters
        self._here = here
        self._peers = [region for region in regions if region != here]
        self._workers = workers
        self._clock = clock

    def add_part(self, request: ProofRequest, part: int, tally: Tally, *, by: float) -> None:
        """Count in the partitions of this number, of all minutes.

        Raises `TooLarge` where that is not done `by` then (of the clock's `monotonic`), and what the SDK
        raises.
        """
        letters = hashes_by_minute(self._letters, request)

        def look(minute: datetime) -> Settled:
            own = [hashed for hashed in letters.get(minute, ()) if part_of(hashed) == part]
            return settled(self._packed(minute, self._here, part), own)

        published: list[bytes] = []
        count = 0
        for number, found in enumerate(self._each(look, request.minutes, by)):
            tally.add(number, found)
            count += len(found.published)
            if count > MOST_HASHES:
                raise TooLarge
            if self._peers:
                published.append(b"".join(found.published))
        if self._peers:
            self._compare(request, part, Hashes(published), tally, by)

    def _compare(
        self, request: ProofRequest, part: int, own: Hashes, tally: Tally, by: float
    ) -> None:
        """Count in those that another region has accepted as well."""
        both: set[bytes] = set()
        for peer in self._peers:

            def look(minute: datetime, peer: str = peer) -> list[bytes]:
                packed = self._packed(minute, peer, part)
                return [one for _, some in packed for one in split(some) if one in own]

            both.update(one for some in self._each(look, request.minutes, by) for one in some)
        tally.in_two_regions += len(both)

    def _packed(self, minute: datetime, region: str, part: int) -> Iterator[tuple[str, bytes]]:
        """The receipts of a partition: who wrote it, and hashes."""
        for one in self._receipts.partition(partitions_of(minute, region=region)[part]):
            yield one.region, b"".join(one.hashes)

    def _each(
        self, look: Callable[[datetime], T], minutes: Sequence[datetime], by: float
    ) -> Iterator[T]:
        """What `look` finds in each minute, in their order."""

        def in_time(minute: datetime) -> T:
            if self._clock.monotonic() > by:
                raise TooLarge
            return look(minute)

        return self._workers.map(in_time, minutes)
