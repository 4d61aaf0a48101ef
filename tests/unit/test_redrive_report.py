"""What a report tells of letters with the same root cause, however the index is divided."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import permutations
from typing import Any, cast

import pytest

from eventing.redrive.filter import Filter
from eventing.redrive.ledger import Outline, Row
from functions.redrive.root_causes import RootCauses
from tests.unit.letters import row


class Letters:
    """Stands for the ledger: its index has these partitions."""

    def __init__(self, *partitions: Iterable[Row]) -> None:
        self._partitions = partitions

    def fold(
        self,
        stages: Sequence[str],
        states: Sequence[str],
        wanted: Filter,
        kind: type[Outline],
        fold: Callable[[Iterable[Outline]], Any],
    ) -> list[Any]:
        return [fold(iter(partition)) for partition in self._partitions]

    def message(self, key: str) -> str:
        return f"message of {key}"


def told(*partitions: Iterable[Row]) -> list[dict[str, Any]]:
    root_causes = RootCauses(cast("Any", Letters(*partitions)))
    return root_causes.describe(root_causes.find(["publish"], ["open"]))


def at(number: int, minute: int, **members: Any) -> Row:
    return row(number, failed_at=f"2026-11-24T09:{minute:02}:00.000Z", **members)


PARTITIONS = [
    [at(1, 10, publisher="b"), at(2, 40, topic=None, type="t2")],
    [at(3, 5, publisher="c", code="CRASHED"), at(4, 20), at(5, 30, fingerprint="f2")],
    [at(6, 45, publisher="b", fingerprint="f2"), at(7, 50, publisher="b")],
    [],
]


@pytest.mark.parametrize("partitions", [*permutations(PARTITIONS)])
def test_a_group_is_the_same_wherever_its_letters_are(partitions: list[list[Row]]) -> None:
    large, small = told(*partitions)
    first = at(3, 5)
    assert large == {
        "fingerprint": first.fingerprint,
        "letters": 5,
        "stage": "publish",
        "step": "publish",
        "cause": "CRASHED",
        "message": f"message of {first.key}",
        "topics": {"orders": 4, "none": 1},
        "publishers": {"acme-web": 2, "b": 2, "c": 1},
        "types": {first.type: 4, "t2": 1},
        "failed_first": first.failed_at,
        "failed_last": at(7, 50).failed_at,
        "example": first.key,
    }
    # The most frequent first; of two that are as frequent, by name.
    assert list(large["publishers"]) == ["acme-web", "b", "c"]
    assert (small["fingerprint"], small["letters"]) == ("f2", 2)


def test_the_twenty_largest_groups_are_told_and_the_ten_most_frequent_of_each() -> None:
    letters = [at(n, 10, fingerprint=f"f{n % 30:02}", publisher=f"p{n:03}") for n in range(450)]
    groups = told(letters[:7], letters[7:])
    assert [group["fingerprint"] for group in groups] == [f"f{n:02}" for n in range(20)]
    assert {group["letters"] for group in groups} == {15}
    assert all(len(group["publishers"]) == 10 for group in groups)


def test_nothing_is_told_of_no_letters() -> None:
    assert told([], []) == []
