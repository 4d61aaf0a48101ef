"""Entries split into calls."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventing.chunks import chunks


@given(st.lists(st.integers(0, 12)), st.integers(1, 4), st.integers(1, 10))
def test_chunks_keep_every_entry_in_order_and_both_limits(
    sizes: list[int], most: int, most_bytes: int
) -> None:
    entries = list(enumerate(sizes))
    made = list(chunks(entries, most=most, most_bytes=most_bytes, size=lambda entry: entry[1]))
    assert [entry for chunk in made for entry in chunk] == entries
    for chunk in made:
        total = sum(size for _, size in chunk)
        assert 1 <= len(chunk) <= most
        assert total <= most_bytes or len(chunk) == 1
    # No chunk could have taken the entry that follows it.
    for chunk, following in pairwise(made):
        total = sum(size for _, size in chunk)
        assert len(chunk) == most or total + following[0][1] > most_bytes


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([], []),
        ([5], [[5]]),
        ([11], [[11]]),
        ([5, 5], [[5, 5]]),
        ([5, 6], [[5], [6]]),
        ([1, 11, 1], [[1], [11], [1]]),
        ([1, 1, 1, 1], [[1, 1, 1], [1]]),
        ([0, 0, 0, 10], [[0, 0, 0], [10]]),
    ],
)
def test_up_to_3_entries_and_10_bytes(sizes: list[int], expected: list[list[int]]) -> None:
    assert list(chunks(iter(sizes), most=3, most_bytes=10, size=int)) == expected
