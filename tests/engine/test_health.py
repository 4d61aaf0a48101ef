"""A dependency that fails takes its letters out of the run, and charges nothing to any of them."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from eventing.cause import Code
from tests.engine.letters import PAYMENT, event
from tests.faults.choosing import once

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventing.dead_letter import DeadLetter
    from tests.engine.process import Faults, TaskCall
    from tests.engine.world import World
    from tests.faults.vocabulary import Fault
    from tests.workflows.asl import Json

REDRIVE: Json = {"action": "redrive", "reason": "the topic is back", "started_by": "ada"}
# What a letter is told by, whatever runs have had it.
KEPT = ("state", "episode", "code", "message", "fingerprint", "failed_at")


def at_topic(name: str) -> Callable[[TaskCall], bool]:
    return lambda call: (
        call.operation == "PublishBatch" and re.search(rf"-topic-{name}\b", call.body) is not None
    )


def fails(fault: Fault, chosen: Callable[[TaskCall], bool]) -> Faults:
    return lambda call: fault if chosen(call) else None


def storing(call: TaskCall) -> bool:
    return call.operation == "ExecuteStatement" and '-events\\"' in call.body


def archiving(call: TaskCall) -> bool:
    return call.operation == "PutObject" and '"type"' in call.body


def kept(world: World) -> dict[str, list[object]]:
    return {one.id: [one.item[name] for name in KEPT] for one in world.letters}


def orders(world: World, count: int, **members: Json) -> list[DeadLetter]:
    return [world.letter(f"o{n:03}", **members) for n in range(count)]


def payments(world: World, count: int) -> list[DeadLetter]:
    return [world.letter(f"p{n:03}", topic="payments", text=event(f"p{n:03}", PAYMENT))
            for n in range(count)]  # fmt: skip


REFUSALS: list[tuple[Fault, str]] = [("denied", "ACCESS_DENIED"), ("missing", "NOT_FOUND")]
PASSING: list[tuple[Fault, str]] = [
    ("throttle", "THROTTLED"), ("500", "UNAVAILABLE"), ("timeout", "TIMEOUT"),
]  # fmt: skip


@pytest.mark.parametrize(("fault", "code"), REFUSALS)
def test_three_impatient_redrives_charge_nothing_and_park_nothing(
    world: World, fault: Fault, code: str
) -> None:
    world.dead_letters(*orders(world, 100))
    world.run({})
    world.told()
    before = kept(world)
    for _ in range(3):
        ended = world.run(REDRIVE, faults=fails(fault, at_topic("orders")))
        assert ended.output["outcome"] == "aborted"
        assert "counts" not in ended.output
        assert ended.output["not_taken_up"] == 100
        said = f"topic {world.name}-topic-orders: {code}, 100 left out"
        assert ended.output["cause"] == said
        (left_out,) = ended.output["left_out"]
        assert (left_out["code"], left_out["letters"]) == (code, 100)
        assert left_out["resource"] == f"topic {world.name}-topic-orders"
        ((subject, text),) = world.told()
        assert subject.startswith(f"{world.name}: redrive aborted: 100 left: topic ")
        assert f"cause: {said}" in text
    # One letter was tried each time.
    calls = [c for process in world.processes for c in process.calls if at_topic("orders")(c)]
    assert len(calls) == 3
    assert kept(world) == before
    assert world.run(REDRIVE).output["counts"] == {"resolved": 100}
    assert Counter(len(topics) for topics in world.delivered().values()) == {1: 100}


@pytest.mark.parametrize(("fault", "code"), [*REFUSALS, *PASSING])
@pytest.mark.parametrize("max_episodes", [1, 3])
def test_one_letter_alone_is_not_charged_either(
    world: World, fault: Fault, code: str, max_episodes: int
) -> None:
    world.dead_letters(*orders(world, 1))
    world.run({})
    before = kept(world)
    faults = fails(fault, at_topic("orders"))
    ended = world.run({**REDRIVE, "max_episodes": max_episodes}, faults=faults)
    assert ended.output["outcome"] == "aborted"
    assert f"{code}, 1 left out" in ended.output["cause"]
    assert kept(world) == before


@pytest.mark.parametrize(("fault", "code"), [*REFUSALS, *PASSING])
def test_after_an_early_redrive_its_fingerprint_takes_up_all(
    world: World, fault: Fault, code: str
) -> None:
    world.dead_letters(*orders(world, 60))
    fingerprint = world.run({}).output["groups"][0]["fingerprint"]
    chosen = {**REDRIVE, "filter": {"fingerprint": fingerprint}}
    early = world.run(chosen, faults=fails(fault, at_topic("orders")))
    assert early.output["outcome"] == "aborted"
    assert code in early.output["cause"]
    assert world.run(chosen).output["counts"] == {"resolved": 60}
    assert world.states() == {"resolved": 60}
    assert Counter(len(topics) for topics in world.delivered().values()) == {1: 60}


@pytest.mark.parametrize(("fault", "code"), [*REFUSALS, *PASSING])
def test_the_letters_of_other_dependencies_go_on(world: World, fault: Fault, code: str) -> None:
    world.dead_letters(
        *orders(world, 60),
        *payments(world, 60),
        *(world.letter(f"s{n}", stage="ingest", step="store") for n in range(5)),
        *(world.letter(f"a{n}", stage="ingest", step="archive") for n in range(5)),
    )
    world.run({})
    world.told()
    before = kept(world)
    ended = world.run(REDRIVE, faults=fails(fault, at_topic("orders")))
    assert ended.output["outcome"] == "partial"
    assert ended.output["counts"] == {"resolved": 70}
    assert ended.output["not_taken_up"] == 60
    assert ended.output["cause"] == f"topic {world.name}-topic-orders: {code}, 60 left out"
    after = kept(world)
    assert all(after[id] == before[id] for id in after if id.startswith("o"))
    # What continues it takes up these, and only these.
    continued = world.run(ended.output["continue_with"])
    assert continued.output["counts"] == {"resolved": 60}
    assert Counter(len(topics) for topics in world.delivered().values()) == {1: 120}
    assert len(world.stored()) == sum(world.archived().values()) == 5


@pytest.mark.parametrize(
    ("stage", "step", "chosen", "resource"),
    [
        ("ingest", "store", storing, "table NAME-events"),
        ("ingest", "archive", archiving, "bucket NAME-archive"),
    ],
)
@pytest.mark.parametrize(("fault", "code"), [*REFUSALS, *PASSING])
def test_so_do_those_of_topics_when_table_or_archive_fails(
    world: World,
    stage: Json,
    step: str,
    chosen: Callable[[TaskCall], bool],
    resource: str,
    fault: Fault,
    code: str,
) -> None:
    world.dead_letters(
        *(world.letter(f"i{n}", stage=stage, step=step) for n in range(30)), *orders(world, 30)
    )
    world.run({})
    before = kept(world)
    ended = world.run(REDRIVE, faults=fails(fault, chosen))
    assert ended.output["outcome"] == "partial"
    assert ended.output["counts"] == {"resolved": 30}
    named = resource.replace("NAME", world.name)
    assert ended.output["cause"] == f"{named}: {code}, 30 left out"
    assert all(value == before[id] for id, value in kept(world).items() if id.startswith("i"))
    assert world.run(REDRIVE).output["counts"] == {"resolved": 30}


def test_several_that_fail_are_each_named(world: World) -> None:
    world.dead_letters(*orders(world, 12), *payments(world, 7), *poison(world, 2))
    world.run({})

    def faults(call: TaskCall) -> Fault | None:
        if at_topic("orders")(call):
            return "denied"
        return "throttle" if at_topic("payments")(call) else None

    ended = world.run(REDRIVE, faults=faults)
    # What the catalogue does not route is the events' own fault, whatever the topics do.
    assert ended.output["outcome"] == "partial"
    assert ended.output["counts"] == {"failed": 2}
    causes = set(ended.output["cause"].split("; "))
    assert causes == {
        f"topic {world.name}-topic-orders: ACCESS_DENIED, 12 left out",
        f"topic {world.name}-topic-payments: THROTTLED, 7 left out",
    }


def poison(world: World, count: int) -> list[DeadLetter]:
    return [world.letter(f"x{n}", step="route", text=event(f"x{n}", "org.unknown"))
            for n in range(count)]  # fmt: skip


@pytest.mark.parametrize(("fault", "code"), REFUSALS)
def test_one_that_fails_in_the_middle_takes_out_the_rest_and_charges_nothing(
    world: World, fault: Fault, code: str
) -> None:
    world.dead_letters(*orders(world, 100))
    world.run({})
    faults: Faults = lambda call: fault if at_topic("orders")(call) and call.number > 2 else None  # noqa: E731
    ended = world.run({**REDRIVE, "canary": 5}, faults=faults)
    assert ended.output["counts"] == {"resolved": 5}
    assert ended.output["cause"] == f"topic {world.name}-topic-orders: {code}, 95 left out"
    assert {one.episode for one in world.letters} == {0}
    assert world.run(ended.output["continue_with"]).output["counts"] == {"resolved": 95}
    assert Counter(len(topics) for topics in world.delivered().values()) == {1: 100}


def test_a_passing_throttle_leaves_out_what_it_met_and_the_run_goes_on(world: World) -> None:
    world.dead_letters(*orders(world, 100))
    world.run({})

    def faults(call: TaskCall) -> Fault | None:
        # The call of the chunk that follows the canary, with the adapter's and the SDK's retries.
        return "throttle" if at_topic("orders")(call) and 2 < call.number <= 10 else None

    ended = world.run({**REDRIVE, "canary": 5, "rate_per_second": 10}, faults=faults)
    left = ended.output["left_out"][0]["letters"]
    assert left == 10
    assert ended.output["counts"] == {"resolved": 100 - left}
    assert {one.episode for one in world.letters} == {0}
    assert world.run(ended.output["continue_with"]).output["counts"] == {"resolved": left}
    assert Counter(len(topics) for topics in world.delivered().values()) == {1: 100}


@pytest.mark.parametrize("fault", ["denied", "missing"])
def test_what_fails_while_its_dependency_works_for_others_is_charged(
    world: World, fault: Fault
) -> None:
    world.dead_letters(*orders(world, 30))
    world.run({})
    # One letter goes first, then three calls, of which this one fails.
    faults: Faults = lambda call: fault if at_topic("orders")(call) and call.number == 3 else None  # noqa: E731
    ended = world.run({**REDRIVE, "canary": 30, "abort_failure_percent": 100}, faults=faults)
    assert ended.output["outcome"] == "done"
    counts = ended.output["counts"]
    assert counts["failed"] + counts["resolved"] == 30
    assert Counter(one.episode for one in world.letters) == {
        1: counts["failed"],
        0: counts["resolved"],
    }
    assert "left_out" not in ended.output


def plain(call: TaskCall) -> str:
    return call.body.replace("%22", '"')


def test_a_letter_that_always_times_out_keeps_no_other_from_its_topic(world: World) -> None:
    world.dead_letters(*orders(world, 20))
    world.run({})
    poisonous = fails("timeout", lambda call: at_topic("orders")(call) and '"o000' in plain(call))
    for episode in (1, 2, 3):
        world.dead_letters(*(world.letter(f"n{episode}{n}") for n in range(20)))
        world.run({**REDRIVE, "abort_failure_percent": 100}, faults=poisonous)
        assert world.row("o000").episode == episode
    assert world.row("o000").state == "parked"
    assert "open" in world.states() or world.states() == {"resolved": 79, "parked": 1}


def test_refusals_of_events_tell_nothing_of_their_topic(world: World) -> None:
    world.dead_letters(*orders(world, 10))
    world.run({})
    faults = once("too-large", at_topic("orders"))
    ended = world.run(REDRIVE, faults=faults)
    assert ended.output["counts"] == {"failed": 1, "resolved": 9}
    assert [one.code for one in world.letters if one.state == "open"] == [Code.TOO_LARGE]


def test_a_parked_letter_that_its_dependency_keeps_from_its_step_stays_parked(world: World) -> None:
    world.dead_letters(*orders(world, 1))
    world.run({**REDRIVE, "max_episodes": 1}, faults=once("too-large", at_topic("orders")))
    assert world.states() == {"parked": 1}
    by_id = {**REDRIVE, "filter": {"letter_ids": [world.row("o000").key]}}
    before = kept(world)
    assert (
        world.run(by_id, faults=fails("denied", at_topic("orders"))).output["outcome"] == "aborted"
    )
    assert kept(world) == before
    assert world.run(by_id).output["counts"] == {"resolved": 1}


@pytest.mark.parametrize("killed", ["killed", "done-then-killed"])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_page_that_dies_while_it_gives_letters_back_charges_nothing(
    world: World, killed: Fault, number: int
) -> None:
    world.dead_letters(*orders(world, 15), *payments(world, 15))
    world.run({})
    where = ("page", "BatchExecuteStatement", number)

    def writing(call: TaskCall) -> bool:
        return (call.task, call.operation, call.number) == where

    dies = once(killed, writing)

    def faults(call: TaskCall) -> Fault | None:
        return dies(call) or ("denied" if at_topic("orders")(call) else None)

    ended = world.run({**REDRIVE, "canary": 30}, faults=faults)
    assert ended.output["outcome"] == "partial"
    assert {one.episode for one in world.letters} == {0}
    assert world.states() == {"open": 15, "resolved": 15}
    assert ended.output["not_taken_up"] == 15
    world.run(REDRIVE)
    assert world.states() == {"resolved": 30}


def test_what_is_left_out_does_not_slow_the_others_down(world: World) -> None:
    world.dead_letters(*orders(world, 400), *payments(world, 20))
    world.run({})
    began, paused = world.clock.passed, len(world.clock.pauses)
    ended = world.run(REDRIVE, faults=fails("denied", at_topic("orders")))
    assert ended.output["counts"] == {"resolved": 20}
    assert world.clock.passed - began < 5
    # Nor is each of them read.
    reads = [
        call
        for process in world.processes
        for call in process.calls
        if (call.task, call.operation) == ("page", "BatchGetItem")
    ]
    assert len(reads) <= 6
    assert len(world.clock.pauses) - paused < 20
