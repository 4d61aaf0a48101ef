"""A redrive leaves the letters of suspended publishers out, unless somebody asks for them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from functions.contract import RegistryRows
from tests.faults.choosing import meanwhile

if TYPE_CHECKING:
    from tests.engine.process import TaskCall
    from tests.engine.world import World
    from tests.faults.vocabulary import Fault

REDRIVE = {"action": "redrive"}


def asks_who_is_suspended(call: TaskCall) -> bool:
    return call.operation == "GetItem" and f'"{RegistryRows.DOORKEEPER}"' in call.body


def with_letters_of_both(world: World) -> list[str]:
    """Letters of acme-web, which is suspended, each older than one of globex; the ids of the latter."""
    for number in range(4):
        world.dead_letters(
            world.letter(f"a{number}"), world.letter(f"g{number}", publisher="globex")
        )
    world.suspend("acme-web")
    return [f"g{number}" for number in range(4)]


@pytest.mark.aws
def test_letters_of_a_suspended_publisher_stay_as_they_are(world: World) -> None:
    ids = with_letters_of_both(world)
    planned = world.run({"action": "plan"}).output["plan"]
    assert (planned["letters"], planned["by_publisher"]) == (4, {"globex": 4})
    assert (planned["withheld"], planned["withheld_by_publisher"]) == (4, {"acme-web": 4})
    (warning,) = planned["warnings"]
    assert "resume the publisher" in warning
    # Who has suspended a publisher just now relies on it.
    (asked,) = (call for call in world.calls() if asks_who_is_suspended(call))
    assert json.loads(asked.body)["ConsistentRead"] is True

    world.told()
    redriven = world.run(REDRIVE)
    # What is left out on purpose is nothing that the run has left over.
    assert redriven.output["outcome"] == "done"
    assert redriven.output["counts"] == {"resolved": 4}
    assert world.delivered() == {id: ["orders"] for id in ids}
    left = [letter for letter in world.letters if letter.state == "open"]
    assert {(letter.id, letter.version, letter.run) for letter in left} == {
        (f"a{number}", 1, None) for number in range(4)
    }
    assert world.report(redriven)["plan"]["warnings"] == [warning]
    assert any(warning in text for _, text in world.told())


@pytest.mark.parametrize("by", ["publisher", "letter_ids"])
def test_whoever_names_them_gets_them(world: World, by: str) -> None:
    with_letters_of_both(world)
    world.run({})
    chosen: Any = "acme-web"
    if by == "letter_ids":
        chosen = [world.row(id).key for id in ("a0", "a1", "a2", "a3")]

    redriven = world.run({**REDRIVE, "filter": {by: chosen}})
    assert redriven.output["counts"] == {"resolved": 4}
    assert redriven.output["plan"]["withheld"] == 0
    assert world.delivered() == {f"a{number}": ["orders"] for number in range(4)}
    # Who is suspended makes no difference, so nobody asked.
    assert not [call for call in world.calls() if asks_who_is_suspended(call)]


def test_a_discard_takes_them_too(world: World) -> None:
    with_letters_of_both(world)
    discarded = world.run({"action": "discard", "everything": True})
    assert discarded.output["counts"] == {"discarded": 8}
    assert not [call for call in world.calls() if asks_who_is_suspended(call)]


def test_they_do_not_count_into_the_limit(world: World) -> None:
    ids = with_letters_of_both(world)
    redriven = world.run({**REDRIVE, "limit": 2})
    assert redriven.output["counts"] == {"resolved": 2}
    assert world.delivered() == {id: ["orders"] for id in ids[:2]}


def test_a_filter_that_selects_theirs_alone_is_no_faulty_input(world: World) -> None:
    with_letters_of_both(world)
    world.suspend("acme-web", "globex")

    ended = world.run({**REDRIVE, "filter": {"topic": "orders"}})
    assert ended.output["outcome"] == "nothing"
    assert ended.output["plan"]["withheld"] == 8
    assert world.states() == {"open": 8}
    faulty = world.run({**REDRIVE, "filter": {"topic": "payments"}})
    assert faulty.error == "InvalidInput"


@pytest.mark.parametrize("fault", ["denied", "throttle", "missing", "unreachable", "timeout"])
def test_a_registry_that_is_down_stops_no_redrive(world: World, fault: Fault) -> None:
    with_letters_of_both(world)

    def down(call: TaskCall) -> Fault | None:
        return fault if asks_who_is_suspended(call) else None

    redriven = world.run(REDRIVE, faults=down)
    assert redriven.output["counts"] == {"resolved": 8}
    (warning,) = redriven.output["plan"]["warnings"]
    assert warning.startswith("Nobody could tell which publishers are suspended")
    assert f"table {world.registry}: " in warning


def test_a_row_that_is_no_doorkeeper_stops_no_redrive(world: World) -> None:
    with_letters_of_both(world)
    world.cloud.client("dynamodb").update_item(
        TableName=world.registry,
        Key={"pk": {"S": RegistryRows.DOORKEEPER}},
        UpdateExpression="SET #doorkeeper = :text",
        ExpressionAttributeNames={"#doorkeeper": "doorkeeper"},
        ExpressionAttributeValues={":text": {"S": "{"}},
    )

    redriven = world.run(REDRIVE)
    assert redriven.output["counts"] == {"resolved": 8}
    (warning,) = redriven.output["plan"]["warnings"]
    assert f"table {world.registry}: " in warning


def test_who_is_resumed_after_the_plan_is_left_out_all_the_same(world: World) -> None:
    ids = with_letters_of_both(world)
    redriven = world.run(REDRIVE, before={"verify": lambda: world.suspend()})
    assert redriven.output["outcome"] == "done"
    assert world.delivered() == {id: ["orders"] for id in ids}


def test_who_is_suspended_after_the_plan_gets_nothing_sent(world: World) -> None:
    with_letters_of_both(world)
    ended = world.run(REDRIVE, before={"verify": lambda: world.suspend("acme-web", "globex")})
    assert ended.error == "PlanChanged"
    assert "4 letters are gone" in str(ended.cause)
    assert "suspended since: globex" in str(ended.cause)
    assert world.delivered() == {}
    assert world.states() == {"open": 8}


def test_while_a_run_goes_on_nobody_decides_anew(world: World) -> None:
    ids = with_letters_of_both(world)
    suspend = meanwhile(
        lambda call: call.operation == "PublishBatch", lambda: world.suspend("globex")
    )
    redriven = world.run(REDRIVE, faults=suspend)
    assert redriven.output["counts"] == {"resolved": 4}
    assert world.delivered() == {id: ["orders"] for id in ids}


def test_the_registry_may_go_down_after_the_plan(world: World) -> None:
    ids = with_letters_of_both(world)

    def down(call: TaskCall) -> Fault | None:
        return "denied" if call.task == "verify" and asks_who_is_suspended(call) else None

    redriven = world.run(REDRIVE, faults=down)
    assert redriven.output["outcome"] == "done"
    assert world.delivered() == {id: ["orders"] for id in ids}


def test_an_approver_is_told_whose_letters_are_left_out(world: World) -> None:
    with_letters_of_both(world)
    world.ceilings = {"redrive": 2, "discard": 2}
    world.told()
    asked: list[str] = []

    def answer(task: Any) -> Any:
        asked.extend(text for subject, text in world.told() if "approve" in subject)
        return {"approved": True, "approver": "bob", "reason": "seen", "hash": task["plan"]["hash"]}

    redriven = world.run(REDRIVE, approve=answer)
    assert redriven.output["counts"] == {"resolved": 4}
    assert any("4 letters of suspended publishers are left out" in text for text in asked)


def test_what_is_continued_leaves_them_out_as_well(world: World) -> None:
    with_letters_of_both(world)
    world.cloud.remove_topic("orders")
    ended = world.run(REDRIVE)
    assert ended.output["outcome"] == "aborted"
    assert ended.output["not_taken_up"] == 4
    world.cloud.make_topic("orders")
    continued = world.run(ended.output["continue_with"])
    assert continued.output["counts"] == {"resolved": 4}
    assert continued.output["plan"]["withheld"] == 4
