"""Turns: one publisher's burst keeps nobody else waiting, in a batch of the stream and in triage."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import StringIO

import pytest

from eventing.turns import in_turns
from functions.shared.clock import Clock
from functions.shared.message_queue import Received
from functions.triage.turns import Turns, publisher_of
from tests.faults.aws import FakeAws
from tests.unit.stream import Stream, StreamClock, new_function, record


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("", ""),
        ("aaa", "aaa"),
        ("aaaabb", "ababaa"),
        ("abababc", "abcabab"),
        ("cba", "cba"),
    ],
)
def test_publishers_take_turns(sent: str, expected: str) -> None:
    assert "".join(in_turns(sent, str)) == expected


def test_what_one_publisher_sent_stays_in_order() -> None:
    items = [("a", n) for n in range(50)] + [("b", n) for n in range(3)]
    ordered = in_turns(items, lambda item: item[0])

    assert Counter(ordered) == Counter(items)
    for name in "ab":
        assert [n for who, n in ordered if who == name] == [n for who, n in items if who == name]
    # All of the few are among the first twice as many.
    assert {n for who, n in ordered[:6] if who == "b"} == {0, 1, 2}


@pytest.fixture
def stream() -> Iterator[Stream]:
    """The publish function with one thread, so that its calls are made in order."""
    aws, log = FakeAws(), StringIO()
    clock = StreamClock(aws)
    with aws.installed() as clients, ThreadPoolExecutor(1) as workers:
        yield Stream(aws, new_function(clients, workers, log, clock), log, clock)


@pytest.mark.parametrize("type", ["order.placed.v1", "customer.moved.v1"])
def test_a_few_events_are_among_the_first_that_are_published(stream: Stream, type: str) -> None:
    burst = [record(number) for number in range(95)]
    few = [record(number, type, publisher="globex") for number in range(95, 100)]
    assert stream.deliver(*burst, *few) == []

    # Two calls to one topic, or the first to another: not the last of ten.
    first = [json.loads(entry["Message"])["id"] for entry in stream.aws.topics["orders"][:10]]
    theirs = [str(number) for number in range(95, 100)]
    if type == "order.placed.v1":
        assert set(theirs) <= set(first)
    assert sorted(stream.arrived("orders") + stream.arrived("customers"), key=int) == [
        str(number) for number in range(100)
    ]


def test_where_a_batch_runs_out_of_time_nobody_is_left_out(stream: Stream) -> None:
    """The topic answers the first call and then has no time left for more."""
    calls = iter(range(100))

    def slow(_: object) -> None:
        if next(calls) == 1:
            stream.aws.slept += 60.0

    stream.aws.fault = slow
    burst = [record(number) for number in range(95)]
    few = [record(number, publisher="globex") for number in range(95, 100)]
    wanted = stream.deliver(*burst, *few, seconds=60.0)

    assert wanted, "there was time for all"
    assert not set(wanted) & {f"s{number}" for number in range(95, 100)}


class Judging(Clock):
    """Passes when a letter is judged."""

    def __init__(self) -> None:
        self.passed = 0.0

    def monotonic(self) -> float:
        return self.passed


def _letter(publisher: str, number: int) -> Received:
    return Received(f"{publisher}{number}", f'{{"publisher":"{publisher}","event":1}}', "r")


def test_a_burst_of_dead_letters_keeps_nobody_elses_from_the_ledger() -> None:
    clock = Judging()
    turns = Turns(ends=1000, clock=clock)
    burst = [_letter("acme", number) for number in range(5000)]
    few = [_letter("globex", number) for number in range(5)]
    taken: list[str] = []

    def work() -> None:
        clock.passed += 0.001

    arriving = [*burst, *few]
    rounds = 0
    while arriving:
        rounds += 1
        for message in arriving:
            if turns.has_turn(message):
                turns.judge(message, work)
                taken.append(message.id)
            else:
                turns.put_off(message)
        left = {message.id for message in turns.next_round()}
        arriving = [message for message in arriving if message.id in left]

    # After a quarter of a second of the burst, and not after all five seconds of it.
    assert max(taken.index(message.id) for message in few) <= 260
    assert Counter(taken) == Counter(message.id for message in [*burst, *few])
    assert rounds > 1
    assert publisher_of(few[0]) == "globex"
