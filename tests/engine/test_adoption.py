"""Adoption: what a lost region took and did not publish is published here, once, and nothing else is."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from eventing.timestamps import read_moment, timestamp
from tests.engine.adoption import LOST, Adoption
from tests.engine.letters import event

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.engine.process import TaskCall
    from tests.engine.world import World
    from tests.faults.vocabulary import Fault

REDRIVE = {"action": "redrive", "stage": "publish", "filter": {"cause": "REGION_LOST"}}


@pytest.fixture
def adoption(world: World) -> Adoption:
    """A world in which another region took events."""
    return Adoption(world)


def numbered(count: int, prefix: str = "e") -> list[str]:
    return [f"{prefix}{number}" for number in range(count)]


def adopted(world: World) -> set[str]:
    return {letter.id for letter in world.letters if letter.code == "REGION_LOST"}


def redrive(world: World) -> Any:
    """Redrive what was adopted."""
    return world.run(REDRIVE).output["counts"]


def delivered(world: World) -> dict[str, int]:
    return {id: len(topics) for id, topics in world.delivered().items()}


@pytest.mark.aws
def test_what_has_no_receipt_is_adopted_and_published_by_a_redrive_once(
    adoption: Adoption,
) -> None:
    world = adoption.world
    adoption.accept(*numbered(6))
    adoption.publish("e0", "e1")
    adoption.accept(*numbered(3, "own"), region=world.cloud.region)

    ended = adoption.run()

    assert ended.output["outcome"] == "adopted"
    assert ended.output["counts"] == {
        "read": 9,
        "found": 6,
        "published": 2,
        "adopted": 4,
    }
    assert adopted(world) == {"e2", "e3", "e4", "e5"}
    assert redrive(world) == {"resolved": 4}
    assert delivered(world) == dict.fromkeys(["e2", "e3", "e4", "e5"], 1)


def test_those_accepted_after_the_last_receipt_may_have_been_published_and_are_counted(
    adoption: Adoption,
) -> None:
    adoption.accept("e0", "e1", "e2")
    adoption.publish("e0")
    adoption.accept("e3", "e4")

    assert adoption.run().output["counts"]["doubtful"] == 2


def test_run_again_it_finds_nothing_whatever_became_of_the_letters(adoption: Adoption) -> None:
    world = adoption.world
    adoption.accept(*numbered(5))
    adoption.run()
    again = adoption.run().output
    assert again["counts"].get("adopted", 0) == 0
    assert again["counts"]["on_record"] == 5

    redrive(world)
    last = adoption.run().output

    # Their receipts are found where those of the lost region are.
    assert last["outcome"] == "nothing"
    assert last["counts"]["published"] == 5
    assert world.states() == Counter(resolved=5)
    assert delivered(world) == dict.fromkeys(numbered(5), 1)


def test_a_letter_that_was_discarded_stays_so(adoption: Adoption) -> None:
    world = adoption.world
    adoption.accept("e0", "e1")
    adoption.run()
    world.run(
        {"action": "discard", "stage": "publish", "filter": {"letter_ids": [world.row("e0").key]}}
    )

    adoption.run()

    assert world.states() == Counter(open=1, discarded=1)


def test_only_the_window_is_adopted(adoption: Adoption) -> None:
    world = adoption.world
    begin = world.clock.now()
    moments = {
        "before": begin - timedelta(milliseconds=1),
        "first": begin,
        "last": begin + timedelta(minutes=9, seconds=59, milliseconds=999),
        "after": begin + timedelta(minutes=10),
    }
    for id, moment in moments.items():
        adoption.accept(id, at=moment)
    world.clock.passed += 7200
    window: dict[str, Any] = {
        "from": timestamp(begin),
        "to": timestamp(begin + timedelta(minutes=10)),
    }

    adoption.run(**window)

    assert adopted(world) == {"first", "last"}


def test_what_is_erased_expired_or_no_event_is_counted_and_left(adoption: Adoption) -> None:
    adoption.accept("gone", erased=True)
    adoption.accept("odd", text='{"id": 5}')
    adoption.accept("fine")

    counts = adoption.run().output["counts"]

    assert (counts["erased"], counts["unreadable"], counts["adopted"]) == (1, 1, 1)
    assert adopted(adoption.world) == {"fine"}


def test_an_event_that_no_topic_takes_is_a_letter_all_the_same(adoption: Adoption) -> None:
    adoption.accept("x", text=event("x", "org.unknown"))

    adoption.run()

    assert adopted(adoption.world) == {"x"}
    assert redrive(adoption.world) == {"failed": 1}
    assert adoption.world.row("x").code == "NO_ROUTE"


def test_all_letters_of_a_region_have_one_root_cause_and_operators_are_told_once(
    adoption: Adoption,
) -> None:
    world = adoption.world
    adoption.accept("order")
    adoption.accept("x", text=event("x", "org.unknown"))
    adoption.run()

    assert len({letter.item["fingerprint"]["S"] for letter in world.letters}) == 1
    ((subject, text),) = world.told()
    assert subject == f"shop: adopted 2 events of {LOST}"
    assert "eventing redrive --stage publish --cause REGION_LOST" in text
    # The counter finds letters that operators know of.
    assert world.count()["started"] == []
    assert world.told() == []


def test_it_is_audited_with_who_and_why_and_whether_it_waited(adoption: Adoption) -> None:
    adoption.accept("e0")
    adoption.run(now=True)

    (entry,) = adoption.world.audit()
    assert entry["outcome"] == "adopted"
    assert entry["counts"]["adopted"] == 1
    asked = entry["request"]
    assert asked["action"] == "regions adopt"
    assert (asked["region"], asked["started_by"], asked["reason"], asked["now"]) == (
        LOST,
        "ada",
        "the region is down",
        True,
    )


# Waiting


def test_it_waits_until_the_window_is_a_quarter_of_an_hour_old(adoption: Adoption) -> None:
    world = adoption.world
    adoption.accept("e0")
    waited: list[float] = []

    ended = adoption.run(now=False, meanwhile=waited.append)

    assert ended.output["outcome"] == "adopted"
    assert 14 * 60 < sum(waited) <= 16 * 60
    assert adopted(world) == {"e0"}


def test_it_waits_a_quarter_of_an_hour_after_the_region_has_published_last(
    adoption: Adoption,
) -> None:
    world = adoption.world
    adoption.accept("e0", "e1", "e2")
    waited: list[float] = []

    def meanwhile(seconds: float) -> None:
        waited.append(seconds)
        # The region comes to it after all, before the wait is over.
        if 600 < sum(waited) <= 660:
            adoption.publish("e0", "e1")

    ended = adoption.run(now=False, meanwhile=meanwhile)

    assert sum(waited) > 24 * 60
    assert ended.output["counts"]["published"] == 2
    assert adopted(world) == {"e2"}


def test_a_region_that_goes_on_publishing_is_not_lost(adoption: Adoption) -> None:
    number = 0

    def meanwhile(seconds: float) -> None:
        nonlocal number
        number += 1
        adoption.accept(f"w{number}")
        adoption.publish(f"w{number}")

    adoption.accept("e0")

    ended = adoption.run(now=False, meanwhile=meanwhile)

    assert ended.error == "InvalidInput"
    assert f"region: {LOST} has published until 2026-11-27T1" in str(ended.cause)
    assert adoption.world.letters == []


def test_a_plan_says_what_it_takes_and_changes_nothing(adoption: Adoption) -> None:
    adoption.accept(*numbered(100))
    adoption.publish("e0")

    ended = adoption.run(action="plan", now=False)

    assert ended.output["outcome"] == "planned"
    plan = ended.output["plan"]
    assert plan["events"] == 100
    assert plan["segments"] == 8
    assert plan["last_published_at"] < plan["quiet_at"]
    assert not plan["better_exported"]
    assert adoption.world.letters == []
    assert adoption.world.audit() == []


@pytest.mark.parametrize(
    ("members", "fault"),
    [
        ({"region": "eu-north-1"}, "region: is eu-north-1, where this runs"),
        ({"region": "mars-1"}, f"region: must be another one of this deployment: {LOST}"),
        ({"to": "2026-11-01T00:00:00Z"}, "to: must be later than from"),
        ({"to": "2027-01-01T00:00:00Z", "from": "2026-12-31T00:00:00Z"}, "to: must not lie"),
        ({"from": "2026-11-01T00:00:00Z"}, "to: must be 7 days after from at most"),
        ({"from": "yesterday"}, "from: must be a time with its offset"),
        ({"reason": "REASON"}, "reason: must say why"),
        ({"started_by": "counter"}, "started_by: must say who asks"),
        ({"now": "yes"}, "now: must be true or false"),
        ({"limit": 5}, "limit: there is no such field"),
    ],
)
def test_a_faulty_request_is_refused_before_anything_is_read(
    adoption: Adoption, members: dict[str, Any], fault: str
) -> None:
    adoption.accept("e0")

    ended = adoption.run(**{"now": True, **members})

    assert ended.error == "InvalidInput"
    assert fault in str(ended.cause)
    assert adoption.world.calls(operation="Scan") == []


# Failures


WRITES = {"BatchExecuteStatement", "ExecuteStatement", "UpdateItem", "Publish"}


def every_call(new_world: Callable[[], World]) -> list[tuple[str, str, int]]:
    adoption = Adoption(new_world())
    adoption.accept(*numbered(8))
    adoption.run(now=True)
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for call in adoption.world.calls():
        seen[call.task, call.operation] += 1
        # Of those that read, one is like the other.
        if call.operation in WRITES or seen[call.task, call.operation] == 1:
            found.append((call.task, call.operation, call.number))
    return found


@pytest.mark.parametrize("fault", ["killed", "done-then-killed", "throttle", "timeout"])
def test_whichever_call_fails_once_all_are_adopted_and_published_once(
    new_world: Callable[[], World], fault: Fault
) -> None:
    calls = every_call(new_world)
    assert {operation for _, operation, _ in calls} > WRITES
    for task, operation, number in calls:
        adoption = Adoption(new_world())
        world = adoption.world
        adoption.accept(*numbered(8))
        hit: list[TaskCall] = []

        def faults(
            call: TaskCall,
            at: tuple[str, str, int] = (task, operation, number),
            hit: list[TaskCall] = hit,
        ) -> Fault | None:
            if not hit and (call.task, call.operation, call.number) == at:
                hit.append(call)
                return fault
            return None

        ended = adoption.run(faults=faults, now=True)
        assert hit, (task, operation, number)
        if ended.error:
            ended = adoption.run(now=True)
        assert ended.output["outcome"] == "adopted", (task, operation, number)
        assert adopted(world) == set(numbered(8))
        assert redrive(world) == {"resolved": 8}
        assert delivered(world) == dict.fromkeys(numbered(8), 1)


@pytest.mark.parametrize("operation", ["DescribeTable", "Scan", "Query", "BatchExecuteStatement"])
def test_denied_it_fails_names_what_and_tells_operators_and_goes_on_when_asked_again(
    adoption: Adoption, operation: str
) -> None:
    world = adoption.world
    adoption.accept(*numbered(3))

    ended = adoption.run(faults=lambda call: "denied" if call.operation == operation else None)

    assert ended.error == "DependencyDown"
    assert "ACCESS_DENIED" in str(ended.cause)
    began = operation in ("Scan", "BatchExecuteStatement")
    assert [subject for subject, _ in world.told()] == [f"shop: adopting {LOST} failed"] * began
    assert [entry["outcome"] for entry in world.audit()] == ["failed"] * began
    adoption.run()
    assert adopted(world) == set(numbered(3))


def test_a_table_of_many_pages_is_read_in_several_tasks(adoption: Adoption) -> None:
    world = adoption.world
    ids = numbered(400)
    adoption.accept(*ids)
    adoption.publish(*ids[:100])

    def slow(call: TaskCall) -> None:
        world.clock.passed += 20 if call.operation == "Scan" else 0

    ended = adoption.run(faults=slow)

    assert list(ended.tasks).count("find") > 2
    assert ended.output["counts"]["read"] == 400
    assert ended.output["counts"]["adopted"] == 300
    assert adopted(world) == set(ids[100:])


def test_a_table_of_too_many_pages_is_given_up_and_what_was_found_stays(adoption: Adoption) -> None:
    world = adoption.world
    ids = numbered(400)
    adoption.accept(*ids)

    def slow(call: TaskCall) -> None:
        world.clock.passed += 20 if call.operation == "Scan" else 0

    ended = adoption.run(faults=slow, pages=1998)

    assert ended.error == "TooManyPages"
    assert "docs/regions.md says how to export it" in ended.cause
    (told,) = world.told()
    assert told[0] == f"shop: adopting {LOST} failed"
    assert 0 < len(adopted(world)) < 400
    adoption.run()
    assert adopted(world) == set(ids)


# The region comes back


def test_what_the_region_published_after_all_is_not_sent_but_resolved_as_adopted(
    adoption: Adoption,
) -> None:
    world = adoption.world
    adoption.accept(*numbered(4))
    adoption.run()
    adoption.publish("e0", "e1")

    assert redrive(world) == {"resolved": 2, "adopted": 2}
    assert delivered(world) == {"e2": 1, "e3": 1}
    assert world.states() == Counter(resolved=4)


def test_letters_of_the_region_that_is_back_are_resolved_when_another_has_published_them(
    adoption: Adoption,
) -> None:
    world, here = adoption.world, adoption.world.cloud.region
    letters = [world.letter(id, publisher="acme") for id in numbered(4)]
    world.record(*letters)
    for letter in letters:
        adoption.accept(
            json.loads(letter.event)["id"], region=here, at=read_moment(letter.accepted_at)
        )
    adoption.publish("e0", "e1", "e2", region=LOST, origin=here)
    # What it has published itself, and does not know of, is sent again: as ever.
    adoption.publish("e3", region=here, origin=here)

    counts = world.run({"action": "redrive", "stage": "publish"}).output["counts"]

    assert counts == {"adopted": 3, "resolved": 1}
    assert delivered(world) == {"e3": 1}


@pytest.mark.parametrize("fault", ["denied", "throttle", "timeout"])
def test_where_receipts_can_t_be_read_nothing_is_sent(adoption: Adoption, fault: Fault) -> None:
    world = adoption.world
    adoption.accept(*numbered(4))
    adoption.run()
    table = world.receipts

    def faults(call: TaskCall) -> Fault | None:
        return fault if call.operation == "Query" and table in call.body else None

    ended = world.run(REDRIVE, faults=faults)

    assert delivered(world) == {}
    (left_out,) = ended.output["left_out"]
    assert (left_out["resource"], left_out["letters"]) == (f"table {table}", 4)
    assert world.states() == Counter(open=4)
    assert redrive(world) == {"resolved": 4}


def test_a_page_that_dies_after_it_has_resolved_letters_as_adopted_counts_them_so(
    adoption: Adoption,
) -> None:
    world = adoption.world
    adoption.accept(*numbered(3))
    adoption.run()
    adoption.publish(*numbered(3))
    killed: list[TaskCall] = []

    def faults(call: TaskCall) -> Fault | None:
        if call.task == "page" and call.operation == "PutObject" and not killed:
            killed.append(call)
            return "killed"
        return None

    assert world.run(REDRIVE, faults=faults).output["counts"] == {"adopted": 3}
    assert delivered(world) == {}
