"""The letters of the ledger, grouped by their root causes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from eventing.dead_letter import Stage
from eventing.foreign_text import plain
from eventing.redrive.filter import Filter
from eventing.redrive.groups import Group, grouped, largest, merged
from eventing.redrive.ledger import Outline, State
from eventing.timestamps import timestamp
from functions.shared.letters import Letters

# Characters of a group's message.
_MESSAGE = 1024


class RootCauses:
    """Groups letters by fingerprint, however many there are."""

    def __init__(self, letters: Letters) -> None:
        self._letters = letters

    def find(self, stages: Iterable[Stage], states: Iterable[State]) -> dict[str, Group]:
        """The letters that are in these states, by fingerprint."""
        return merged(self._letters.fold(stages, states, Filter(), Outline, grouped))

    def parked(self, stages: Iterable[Stage]) -> dict[Stage, dict[str, Any]]:
        """The parked letters of each stage that has any: how many, since when, when the first goes."""
        found = {stage: self._letters.parked(stage) for stage in stages}
        return {
            stage: {
                "letters": parked.letters,
                "failed_first": parked.failed_first,
                "first_expires_at": timestamp(datetime.fromtimestamp(parked.first_expires_at, UTC)),
            }
            for stage, parked in found.items()
            if parked.first_expires_at
        }

    def describe(self, groups: Mapping[str, Group]) -> list[dict[str, Any]]:
        """The largest groups, as a report has them."""
        return self.with_messages(largest(groups))

    def with_messages(self, groups: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Groups of `largest` with the message of their causes, each read from a letter."""
        return [
            {**group, "message": plain(self._letters.message(group["example"]), _MESSAGE)}
            for group in groups
        ]
