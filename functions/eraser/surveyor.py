"""Looks where an event may be, before anything is touched: how much there is to read, and what that costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from eventing.catalogue import Catalogue
from eventing.erasure.price import price_to_read, seconds_to_read
from eventing.erasure.request import ErasureRequest
from eventing.type_patterns import TypePatterns
from functions.eraser.places import Name, Place
from functions.shared.clock import Clock
from functions.shared.erased_letters import ErasedLetters
from functions.shared.tombstones import Standing, Tombstones


class Surveyor:
    """Surveys in pages. Its methods raise what the SDK raises."""

    def __init__(
        self,
        *,
        tombstones: Tombstones,
        letters: ErasedLetters,
        places: Mapping[Name, Place],
        catalogue: Catalogue,
        clock: Clock,
    ) -> None:
        self._tombstones = tombstones
        self._letters = letters
        self._places = places
        self._patterns = TypePatterns(
            [(rule.type, topic.name) for topic in catalogue.topics for rule in topic.rules]
        )
        self._clock = clock

    def first(self, request: ErasureRequest) -> dict[str, Any]:
        """What the tables have of the event, and the position at which its objects are counted."""
        standing = self._tombstones.look(request.key)
        letters = self._letters.find(request.key)
        times = [letter.accepted_at for letter in letters]
        if standing:
            times.append(standing.accepted_at)
        found = {
            "row": _row(standing),
            "since": min(times, default=None),
            "topics": self._topics(standing),
            "letters": Counter(letter.state for letter in letters),
        }
        nothing = {name: {"objects": 0, "bytes": 0} for name in self._places}
        return {"found": {**found, **nothing}, "left": [*self._places], "after": ""}

    def page(
        self, request: ErasureRequest, position: Mapping[str, Any], *, ends: float
    ) -> dict[str, Any]:
        """Count objects until `ends` (of the clock's `monotonic`): the next position.

        At the end it has nothing `left`.
        """
        found, left, after = dict(position["found"]), list(position["left"]), position["after"]
        while left and self._clock.monotonic() < ends:
            place = left[0]
            versions, following = self._places[place].page(request.publisher, found["since"], after)
            counted = found[place]
            found[place] = {
                "objects": counted["objects"] + len(versions),
                "bytes": counted["bytes"] + sum(version.size for version in versions),
            }
            after = following or ""
            if following is None:
                del left[0]
        return {"found": found, "left": left, "after": after}

    def summary(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """What was found, with how long it takes to read all of it, and its price."""
        objects, size = (
            sum(found[name][what] for name in self._places) for what in ("objects", "bytes")
        )
        return {
            **found,
            "to_read": {"objects": objects, "bytes": size},
            "seconds": seconds_to_read(objects, size),
            "dollars": price_to_read(objects, size),
        }

    def _topics(self, standing: Standing | None) -> list[str] | None:
        """The topics that take the event's type; None where that is not on record (any more)."""
        if standing is None or standing.type is None:
            return None
        return sorted(set(self._patterns.matches(standing.type)))


def _row(standing: Standing | None) -> str:
    if standing is None:
        return "none"
    return "tombstone" if standing.erased_at else "event"
