"""Takes an event out of every place, in an order in which none puts it back into another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from eventing.dead_letter import letter_keys
from eventing.erasure.request import ErasureRequest
from eventing.redrive.ledger import expiry
from functions.eraser.places import Name, Place
from functions.eraser.sweep import Sweep, Swept
from functions.shared.clock import Clock
from functions.shared.erased_letters import ErasedLetters
from functions.shared.tombstones import Tombstones

# A redrive is at a letter for seconds.
BUSY_SECONDS = 5
MOST_BUSY = 24
# Of those that an answer names.
_FAILURES = 50
_COUNTS = {"copies": 0, "versions": 0, "rewritten": 0, "read": 0, "unreadable": 0}


class Erasing:
    """Erases in pages, each of which may be done again. Its methods raise what the SDK raises.

    The letters go first: what redrives them can't store or publish the event then. The table has the digest
    by which letters that come later are kept out, so its row goes after them. Then what is kept of the past.
    """

    def __init__(
        self,
        *,
        tombstones: Tombstones,
        letters: ErasedLetters,
        places: Mapping[Name, Place],
        sweeps: Mapping[Name, Sweep],
        open_days: int,
        retention_days: int,
        clock: Clock,
    ) -> None:
        self._tombstones = tombstones
        self._letters = letters
        self._places = places
        self._sweeps = sweeps
        self._open_days = open_days
        self._retention = timedelta(days=retention_days)
        self._clock = clock

    def first(self) -> dict[str, Any]:
        """The position to begin at."""
        counts: dict[str, Any] = {"letters": 0, **{name: dict(_COUNTS) for name in self._places}}
        return {
            "left": ["letters", "row", *self._places],
            "after": "",
            "busy": 0,
            "wait": 0,
            "counts": counts,
            "failures": [],
            "more_failures": 0,
        }

    def page(
        self,
        request: ErasureRequest,
        position: Mapping[str, Any],
        *,
        since: str | None,
        ends: float,
    ) -> dict[str, Any]:
        """Erase until `ends` (of the clock's `monotonic`): the next position.

        At the end it has nothing `left`. `wait` is how many seconds the next page has to wait for. `since`
        is the earliest time at which the event was accepted; None where nobody knows.
        """
        at = {**position, "wait": 0, "counts": dict(position["counts"])}
        while at["left"] and not at["wait"] and self._clock.monotonic() < ends:
            match at["left"][0]:
                case "letters":
                    self._erase_letters(request, at)
                case "row":
                    self._erase_row(request, at, since)
                case place:
                    self._sweep(request, at, place, since, ends)
        return at

    def _erase_letters(self, request: ErasureRequest, at: dict[str, Any]) -> None:
        now = self._clock.now()
        standing, found = self._tombstones.look(request.key), self._letters.find(request.key)
        digests = {letter.digest for letter in found}
        if standing and standing.digest:
            digests.add(standing.digest)
        keys = {letter.key for letter in found}
        keys.update(key for digest in digests for key in letter_keys(request.key, digest))
        busy = self._letters.erase(
            sorted(keys), request.key, now=now, until=expiry(now, self._open_days)
        )
        at["counts"]["letters"] += len({letter.key for letter in found} - set(busy))
        if busy and at["busy"] < MOST_BUSY:
            at |= {"busy": at["busy"] + 1, "wait": BUSY_SECONDS}
            return
        why = "a redrive is at it: erase once more when that has ended"
        _fail(at, [{"place": "ledger", "object": key, "why": why} for key in busy])
        at["left"] = at["left"][1:]

    def _erase_row(self, request: ErasureRequest, at: dict[str, Any], since: str | None) -> None:
        now = self._clock.now()
        # What nothing is known of may have been mistyped: another event is not kept out for that.
        if since:
            self._tombstones.put(
                request.key,
                request.publisher,
                accepted_at=since,
                now=now,
                expires_at=_seconds(now + self._retention),
            )
        at["counts"]["row"] = "tombstone" if since else "none"
        at["left"] = at["left"][1:]

    def _sweep(
        self,
        request: ErasureRequest,
        at: dict[str, Any],
        name: Name,
        since: str | None,
        ends: float,
    ) -> None:
        place, sweep = self._places[name], self._sweeps[name]
        versions, following = place.page(request.publisher, since, at["after"])
        for chunk in sweep.chunks(versions):
            if self._clock.monotonic() >= ends:
                return
            swept = sweep.sweep(chunk, place.strip(request.key))
            at["counts"][name] = _counted(at["counts"][name], swept)
            _fail(
                at,
                [
                    {"place": name, "object": one.version.key, "why": one.failure}
                    for one in swept
                    if one.failure
                ],
            )
            at["after"] = chunk[-1].key
        at["after"] = following or ""
        if following is None:
            at["left"] = at["left"][1:]


def _counted(before: Mapping[str, int], swept: Sequence[Swept]) -> dict[str, int]:
    found = {
        "copies": sum(one.copies for one in swept),
        "versions": sum(one.copies > 0 for one in swept),
        "rewritten": sum(one.rewritten for one in swept),
        "read": len(swept),
        "unreadable": sum(one.unreadable for one in swept),
    }
    return {name: before[name] + found[name] for name in found}


def _fail(at: dict[str, Any], failures: Sequence[Mapping[str, str | None]]) -> None:
    """Add failures to the position: the first of them whole, the others as a number."""
    room = _FAILURES - len(at["failures"])
    at["failures"] = [*at["failures"], *failures[:room]]
    at["more_failures"] += len(failures[room:])


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
