"""Expensive letters keep neither triage's page from its end nor another publisher's from the ledger."""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from eventing.redrive.forecast import Forecaster
from eventing.redrive.steps import Forecast
from functions.triage.handler import make_handler
from tests.engine.letters import event

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eventing.dead_letter import DeadLetter, Stage
    from eventing.json_text import Document
    from tests.engine.process import TaskCall
    from tests.engine.world import World

PAGE, FUNCTION = 45, 90


class Slow(Forecaster):
    """Takes time for the letters of some publishers, as hostile events do."""

    def __init__(self, world: World, seconds: dict[str, float]) -> None:
        super().__init__(world.catalogue, code_digest="code")
        self._world = world
        self._seconds = seconds

    def forecast(self, letter: Any, document: Document | None) -> Forecast:
        self._world.clock.passed += self._seconds.get(letter.publisher, 0.001)
        return super().forecast(letter, document)


def hostile(world: World, count: int, *, publishers: int = 1, size: int = 0) -> list[DeadLetter]:
    return [
        world.letter(
            f"h{n}", publisher=f"hostile-{n % publishers}", text=event(f"h{n}", x="x" * size)
        )
        for n in range(count)
    ]


class Run:
    """Pages of a triage, with what each took and when each letter came into the ledger."""

    def __init__(self, world: World, seconds: dict[str, float]) -> None:
        self.pages: list[float] = []
        self.recorded: dict[str, float] = {}
        self.deleted: dict[str, float] = {}
        self._world = world
        self._forecaster = Slow(world, seconds)
        self._process = world.process(self._look)

    def page(self, *stages: Stage) -> bool:
        """Work off one, of the publish queue unless it is said; True when all came out empty."""
        parts = self._process.parts(threads=2)
        vars(parts)["forecaster"] = self._forecaster
        began = self._world.clock.passed
        task = {"task": "triage", "execution": "run", "stages": stages or ["publish"]}
        done = make_handler(parts)(task, self._process.context(FUNCTION))
        self.pages.append(self._world.clock.passed - began)
        return bool(done["drained"])

    def drain(self) -> None:
        """Work off pages until the queue is empty."""
        for _ in range(1000):
            if self.page():
                return
        raise AssertionError("it never ends")

    def _look(self, call: TaskCall) -> None:
        if call.operation == "UpdateItem" and "failed_at" in call.body:
            self.recorded.setdefault(call.body, self._world.clock.passed)
        if call.operation == "DeleteMessageBatch":
            self.deleted.setdefault(call.body, self._world.clock.passed)

    def moment_of(self, id: str) -> float:
        """When the letter with the event of this id came into the ledger."""
        (moment,) = (at for body, at in self.recorded.items() if f'\\"id\\":\\"{id}\\"' in body)
        return moment


@pytest.mark.parametrize("seconds", [0.8, 3.0, 9.0])
def test_a_page_keeps_its_time_whatever_is_in_the_queue(world: World, seconds: float) -> None:
    world.dead_letters(*hostile(world, 80))
    run = Run(world, {"hostile-0": seconds})
    run.drain()
    assert max(run.pages) <= PAGE
    assert world.states() == {"open": 80}
    assert world.waiting() == 0


def test_a_page_keeps_its_time_when_two_stages_have_expensive_letters(world: World) -> None:
    world.dead_letters(*hostile(world, 40))
    world.dead_letters(
        *(world.letter(f"i{n}", stage="ingest", publisher="hostile-0") for n in range(40))
    )
    run = Run(world, {"hostile-0": 3.0})
    run.page("ingest", "publish")
    assert run.pages[0] <= PAGE
    recorded = Counter(one.stage for one in world.letters)
    assert min(recorded["ingest"], recorded["publish"]) >= 5


@pytest.mark.parametrize(
    ("publishers", "count", "size"), [(1, 1000, 0), (3, 1000, 0), (50, 200, 65_000)]
)
def test_a_normal_letter_that_comes_last_is_in_the_ledger_within_two_minutes(
    world: World, publishers: int, count: int, size: int
) -> None:
    world.dead_letters(*hostile(world, count, publishers=publishers, size=size))
    world.dead_letters(world.letter("normal", publisher="acme-web"))
    run = Run(world, {f"hostile-{n}": 2.0 for n in range(publishers)})
    while "normal" not in {one.id for one in world.letters}:
        run.page()
    assert run.moment_of("normal") <= 120
    assert max(run.pages) <= PAGE


def test_one_publisher_alone_has_all_of_the_page(world: World) -> None:
    world.dead_letters(*hostile(world, 30))
    run = Run(world, {"hostile-0": 1.0})
    run.page()
    assert world.states() == {"open": 30}


def test_each_letter_is_deleted_when_it_is_safe(world: World) -> None:
    world.dead_letters(*hostile(world, 10))
    run = Run(world, {"hostile-0": 3.0})
    run.page()
    assert len(run.deleted) == 10
    recorded, deleted = sorted(run.recorded.values()), sorted(run.deleted.values())
    assert all(after - before < 1 for before, after in zip(recorded, deleted, strict=True))


def test_what_a_page_has_not_come_to_is_received_by_the_next_one(world: World) -> None:
    world.dead_letters(*hostile(world, 20), world.letter("normal"))
    run = Run(world, {"hostile-0": 9.0})
    assert run.page() is False
    left = world.waiting()
    assert 0 < left < 20
    run.page()
    assert world.waiting() < left


@contextmanager
def decoded(mark: str) -> Iterator[Counter[str]]:
    """Counts how often each JSON text that holds the mark is decoded, in whichever thread."""
    texts: Counter[str] = Counter()

    def look(frame: Any, what: str, _: object) -> None:
        if what == "call" and frame.f_code is json.JSONDecoder.raw_decode.__code__:
            text = frame.f_locals["s"]
            if mark in text:
                texts[text] += 1

    threading.setprofile(look)
    sys.setprofile(look)
    try:
        yield texts
    finally:
        sys.setprofile(None)
        threading.setprofile(None)


@pytest.mark.memory
@pytest.mark.parametrize("size", [10, 60_000])
def test_each_letter_is_parsed_once(world: World, size: int) -> None:
    letters = hostile(world, 5, size=size)
    world.dead_letters(*letters)
    run = Run(world, {})
    with decoded('"stage":"publish"') as bodies:
        run.page()
    assert world.states() == {"open": 5}
    assert bodies == Counter(letter.text() for letter in letters)

    events = {letter.event for letter in letters}
    world.dead_letters(*hostile(world, 5, size=size))
    with decoded('"specversion"') as texts:
        run.page()
    # As a part of its letter only: no event is read by itself.
    assert not events & texts.keys()
