"""Custody of stages and letters: which run has them, and that none keeps what it has let go of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from eventing.dead_letter import STAGES, Stage
from eventing.redrive.changes import reopen
from eventing.redrive.filter import Filter
from eventing.redrive.ledger import Row
from functions.shared.clock import Clock
from functions.shared.letters import Letters
from functions.shared.locks import Held, Kind, Lease, Locked, Locks, lock_name

_LEASE_SECONDS = 180
# What an execution can hold beyond the end of a task.
_KINDS: Sequence[Kind] = ("lock", "triage")


class Custody:
    """Takes stages into the custody of an execution, and gives them up with their letters."""

    def __init__(self, *, letters: Letters, locks: Locks, clock: Clock) -> None:
        self._letters = letters
        self._locks = locks
        self._clock = clock

    def take(self, stages: Sequence[Stage], execution: str) -> dict[str, int]:
        """Take the stages' locks, all or none; their fencing tokens by name.

        Raises `Locked` with the name of the execution that has one of them.
        """
        leases: list[Lease] = []
        for stage in stages:
            try:
                lease = self._locks.acquire(
                    lock_name("lock", stage),
                    execution,
                    seconds=_LEASE_SECONDS,
                    now=self._clock.now(),
                )
            except Held as held:
                for taken in leases:
                    self._locks.release(taken)
                raise Locked(f"{stage} is being worked on by the execution {held.owner}") from None
            leases.append(lease)
        return {lease.name: lease.token for lease in leases}

    def renew(self, execution: str, tokens: Mapping[str, int]) -> bool:
        """Hold the locks for longer; False when somebody else has one by now."""
        now = self._clock.now()
        return all(
            self._locks.renew(Lease(name, execution, int(token)), seconds=_LEASE_SECONDS, now=now)
            for name, token in tokens.items()
        )

    def let_go(self, execution: str, stages: Iterable[Stage]) -> tuple[list[str], int]:
        """Give up an execution's locks and reopen its letters; the locks, and how many letters."""
        # In this order: what a page that goes on claims later finds no lock any more.
        released = self._unlock(execution)
        reopened = 0
        for stage in stages:
            rows = self._letters.select([stage], ["redriving"], Filter())
            reopened += self._reopen([row for row in rows if row.run == execution])
        return released, reopened

    def reopen_abandoned(self, stage: Stage) -> None:
        """Reopen letters that a run had when it died, or lost its lock."""
        # In this order: who has the lock now has claimed none of them yet, or has them by right.
        rows = self._letters.select([stage], ["redriving"], Filter())
        holder = self._locks.holder(lock_name("lock", stage), now=self._clock.now())
        self._reopen([row for row in rows if not holder or row.run != holder.owner])

    def _reopen(self, rows: Sequence[Row]) -> int:
        made = self._letters.change([reopen(row) for row in rows])
        return sum(result is True for result in made)

    def _unlock(self, execution: str) -> list[str]:
        released = []
        for stage in STAGES:
            for kind in _KINDS:
                lease = self._locks.holder(lock_name(kind, stage), now=self._clock.now())
                if lease and lease.owner == execution and self._locks.release(lease):
                    released.append(lease.name)
        return released
