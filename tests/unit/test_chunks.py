"""Entries split into calls."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventing.chunks import chunks
from eventing.message import Message


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


MESSAGES = st.builds(
    Message,
    st.sampled_from(["", "{}", "é", "客" * 3, "😀" * 20, "x" * 120]),
    st.dictionaries(
        st.sampled_from(["type", "source", "subject"]), st.sampled_from(["a", "é", "客😀"])
    ),
)


@given(st.lists(MESSAGES, max_size=60))
def test_messages_are_counted_as_sns_does_and_one_that_is_too_large_stands_alone(
    messages: list[Message],
) -> None:
    made = list(chunks(messages, most=10, most_bytes=100, size=lambda message: message.size))
    assert [message for chunk in made for message in chunk] == messages
    for chunk in made:
        sizes = [
            len(message.body.encode())
            + sum(
                len(f"{name}String{value}".encode()) for name, value in message.attributes.items()
            )
            for message in chunk
        ]
        assert len(chunk) <= 10
        assert sum(sizes) <= 100 or len(chunk) == 1
        assert all(size <= 100 for size in sizes) or len(chunk) == 1
