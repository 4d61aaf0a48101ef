"""Receipts: what stands in them, where they stand, and that an event is found in its own."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventing.receipts import (
    HASH_BYTES,
    Taken,
    event_hash,
    partition_of,
    receipts,
    topic_of,
    units,
)

REGION = "eu-north-1"
ACCEPTED = datetime(2026, 11, 24, 9, 30, 12, 345000, tzinfo=UTC)


def taken(*numbers: int, topic: str = "orders", at: datetime = ACCEPTED) -> list[Taken]:
    return [Taken(f"acme#{number}", topic, at) for number in numbers]


@given(st.lists(st.tuples(st.text(max_size=9), st.sampled_from("ab"), st.integers(0, 200))))
def test_each_event_is_in_the_receipt_of_its_partition(events: list[tuple[str, str, int]]) -> None:
    published = {
        key: Taken(key, topic, ACCEPTED + timedelta(seconds=after)) for key, topic, after in events
    }
    made = {one.partition: one for one in receipts(published.values(), region=REGION)}

    assert sum(one.events for one in made.values()) == len(published)
    for key, event in published.items():
        partition = partition_of(key, accepted_at=event.accepted_at, region=REGION)
        assert topic_of(key, made[partition].hashes) == event.topic


def test_an_event_of_which_nothing_is_known_is_in_none() -> None:
    (made, *_) = receipts(taken(*range(100)), region=REGION)

    assert topic_of("other#1", made.hashes) is None
    # Not where one hash ends and the next begins.
    packed = bytes(1) + event_hash("other#1") + bytes(HASH_BYTES - 1)
    assert topic_of("other#1", {"orders": packed}) is None
    assert topic_of("other#1", {"orders": packed + event_hash("other#1")}) == "orders"


def test_a_partition_is_of_a_region_a_minute_and_two_bits() -> None:
    partitions = {one.partition for one in receipts(taken(*range(100)), region=REGION)}

    assert partitions == {f"{REGION}#2026-11-24T09:30#{number}" for number in range(4)}
    elsewhere = ACCEPTED.astimezone(timezone(timedelta(hours=-3, minutes=-30)))
    assert partition_of("k", accepted_at=elsewhere, region=REGION) == partition_of(
        "k", accepted_at=ACCEPTED, region=REGION
    )


def test_what_is_published_again_has_the_same_receipt_in_any_order_and_at_any_time() -> None:
    once = receipts(taken(*range(50)) + taken(7, 9, topic="payments"), region=REGION)
    again = receipts(taken(9, 7, topic="payments") + taken(*reversed(range(50))), region=REGION)

    assert sorted(once, key=lambda one: one.partition) == sorted(
        again, key=lambda one: one.partition
    )


@pytest.mark.parametrize(
    "others", [taken(*range(49)), taken(*range(50), topic="payments"), taken(*range(1, 51))]
)
def test_other_events_and_other_topics_have_another_receipt(others: list[Taken]) -> None:
    here, there = receipts(taken(*range(50)), region=REGION), receipts(others, region=REGION)

    assert {one.sort for one in here} != {one.sort for one in there}


def test_an_event_that_was_taken_twice_counts_once() -> None:
    (made,) = receipts(taken(1, 1), region=REGION)

    assert made.events == 1


@pytest.mark.parametrize("events", [1, 10, 100])
def test_the_units_are_those_of_the_partitions_that_are_hit(events: int) -> None:
    tries = [
        len(receipts(taken(*range(start, start + events)), region=REGION))
        for start in range(0, 100 * events, events)
    ]

    assert units(events) == pytest.approx(sum(tries) / len(tries), rel=0.05)
