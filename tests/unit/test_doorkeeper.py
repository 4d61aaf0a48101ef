"""The registry's row of a publisher, and the one item that ingestion reads."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eventing.catalogue import Quota, UsagePlan
from eventing.limits import MAX_BATCH, MAX_BODY_BYTES
from eventing.publishers.doorkeeper import (
    MAX_BYTES,
    Doorkeeper,
    DoorkeeperFull,
    Entry,
    entry_of,
    read_doorkeeper,
)
from eventing.publishers.keys import MAX_NAME_LENGTH
from eventing.publishers.registry import Key, Publisher, read_publisher

STANDARD = UsagePlan(50, 100, Quota(1_000, "DAY"))
KEY = Key(number=1, created_at="2026-03-01T12:00:00.000Z")
ACME = Publisher(
    name="acme-web",
    contact="ops@acme.example",
    usage_plan="standard",
    limits=STANDARD,
    changed_by="dana",
    changed_at="2026-03-01T12:00:00.000Z",
    registered_at="2026-03-01T12:00:00.000Z",
    keys=(KEY,),
)
NARROW = UsagePlan(1, 2, None, 10, 2_000)


@pytest.mark.parametrize(
    "publisher",
    [
        ACME,
        replace(ACME, usage_plan=None, limits=NARROW, types=("com.example.*", "a.b")),
        replace(ACME, throttle=NARROW, status="suspended", reason="a flood of ö"),
        replace(ACME, types=(), keys=()),
        replace(
            ACME,
            keys=(
                replace(KEY, state="retired", ids={"us-east-1": "abc"}),
                replace(KEY, number=2, expires_at="2026-04-01T00:00:00.000Z"),
            ),
        ),
        replace(ACME, status="revoked", name_free_at="2027-09-02T12:00:00.000Z"),
    ],
)
def test_a_row_is_read_as_it_was_written(publisher: Publisher) -> None:
    assert read_publisher(publisher.to_text()) == publisher


def test_a_throttle_is_in_force_in_place_of_the_limits() -> None:
    assert ACME.in_force == STANDARD
    assert replace(ACME, throttle=NARROW).in_force == NARROW


def test_live_keys_are_those_that_are_to_work() -> None:
    second = replace(KEY, number=2)
    keys = (replace(KEY, state="retiring"), second, replace(KEY, number=3, state="retired"))

    assert replace(ACME, keys=keys).live_keys == (second,)


def test_nothing_is_said_of_most() -> None:
    assert entry_of(ACME) == Entry() == Doorkeeper().entry("anybody")
    assert Doorkeeper().with_entry("acme-web", entry_of(ACME)) == Doorkeeper()


@pytest.mark.parametrize(
    ("publisher", "entry"),
    [
        (replace(ACME, status="suspended"), Entry(suspended=True)),
        (replace(ACME, types=("com.example.*",)), Entry(types=("com.example.*",))),
        (replace(ACME, types=()), Entry(types=())),
        (replace(ACME, limits=NARROW), Entry(max_events=10, max_body_bytes=2_000)),
        (replace(ACME, throttle=NARROW), Entry(max_events=10, max_body_bytes=2_000)),
        (
            replace(ACME, throttle=replace(NARROW, max_body_bytes=MAX_BODY_BYTES)),
            Entry(max_events=10),
        ),
        # A key of it may be there still; then none is.
        (
            replace(ACME, status="revoked", keys=(replace(KEY, state="retiring"),)),
            Entry(suspended=True),
        ),
        (
            replace(ACME, status="revoked", types=("a",), keys=(replace(KEY, state="retired"),)),
            Entry(),
        ),
    ],
)
def test_what_is_said_of_a_publisher(publisher: Publisher, entry: Entry) -> None:
    doorkeeper = Doorkeeper().with_entry("acme-web", entry_of(publisher))

    assert doorkeeper.entry("acme-web") == entry
    assert read_doorkeeper(doorkeeper.to_text()) == doorkeeper
    assert doorkeeper.with_entry("acme-web", Entry()) == Doorkeeper()


def test_others_are_left_alone() -> None:
    before = (
        Doorkeeper().with_entry("a", Entry(suspended=True)).with_entry("b", Entry(types=("x",)))
    )

    after = before.with_entry("c", Entry(max_events=1)).with_entry("a", Entry())

    assert after.entry("b") == Entry(types=("x",))
    assert after.entry("c") == Entry(max_events=1)
    assert not after.suspended


@pytest.mark.parametrize(
    ("types", "type", "allowed"),
    [
        (None, "anything", True),
        ((), "anything", False),
        (("com.example.*", "a.b"), "com.example.order", True),
        (("com.example.*", "a.b"), "a.b", True),
        (("com.example.*", "a.b"), "a.b.c", False),
        (("com.example.*",), "com.examples", False),
    ],
)
def test_types_that_are_allowed(types: tuple[str, ...] | None, type: str, allowed: bool) -> None:
    assert Entry(types=types).allows(type) is allowed


def test_it_is_bounded_and_says_what_to_do() -> None:
    name = "a" * (MAX_NAME_LENGTH - 5)
    # The longest names, restricted in every way: so many fit at least.
    entry = Entry(False, ("com.example.shop.*",), MAX_BATCH - 1, MAX_BODY_BYTES - 1)
    doorkeeper = Doorkeeper()
    for number in range(400):
        doorkeeper = doorkeeper.with_entry(f"{name}{number:05}", entry)
    with pytest.raises(DoorkeeperFull, match=f"has room for {MAX_BYTES}: restrict fewer"):
        _fill(doorkeeper, name, entry)
    assert len(doorkeeper.to_text().encode()) <= MAX_BYTES
    # What makes it smaller is always taken, and there is room to stop somebody.
    assert "late" in doorkeeper.with_entry("late", Entry(suspended=True)).suspended
    assert doorkeeper.with_entry(f"{name}00000", Entry()) != doorkeeper


def _fill(doorkeeper: Doorkeeper, name: str, entry: Entry) -> None:
    for number in range(400, 1_000):
        doorkeeper = doorkeeper.with_entry(f"{name}{number:05}", entry)


def test_a_doorkeeper_that_is_too_full_already_can_be_emptied() -> None:
    full = Doorkeeper(frozenset(f"publisher-a{number}" for number in range(20_000)))

    assert "publisher-a7" not in full.with_entry("publisher-a7", Entry()).suspended
    with pytest.raises(DoorkeeperFull):
        full.with_entry("another", Entry(suspended=True))
