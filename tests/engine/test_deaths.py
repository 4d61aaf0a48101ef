"""Whenever a process dies, an answer is lost or an execution is stopped: nothing is lost or left over.

After each, the locks are free, no letter is held, and a further run brings every letter to its end: once
in the ledger, at least once at its subscriber.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.engine.letters import PAYMENT, event, stream_record
from tests.engine.world import Stopped
from tests.faults.choosing import meanwhile, once
from tests.faults.vocabulary import Fault, Killed

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.engine.process import TaskCall
    from tests.engine.world import Ended, World

REDRIVE = {"action": "redrive"}
ENDS = {"resolved": 6, "open": 1}


@pytest.fixture
def world(world: World) -> World:
    """A world with letters for every step, one of which no redrive can help."""
    world.record(
        world.letter("s1", stage="ingest"),
        world.letter("s2", stage="ingest"),
        world.letter("a", stage="ingest", step="archive"),
        world.letter("o1"),
        world.letter("o2"),
        world.letter("p", topic="payments", text=event("p", PAYMENT)),
        world.letter("x", step="route", text=event("x", "org.unknown")),
    )
    return world


# Every call that a redrive makes once it has its plan, queries apart.
LOCK = [
    ("lock", "UpdateItem", 1),
    ("lock", "UpdateItem", 2),
    ("lock", "GetItem", 1),  # what the stage has had taken up
    ("lock", "UpdateItem", 3),
    ("lock", "GetItem", 2),
    ("lock", "UpdateItem", 4),
    ("lock", "GetItem", 3),  # whose are the letters that are held?
    ("lock", "GetItem", 4),
]
VERIFY = [
    ("verify", "GetObject", 1),
    ("verify", "GetItem", 1),  # who is suspended
]
PROBE = [
    ("probe", "DescribeTable", 1),
    ("probe", "GetTopicAttributes", 1),
    ("probe", "GetTopicAttributes", 2),
]
PAGE = [
    ("page", "GetObject", 1),  # the plan
    ("page", "UpdateItem", 1),  # the lock
    ("page", "UpdateItem", 2),
    ("page", "BatchGetItem", 1),  # the letters
    ("page", "BatchExecuteStatement", 1),  # claimed
    ("page", "ExecuteStatement", 1),  # stored: the first, then the other
    ("page", "PutObject", 1),  # archived
    ("page", "PublishBatch", 1),  # the first of each topic
    ("page", "PublishBatch", 2),
    ("page", "BatchExecuteStatement", 2),  # their receipts
    ("page", "ExecuteStatement", 2),
    ("page", "PublishBatch", 3),
    ("page", "BatchExecuteStatement", 3),
    ("page", "BatchExecuteStatement", 4),  # recorded
    ("page", "PutObject", 2),  # the results
]
# After a page, when its results are safe.
SUMMARY = [("page", "UpdateItem", 3), ("page", "UpdateItem", 4)]
FINISH = [
    ("finish", "GetItem", 1),  # the locks
    ("finish", "UpdateItem", 1),
    ("finish", "GetItem", 2),
    ("finish", "GetItem", 3),
    ("finish", "UpdateItem", 2),
    ("finish", "GetItem", 4),
    ("finish", "GetObject", 1),  # the results
    ("finish", "ListObjectsV2", 1),  # of the triage
    ("finish", "GetObject", 2),
    ("finish", "GetItem", 5),  # what is open
    ("finish", "PutObject", 1),  # the report
    ("finish", "ExecuteStatement", 1),  # the audit
    ("finish", "Publish", 1),  # the message
    ("finish", "PutObject", 2),  # that all has been told
]
Where = tuple[str, str, int]


def at(where: Where) -> Any:
    return lambda call: (call.task, call.operation, call.number) == where


def see_all_well(world: World, *, most: int = 2) -> Counter[str]:
    """Nothing is held, and a further run ends what this one has not; how often what was delivered."""
    assert world.locked() == {}
    assert world.states()["redriving"] == 0
    world.run(REDRIVE)
    assert world.locked() == {}
    assert world.states() == ENDS
    assert len(world.letters) == 7
    assert world.stored().keys() == {"s1", "s2"}
    assert world.archived().keys() == {"a"}
    # A process that dies before it writes a receipt sends the event again.
    assert world.proven() == {"o1": "orders", "o2": "orders", "p": "payments"}
    delivered = Counter({id: len(topics) for id, topics in world.delivered().items()})
    assert delivered.keys() == {"o1", "o2", "p"}
    assert max(delivered.values()) <= most
    return delivered


@pytest.mark.aws
def test_these_are_all_the_calls(world: World) -> None:
    assert world.run(REDRIVE).output["outcome"] == "done"
    made = {
        (call.task, call.operation, call.number)
        for call in world.calls()
        if call.task in ("lock", "verify", "probe", "page", "finish") and call.operation != "Query"
    }
    of_the_run = {*LOCK, *VERIFY, *PROBE, *PAGE, *SUMMARY, *FINISH}
    assert made >= of_the_run
    # What is left concerns messages of incidents, after the report.
    assert {where[0] for where in made - of_the_run} == {"finish"}


# To die after a call is to die before the next one.
@pytest.mark.parametrize("where", [*LOCK, *VERIFY, *PROBE])
def test_a_process_that_dies_before_the_first_page(world: World, where: Where) -> None:
    before = world.letters
    ended = world.run(REDRIVE, faults=once("done-then-killed", at(where)))
    assert ended.error == "Runtime.ExitError"
    assert world.letters == before
    assert set(see_all_well(world).values()) == {1}


@pytest.mark.parametrize("where", [*PAGE, *SUMMARY, *FINISH])
def test_a_process_that_dies_later_is_taken_over_by_another(world: World, where: Where) -> None:
    ended = world.run(REDRIVE, faults=once("done-then-killed", at(where)))
    assert ended.output["outcome"] == "done"
    assert ended.output["counts"] == {"resolved": 6, "failed": 1}
    assert world.states() == ENDS
    assert world.row("x").episode == 1
    assert {one["letter"] for one in world.report(ended)["failed_again"]} == {world.row("x").key}
    see_all_well(world)


@pytest.mark.parametrize("where", [*PAGE[:-1], *SUMMARY, *FINISH[:2]])
def test_processes_that_die_each_time(world: World, where: Where) -> None:
    ended = world.run(REDRIVE, faults=lambda call: "killed" if at(where)(call) else None)
    assert ended.error == "Runtime.ExitError"
    outcomes = [entry["outcome"] for entry in world.audit()]
    # A page that always dies is reported by `finish`, a `finish` that always dies by `release`.
    assert outcomes == (["failed"] if where[0] == "page" else ["partial"])
    (report,) = world.objects("reports/")
    counts = world.read(report)["counts"]
    states = world.states()
    assert counts.get("resolved", 0) == states["resolved"]
    assert counts.get("failed", 0) == world.row("x").episode
    # A page is tried four times.
    see_all_well(world, most=5)


@pytest.mark.parametrize("where", [*PAGE, *SUMMARY])
def test_an_execution_that_is_stopped_in_the_middle_of_a_page(world: World, where: Where) -> None:
    ended = world.run(REDRIVE, faults=meanwhile(at(where), world.stop))
    assert ended.error == "Stopped"
    assert world.releases[0]["released"] == ["lock#ingest", "lock#publish"]
    assert world.locked() == {}
    assert world.states()["redriving"] == 0
    entry = world.audit()[-1]
    assert (entry["outcome"], entry["cause"]) == ("partial", "the execution was aborted")
    report = world.read(entry["report"])
    # By the ledger, as it was at that moment.
    assert report["counts"].get("resolved", 0) in (0, 6)
    if left := report.get("not_taken_up"):
        assert report["continue_with"]["action"] == "redrive"
        assert left + sum(report["counts"].values()) == 7
    assert any("redrive partial" in subject for subject, _ in world.told())
    # What became of the letters is asked of the ledger, without their events.
    read = [call.body for call in world.calls("release", "BatchGetItem")]
    assert read
    assert all("ProjectionExpression" in body for body in read)
    see_all_well(world)


@pytest.mark.memory
def test_a_page_that_dies_after_its_execution_was_stopped(world: World) -> None:
    stop, die = meanwhile(at(PAGE[4]), world.stop), once("killed", at(PAGE[7]))
    ended = world.run(REDRIVE, faults=lambda call: stop(call) or die(call))
    assert ended.error == "Stopped"
    assert world.locked() == {}
    # Claimed after `release` had looked: still counted, until the next run takes them up.
    assert world.states()["redriving"] == 7
    assert world.count()["publish"]["open"] == 4
    assert world.run(REDRIVE).output["counts"] == {"resolved": 6, "failed": 1}
    see_all_well(world)


# The calls of a release that fail or die once: by then it has unlocked what it had to.
RELEASE = [
    ("release", "ListObjectsV2", 1),  # is there a plan, and nothing told of it?
    ("release", "GetObject", 1),  # the plan
    ("release", "BatchGetItem", 1),  # what became of its letters
    ("release", "PutObject", 1),  # the report
    ("release", "ExecuteStatement", 1),  # the audit
    ("release", "Publish", 1),  # the message
    ("release", "PutObject", 2),  # that all has been told
]


@pytest.mark.parametrize("fault", ["killed", "denied"])
@pytest.mark.parametrize("where", RELEASE)
def test_a_release_that_fails_is_done_again_and_tells_all(
    world: World, where: Where, fault: Fault
) -> None:
    stop, fail = meanwhile(at(PAGE[4]), world.stop), once(fault, at(where))
    ended = world.run(REDRIVE, faults=lambda call: stop(call) or fail(call))
    assert ended.error == "Stopped"
    entry = world.audit()[-1]
    assert (entry["outcome"], entry["cause"]) == ("partial", "the execution was aborted")
    report = world.read(entry["report"])
    assert report["continue_with"]["action"] == "redrive"
    assert any("redrive partial" in subject for subject, _ in world.told())
    see_all_well(world)


def released_again(world: World, execution: str) -> None:
    """EventBridge delivers an event at least once."""
    members = {"execution": execution, "started_at": 0, "status": "ABORTED"}
    world.process().invoke(world.task("release", **members))


@pytest.mark.parametrize("stopped", [True, False])
def test_a_release_of_a_run_that_all_is_told_of_tells_nobody_again(
    world: World, stopped: bool
) -> None:
    faults = meanwhile(lambda call: stopped and at(PAGE[4])(call), world.stop)
    world.run(REDRIVE, faults=faults, name="stopped-or-done")
    audited, told = world.audit(), world.told()
    assert any("redrive" in subject for subject, _ in told)
    released_again(world, "stopped-or-done")
    assert (world.audit(), world.told()) == (audited, [])


@pytest.mark.parametrize("action", ["redrive", "plan"])
def test_an_execution_that_is_stopped_before_it_had_a_lock_is_reported(
    world: World, action: str
) -> None:
    before = world.letters

    def stop(_: Any = None) -> Any:
        world.release()
        raise Stopped

    asked = {"action": action, "approval_above": 0}
    ended = world.run(asked, approve=stop, before={"report": stop})
    assert ended.error == "Stopped"
    entry = world.audit()[-1]
    assert (entry["outcome"], entry["cause"]) == ("partial", "the execution was aborted")
    report = world.read(entry["report"])
    assert (report["counts"], report["not_taken_up"]) == ({}, 7)
    # A plan changes nothing: how it went is in its report alone.
    redrives = [subject for subject, _ in world.told() if "redrive partial" in subject]
    assert len(redrives) == (action == "redrive")
    assert world.letters == before
    see_all_well(world)


def test_an_execution_that_is_stopped_before_it_had_a_plan_has_nothing_to_report(
    world: World,
) -> None:
    def stop() -> None:
        world.release()
        raise Stopped

    world.run(REDRIVE, before={"plan": stop})
    assert world.audit() == []
    assert world.told() == []


@pytest.mark.aws
def test_a_lease_that_ended_is_taken_over_and_its_page_stops(world: World) -> None:
    """The first run hangs in its page for so long that its lease ends; a second takes over."""
    second: list[Ended] = []

    def take_over() -> None:
        world.clock.passed += 300
        second.append(world.run({**REDRIVE, "stage": "publish"}))

    first = world.run(
        {**REDRIVE, "stage": "publish", "canary": 2}, faults=meanwhile(at(PAGE[7]), take_over)
    )
    assert second[0].output["outcome"] == "done"
    assert second[0].output["counts"] == {"resolved": 3, "failed": 1}
    assert first.output["outcome"] == "partial"
    assert first.output["cause"] == "lost lock"
    # It had sent two, which the second run, not knowing, sent as well; it did not write that down.
    assert first.output["counts"] == {"unrecorded": 2}
    world.run({**REDRIVE, "stage": "ingest"})
    see_all_well(world)


# AWS decides what a request that is made again finds: by its conditions, or the first write.
@pytest.mark.parametrize(
    "where",
    [
        *(
            pytest.param(where, marks=pytest.mark.aws)
            for where in (LOCK[0], LOCK[3], PAGE[4], FINISH[11])
        ),
        *(LOCK[1], PAGE[1], PAGE[5], PAGE[7], PAGE[9], FINISH[1]),
    ],
)
def test_an_answer_that_is_lost(world: World, where: Where) -> None:
    ended = world.run(REDRIVE, faults=once("done-then-timeout", at(where)))
    assert ended.output["outcome"] == "done"
    assert ended.output["counts"] == {"resolved": 6, "failed": 1}
    see_all_well(world)


def changing(state: str) -> Any:
    return lambda call: call.task == "page" and call.to == state


@pytest.mark.parametrize("fault", ["throttle", "denied"])
def test_a_ledger_that_does_not_let_letters_be_claimed(world: World, fault: Fault) -> None:
    before = {one.id: (one.state, one.episode, one.version) for one in world.letters}
    ended = world.run(REDRIVE, faults=lambda call: fault if changing("redriving")(call) else None)
    assert ended.output["outcome"] == "partial"
    assert ended.output["counts"] == {"left": 7}
    assert ended.output["not_taken_up"] == 7
    assert {one.id: (one.state, one.episode, one.version) for one in world.letters} == before
    assert world.delivered() == {}
    see_all_well(world)


def test_a_ledger_that_does_not_take_down_what_became_of_letters(world: World) -> None:
    ended = world.run(REDRIVE, faults=lambda call: "denied" if changing("resolved")(call) else None)
    assert ended.output["outcome"] == "partial"
    assert ended.output["counts"] == {"unrecorded": 7}
    assert world.states() == {"open": 7}
    delivered = see_all_well(world)
    assert set(delivered.values()) == {2}
    # Stored once all the same.
    assert len(world.stored()) == 2


@pytest.mark.aws
@pytest.mark.parametrize("state", ["redriving", "resolved"])
def test_a_ledger_that_is_busy_for_a_moment(world: World, state: str) -> None:
    # One attempt of the SDK and its second, then it is the ledger's own turn to wait.
    refused: list[TaskCall] = []

    def faults(call: TaskCall) -> Fault | None:
        if changing(state)(call) and len(refused) < 2:
            refused.append(call)
            return "throttle"
        return None

    ended = world.run(REDRIVE, faults=faults)
    assert ended.output["counts"] == {"resolved": 6, "failed": 1}
    assert set(see_all_well(world).values()) == {1}


def test_a_lock_that_cannot_be_renewed_ends_the_run(world: World) -> None:
    def faults(call: TaskCall) -> Fault | None:
        return "denied" if call.task == "page" and call.operation == "UpdateItem" else None

    ended = world.run(REDRIVE, faults=faults)
    assert ended.error == "DependencyDown"
    assert world.delivered() == {}
    see_all_well(world)


# Triage

TRIAGE = ["ReceiveMessage", "UpdateItem", "PutObject", "GetObject", "DeleteMessageBatch"]
FAULTS: list[tuple[Fault, int]] = [
    ("done-then-killed", 1),
    ("done-then-killed", 2),
    ("done-then-timeout", 1),
    ("denied", 1),
]


@pytest.mark.memory
@pytest.mark.parametrize(("fault", "number"), FAULTS)
@pytest.mark.parametrize("operation", TRIAGE)
def test_whatever_happens_to_triage_each_letter_is_in_the_ledger_once(
    new_world: Callable[[], World], fault: Fault, operation: str, number: int
) -> None:
    world = new_world()
    world.dead_letters(world.letter("a"), world.letter("b"), world.letter("c", stage="ingest"))
    world.send("publish", "junk")
    record = {"payload": {"Records": [stream_record(event(id)) for id in ("r1", "r2")]}}
    world.put_record("aws/lambda/1", json.dumps(record).encode())
    ended = world.run({}, faults=once(fault, lambda call: (call.task, call.operation, call.number)
                                      == ("triage", operation, number)))  # fmt: skip
    assert ended.output["outcome"] == "triaged"
    assert world.locked() == {}
    world.give_back()
    world.run({})
    assert world.waiting() == 0
    assert sorted(one.id for one in world.letters) == ["a", "b", "c", "r1", "r2"]
    assert world.states() == {"open": 5}
    assert len(world.objects("junk/publish/")) == 1


def test_a_triage_that_dies_for_good_is_released(world: World) -> None:
    world.dead_letters(world.letter("new"))

    def faults(call: TaskCall) -> Fault | None:
        return "killed" if call.operation == "ReceiveMessage" else None

    ended = world.run({}, faults=faults)
    assert ended.error == "Runtime.ExitError"
    assert world.locked() == {}
    assert world.waiting() == 1


def test_death_is_no_exception_that_code_could_catch() -> None:
    assert not issubclass(Killed, Exception)
