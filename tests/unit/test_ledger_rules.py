"""What selects a letter, and where the index has it."""

from __future__ import annotations

from collections import Counter

import pytest

from eventing.dead_letter import STAGES
from eventing.redrive.filter import Filter
from eventing.redrive.ledger import SHARDS, shard, shards
from tests.unit.letters import ROW, row


@pytest.mark.parametrize(
    ("wanted", "matches"),
    [
        (Filter(), True),
        (Filter(publisher="acme-web"), True),
        (Filter(publisher="acme"), False),
        (Filter(type="com.example.shop.order.placed.v1"), True),
        (Filter(type="com.example.shop.order"), False),
        (Filter(topic="orders"), True),
        (Filter(topic="payments"), False),
        (Filter(cause="NOT_FOUND"), True),
        (Filter(cause="THROTTLED"), False),
        (Filter(fingerprint="0123456789abcdef"), True),
        (Filter(fingerprint="0123456789abcde0"), False),
        (Filter(failed_before="2026-11-24T09:30:00.001Z"), True),
        (Filter(failed_before="2026-11-24T09:30:00.000Z"), False),
        (Filter(failed_after="2026-11-24T09:29:59.999Z"), True),
        (Filter(failed_after="2026-11-24T09:30:00.000Z"), False),
        (Filter(publisher="acme-web", topic="orders", cause="NOT_FOUND"), True),
        (Filter(publisher="acme-web", topic="payments", cause="NOT_FOUND"), False),
        # Ids are looked up; whatever else is given narrows what was found.
        (Filter(letter_ids=("x" * 43,)), True),
        (Filter(letter_ids=(ROW.key,), publisher="acme"), False),
    ],
)
def test_every_field_of_a_filter_narrows_the_choice(wanted: Filter, matches: bool) -> None:
    assert ROW.matches(wanted) is matches


def test_a_letter_without_a_topic_is_of_no_topic() -> None:
    assert not row(topic=None).matches(Filter(topic="orders"))
    assert row(topic=None).matches(Filter())


def test_letters_spread_over_the_shards_of_their_stage_and_state() -> None:
    found = Counter(shard("publish", "open", f"{number:043}") for number in range(1600))
    assert set(found) == set(shards("publish", "open"))
    assert len(found) == SHARDS
    assert max(found.values()) < 200


def test_a_letters_shard_is_the_same_in_every_process() -> None:
    assert shard("ingest", "parked", "abc") == "ingest#parked#2"


def test_no_two_states_share_a_shard() -> None:
    partitions = [
        partition
        for stage in STAGES
        for state in ("open", "redriving", "resolved", "parked", "discarded")
        for partition in shards(stage, state)
    ]
    assert len(partitions) == len(set(partitions)) == 2 * 5 * SHARDS
