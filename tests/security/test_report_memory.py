"""The memory of a report does not grow with the number of different texts that letters bring along."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

import pytest

from eventing.redrive.ledger import Outline
from functions.redrive.root_causes import RootCauses
from functions.shared.letters import Letters

LETTERS = 20_000


class Ledger:
    """Letters of one root cause, each with texts of its own, read one after the other."""

    def __init__(self, member: str) -> None:
        self._member = member

    def fold(
        self, stages: Any, states: Any, wanted: Any, kind: Any, fold: Callable[[Iterable[Any]], Any]
    ) -> list[Any]:
        return [fold(self._letters(part)) for part in range(2)]

    def message(self, key: str) -> str:
        return "no"

    def _letters(self, part: int) -> Iterator[Outline]:
        for n in range(LETTERS):
            members = {"publisher": "acme", "type": "t", "topic": "orders"}
            # The one that is frequent comes late.
            own = "frequent" if n > LETTERS - 500 else f"{part}-{n}-" + "\U00010348" * 240
            members[self._member] = own
            yield Outline(
                key=f"{part}{n}",
                stage="publish",
                step="publish",
                code="UNKNOWN",
                fingerprint="f",
                failed_at=f"2026-11-27T{n:06}",
                expires_at=2_000_000_000,
                **members,
            )


@pytest.mark.parametrize("member", ["type", "publisher", "topic"])
def test_a_report_counts_the_most_frequent_in_bounded_memory(member: str) -> None:
    causes = RootCauses(cast("Letters", Ledger(member)))
    tracemalloc.start()
    try:
        groups = causes.find(["publish"], ["open"])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 * 1024 * 1024
    (group,) = causes.describe(groups)
    assert group["letters"] == 2 * LETTERS
    assert next(iter(group[f"{member}s"].items())) == ("frequent", 998)
