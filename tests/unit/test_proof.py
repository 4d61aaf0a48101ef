"""Proof: counts by the minute, whatever order they come in, and what a request for one may ask."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventing.input import InvalidInput
from eventing.proof.counts import MINUTE, Settled, Tally, minutes, settled, totals
from eventing.proof.request import read_request
from eventing.receipts import PARTITIONS, event_hash, part_of

START = datetime(2026, 11, 27, tzinfo=UTC)
NOW = datetime(2026, 11, 28, 1, 30, tzinfo=UTC)
HOME, PEER = "eu-north-1", "eu-west-1"


def hashes(*names: object) -> list[bytes]:
    return [event_hash(str(name)) for name in names]


def packed(*names: object) -> bytes:
    return b"".join(hashes(*names))


def test_a_receipt_in_two_pieces_and_a_letter_beside_a_receipt_count_once() -> None:
    found = settled([(HOME, packed(1, 2)), (HOME, packed(3))], hashes(3, 4))

    assert found == Settled(frozenset(hashes(1, 2, 3)), letters=1, twice=0, again=0)


def test_two_regions_that_have_published_the_same_are_told_from_one_that_has_twice() -> None:
    two = settled([(HOME, packed(1, 2)), (PEER, packed(2))], ())
    one = settled([(HOME, packed(1, 2)), (HOME, packed(2))], ())

    assert (two.twice, two.again) == (1, 0)
    assert (one.twice, one.again) == (0, 1)
    assert len(two.published) == len(one.published) == 2


@given(
    fates=st.lists(
        st.tuples(
            st.integers(0, 4),
            st.sampled_from(["published", "letter", "twice", "again", "neither", "both"]),
        ),
        max_size=60,
    ),
    seed=st.integers(),
)
def test_every_event_is_counted_once_in_its_minute_in_any_order_and_any_receipts(
    fates: list[tuple[int, str]], seed: int
) -> None:
    random = Random(seed)
    stored: Counter[datetime] = Counter()
    receipts: dict[tuple[int, int], list[tuple[str, bytes]]] = {}
    letters: dict[tuple[int, int], list[bytes]] = {}
    for number, (minute, fate) in enumerate(fates):
        stored[START + minute * MINUTE] += 1
        (hashed,) = hashes(number)
        place = minute, part_of(hashed)
        writers = {
            "published": [HOME], "both": [HOME], "twice": [HOME, PEER], "again": [HOME, HOME],
        }.get(fate, [])  # fmt: skip
        receipts.setdefault(place, []).extend((writer, hashed) for writer in writers)
        if fate in ("letter", "both"):
            letters.setdefault(place, []).append(hashed)
    tally = Tally()
    places = [(minute, part) for minute in range(5) for part in range(PARTITIONS)]
    random.shuffle(places)
    for minute, part in places:
        some = receipts.get((minute, part), [])
        random.shuffle(some)
        tally.add(minute, settled(some, letters.get((minute, part), ())))
        # As a page hands it to the next one.
        tally = Tally.of(json.loads(json.dumps(tally.members())))

    found = list(minutes(START, stored, tally))
    sums = totals(found, tally)

    of = Counter(fate for _, fate in fates)
    assert sums["stored"] == len(fates)
    assert sums["unproven"] == of["neither"]
    assert sums["letters"] == of["letter"]
    assert sums["twice"] == of["twice"]
    assert sums["sent_again"] == of["again"]
    assert sums["proven"] == len(fates) - of["neither"]
    assert sums["uncounted"] == 0
    differing = {minute for minute, fate in fates if fate in ("neither", "twice")}
    assert [m.at for m in found if m.differs] == [START + m * MINUTE for m in sorted(differing)]
    assert sums["differing_minutes"] == len(differing)


def test_what_is_too_much_in_one_minute_makes_up_for_nothing_in_another() -> None:
    tally = Tally()
    tally.add(0, settled([(HOME, packed(1, 2, 3))], ()))
    tally.add(1, settled([(HOME, packed(4))], ()))

    found = list(minutes(START, {START: 2.0, START + MINUTE: 2.0}, tally))

    assert [(m.unproven, m.uncounted) for m in found] == [(0, 1), (1, 0)]


def test_the_tally_of_a_busy_day_is_small_enough_to_be_handed_on() -> None:
    tally = Tally()
    for minute in range(1440):
        for part in range(PARTITIONS):
            tally.add(minute, Settled(frozenset(hashes(minute, part)), 250_000, 250_000, 250_000))

    # Of the 256 KiB that a state may have.
    assert len(json.dumps(tally.members())) < 100 * 1024


# Requests


def test_without_a_window_it_is_yesterday_in_utc() -> None:
    request = read_request({"action": "count"}, at=NOW)

    assert (request.start, request.end) == (START, START + timedelta(days=1))
    assert request.is_of_yesterday(NOW)
    assert not request.is_of_yesterday(NOW + timedelta(days=1))
    assert len(request.minutes) == 1440


def test_a_window_is_made_of_whole_minutes_and_reads_the_same_again() -> None:
    asked = {"action": "find", "from": "2026-11-27T14:00:30+01:00", "to": "2026-11-27T13:05:01Z"}

    request = read_request(asked, at=NOW)

    assert request.members() == {
        "action": "find",
        "from": "2026-11-27T13:00:00.000Z",
        "to": "2026-11-27T13:06:00.000Z",
        "now": False,
        "started_by": "",
    }
    assert read_request(request.members(), at=NOW) == request


def test_what_was_accepted_until_now_can_be_asked_for_and_its_minute_is_looked_at() -> None:
    at = datetime(2026, 11, 28, 1, 30, 20, tzinfo=UTC)
    asked = {"action": "count", "from": "2026-11-28T01:00:00Z", "to": "2026-11-28T01:30:20Z"}

    request = read_request({**asked, "now": True}, at=at)

    assert request.end == datetime(2026, 11, 28, 1, 31, tzinfo=UTC)
    assert read_request(request.members(), at=at) == request
    with pytest.raises(InvalidInput, match="15 minutes ago"):
        read_request(asked, at=at)


@pytest.mark.parametrize(
    ("asked", "fault"),
    [
        ([], "a JSON object"),
        ({}, "action: is required"),
        ({"action": "count", "from": "2026-11-27T00:00:00Z"}, "given together"),
        ({"action": "count", "to": "2026-11-27T00:00:00Z"}, "given together"),
    ],
)
def test_a_faulty_request_says_what_is_wrong(asked: object, fault: str) -> None:
    with pytest.raises(InvalidInput, match=fault):
        read_request(asked, at=NOW)
