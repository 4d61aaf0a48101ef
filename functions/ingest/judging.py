"""Judges requests by what the doorkeeper says now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eventing.publishers.judgement import Judged, judge
from eventing.schemas import Schemas
from functions.shared.doorkeeper import DoorkeeperReader


@dataclass(frozen=True)
class Judging:
    """The judgement on any request, made in the time in which the doorkeeper answers."""

    schemas: Schemas
    doorkeeper: DoorkeeperReader

    def __call__(self, headers: Mapping[str, Sequence[str]], body: bytes, publisher: str) -> Judged:
        """Judge by what the doorkeeper says; what it said last serves while it is asked."""
        self.doorkeeper.refresh()
        entry = self.doorkeeper.entry(publisher)
        judged = judge(headers, body, publisher=publisher, entry=entry, schemas=self.schemas)
        self.doorkeeper.settle()
        said = self.doorkeeper.entry(publisher)
        if said is entry or said == entry:
            return judged
        return judge(headers, body, publisher=publisher, entry=said, schemas=self.schemas)
