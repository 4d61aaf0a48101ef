"""Ingestion asks the doorkeeper: now and then, for all publishers, and never waits for it long."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any, TypeVar

import pytest

from eventing.limits import MAX_BATCH
from eventing.publishers.doorkeeper import Doorkeeper
from eventing.publishers.keys import ENTROPY_BYTES, key_value
from eventing.schemas import Schemas
from functions.ingest.handler import THREADS
from functions.shared.clients import CALL_SECONDS
from functions.shared.clock import Clock
from functions.shared.doorkeeper import REFRESH_SECONDS, WAIT_SECONDS
from tests.faults.aws import FakeAws
from tests.faults.vocabulary import Fault
from tests.unit.invocations import CODES
from tests.unit.publisher import KEY, Publisher, event, new_function

T = TypeVar("T")
TYPE = "com.example.shop.customer.registered.v1"
OTHER = key_value("globex", bytes(ENTROPY_BYTES))
SUSPENDED = Doorkeeper(suspended=frozenset({"acme"}))


class VirtualClock(Clock):
    """Time that passes when the test says so, or when somebody waits for a call that does not come."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.frozen = 0.0
        """Seconds in which the process did not run, and its monotonic clock stood still."""

    def now(self) -> datetime:
        return datetime(2026, 11, 27, tzinfo=UTC) + timedelta(seconds=self.passed + self.frozen)

    def monotonic(self) -> float:
        return self.passed

    def result_by(self, deadline: float, call: Future[T], otherwise: T) -> T:
        if not call.done():
            self.passed = max(self.passed, deadline)
        return super().result_by(self.passed, call, otherwise)


@dataclass
class Threads(Executor):
    """Runs what it is given at once, except for reads of the doorkeeper while these are `held`."""

    held: bool = False
    waiting: list[tuple[Future[Any], Callable[[], Any]]] = field(default_factory=list)

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future: Future[T] = Future()
        if self.held and "Doorkeeper" in getattr(fn, "__qualname__", ""):
            future.set_running_or_notify_cancel()
            self.waiting.append((future, lambda: fn(*args, **kwargs)))
        else:
            future.set_result(fn(*args, **kwargs))
        return future

    def let_go(self) -> None:
        """Let the reads that wait be answered now."""
        for future, call in self.waiting:
            future.set_result(call())
        self.waiting.clear()


@dataclass
class Door(Publisher):
    """A publisher beside a registry, in virtual time."""

    clock: VirtualClock = field(default_factory=VirtualClock)
    threads: Threads = field(default_factory=Threads)

    def say(self, doorkeeper: Doorkeeper) -> None:
        self.aws.items("registry")["doorkeeper"] = {
            "pk": {"S": "doorkeeper"},
            "doorkeeper": {"S": doorkeeper.to_text()},
            "version": {"N": "1"},
        }

    def status(self, *, key: str = KEY) -> int:
        """Post an event of its own; its status, and the time that this took in `took`."""
        before = self.clock.passed
        status: int = self.post(event(self.requests + 1), key=key)["statusCode"]
        self.took = self.clock.passed - before
        return status

    @property
    def reads(self) -> int:
        return self.aws.count("GetItem")

    @property
    def last_line(self) -> dict[str, Any]:
        line: dict[str, Any] = json.loads(self.log.getvalue().splitlines()[-1])
        return line


@contextmanager
def opened(schemas: Schemas) -> Iterator[Door]:
    aws, log, clock, threads = FakeAws(), StringIO(), VirtualClock(), Threads()
    with aws.installed() as clients:
        function = new_function(clients, schemas, threads, log, clock=clock)
        yield Door(aws, function, log, clock=clock, threads=threads)


@pytest.fixture
def door(schemas: Schemas) -> Iterator[Door]:
    with opened(schemas) as door:
        yield door


def test_a_suspended_publisher_is_told_so_and_others_are_served(door: Door) -> None:
    door.say(SUSPENDED)
    response = door.post(event())

    assert response["statusCode"] == 403
    assert response["body"]["type"] == "urn:eventing:problem:suspended"
    assert "suspended" in response["body"]["detail"]
    assert (door.stored, door.copies, door.letters) == ({}, [], [])
    assert door.last_line["problems"] == ["suspended"]
    assert door.status(key=OTHER) == 202


def test_a_stop_and_its_end_are_seen_within_seconds(door: Door) -> None:
    assert door.status() == 202
    door.say(SUSPENDED)
    door.clock.passed += REFRESH_SECONDS - 0.1
    assert door.status() == 202
    door.clock.passed += 0.1
    assert door.status() == 403
    door.say(Doorkeeper())
    door.clock.passed += REFRESH_SECONDS
    assert door.status() == 202
    assert REFRESH_SECONDS <= 10


def test_it_is_asked_once_in_that_time_whoever_sends_and_however_many_there_are(door: Door) -> None:
    names = [f"p{number}" for number in range(10_000)]
    door.say(Doorkeeper(frozenset(names[:1000]), limits=dict.fromkeys(names[:500], (10, 1000))))
    for number in range(1000, 1020):
        assert door.status(key=key_value(names[number], bytes(ENTROPY_BYTES))) == 202
        assert door.status(key=key_value(names[number - 1000], bytes(ENTROPY_BYTES))) == 403

    assert door.reads == 1
    # Nothing else is asked of the registry, and accepted ones cost what they cost without it.
    assert door.aws.count("ExecuteStatement", "PutRecordBatch") == 2 * 20
    assert len(door.aws.calls) == 1 + 2 * 20


@pytest.mark.parametrize("fault", CODES)
def test_a_registry_that_fails_is_nobodys_error(door: Door, fault: Fault) -> None:
    door.aws.fault = lambda call: fault if call.operation == "GetItem" else None

    assert door.status() == 202
    assert (len(door.stored), door.letters) == (1, [])
    assert door.took <= WAIT_SECONDS <= 0.05
    assert door.last_line["doorkeeper_failures"] == 1
    assert door.last_line["doorkeeper_cause"] == CODES[fault]
    # What is known, if only that it failed, serves until the next time.
    before = door.reads
    assert door.status() == 202
    assert door.reads == before
    door.clock.passed += REFRESH_SECONDS
    door.status()
    assert door.last_line["doorkeeper_failures"] == 2


def test_a_registry_that_hangs_costs_one_request_fifty_milliseconds(door: Door) -> None:
    door.threads.held = True
    assert door.status() == 202
    assert door.took == pytest.approx(WAIT_SECONDS)
    for _ in range(3):
        assert door.status() == 202
        assert door.took == 0
    # However many found it late, it is one.
    assert door.last_line["doorkeeper_failures"] == 1
    assert door.last_line["doorkeeper_cause"] == "TIMEOUT"
    # No two of them are under way: one that hangs is given up before the next begins.
    assert CALL_SECONDS < REFRESH_SECONDS


def test_an_answer_that_is_late_counts_from_the_next_request_on(door: Door) -> None:
    door.say(SUSPENDED)
    door.threads.held = True
    assert door.status() == 202
    door.threads.let_go()
    assert door.status() == 403
    assert door.took == 0
    assert "doorkeeper_failures" not in door.last_line
    assert door.reads == 1


@pytest.mark.parametrize("fault", ["denied", "throttle", "timeout"])
def test_what_it_said_last_holds_while_it_fails(door: Door, fault: Fault) -> None:
    door.say(SUSPENDED)
    assert door.status() == 403
    door.aws.fault = lambda call: fault if call.operation == "GetItem" else None
    for _ in range(5):
        door.clock.passed += REFRESH_SECONDS
        assert door.status() == 403
    door.aws.fault = lambda call: None
    door.say(Doorkeeper())
    door.clock.passed += REFRESH_SECONDS
    assert door.status() == 202


def test_a_process_that_was_frozen_asks_anew(door: Door) -> None:
    assert door.status() == 202
    door.threads.held = True
    door.clock.passed += REFRESH_SECONDS
    # This read is under way when the process is frozen: what it brings afterwards is old.
    assert door.status() == 202
    ((old, _),) = door.threads.waiting
    door.threads.waiting.clear()
    door.clock.frozen += 600
    door.say(SUSPENDED)
    old.set_result(Doorkeeper())
    door.threads.held = False

    assert door.status() == 403


def test_a_clock_that_was_set_back_keeps_nobody_from_asking(door: Door) -> None:
    assert door.status() == 202
    door.say(SUSPENDED)
    door.clock.frozen -= 3600
    assert door.status() == 403


@pytest.mark.parametrize("text", ["{", "{}", "null", '{"suspended": 7}'])
def test_a_doorkeeper_that_nobody_can_read_refuses_nobody(door: Door, text: str) -> None:
    door.say(SUSPENDED)
    door.aws.items("registry")["doorkeeper"]["doorkeeper"] = {"S": text}

    assert door.status() == 202
    assert door.last_line["doorkeeper_failures"] == 1


def test_with_all_threads_busy_nothing_breaks(schemas: Schemas) -> None:
    """A read that never begins is called off, and the one after it counts."""
    aws, log, clock = FakeAws(), StringIO(), VirtualClock()

    class Busy(Threads):
        def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
            if self.held and "Doorkeeper" in getattr(fn, "__qualname__", ""):
                return Future()
            return super().submit(fn, *args, **kwargs)

    threads = Busy(held=True)
    with aws.installed() as clients:
        function = new_function(clients, schemas, threads, log, clock=clock)
        door = Door(aws, function, log, clock=clock, threads=threads)
        door.say(SUSPENDED)
        assert [door.status() for _ in range(3)] == [202, 202, 202]
        assert door.last_line["doorkeeper_failures"] == 1
        threads.held = False
        clock.passed += REFRESH_SECONDS
        assert door.status() == 403


def test_a_real_thread_that_hangs_is_not_waited_for(schemas: Schemas) -> None:
    aws, log = FakeAws(), StringIO()
    aws.fault = lambda call: "hang" if call.operation == "GetItem" else None
    clock = Clock()
    with aws.installed() as clients, ThreadPoolExecutor(THREADS) as workers:
        publisher = Publisher(aws, new_function(clients, schemas, workers, log), log)
        began = clock.monotonic()
        try:
            assert publisher.post(event())["statusCode"] == 202
            # Far from the seconds that the call itself may take.
            assert clock.monotonic() - began < 1.5
        finally:
            aws.released.set()


def test_a_publisher_that_may_send_some_types_only(door: Door) -> None:
    door.say(Doorkeeper(types={"acme": ("com.example.shop.order.*", "com.example.shop.refund.v1")}))
    response = door.post([event(1), event(2)], content_type="application/cloudevents-batch+json")

    assert response["statusCode"] == 422
    for result in response["body"]["results"]:
        assert result["type"] == "urn:eventing:problem:type-not-allowed"
        assert "com.example.shop.order.*, com.example.shop.refund.v1" in result["detail"]
    assert door.stored == {}
    assert door.status(key=OTHER) == 202


@pytest.mark.parametrize(
    ("allowed", "status"), [(("com.example.shop.customer.*",), 202), ((), 422)]
)
def test_a_type_that_is_allowed_is_taken(door: Door, allowed: tuple[str, ...], status: int) -> None:
    door.say(Doorkeeper(types={"acme": allowed}))

    assert door.status() == status


@pytest.mark.parametrize(("events", "status"), [(2, 202), (3, 413)])
def test_a_plan_limits_the_events_of_a_request(door: Door, events: int, status: int) -> None:
    door.say(Doorkeeper(limits={"acme": (2, 4096)}))
    response = door.post([event(n) for n in range(events)], content_type="application/json")

    assert response["statusCode"] == status
    if status == 413:
        assert response["body"]["type"] == "urn:eventing:problem:batch-too-large"
        assert "your usage plan allows 2" in response["body"]["detail"]
        assert door.stored == {}


@pytest.mark.parametrize(("more", "status"), [(0, 202), (1, 413)])
def test_a_plan_limits_the_bytes_of_a_request(door: Door, more: int, status: int) -> None:
    door.say(Doorkeeper(limits={"acme": (MAX_BATCH, 1000)}))
    body = json.dumps(event()).ljust(1000 + more)
    response = door.post(body)

    assert response["statusCode"] == status
    if status == 413:
        assert response["body"]["type"] == "urn:eventing:problem:body-too-large"
        assert "your usage plan allows 1000" in response["body"]["detail"]
    # Whoever is not in the doorkeeper may send as much as anybody may.
    assert door.post(body, key=OTHER)["statusCode"] == 202
