"""What people decide: with a reason and a name, and so that it can be taken back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.engine.process import TaskCall
    from tests.engine.world import World
    from tests.faults.vocabulary import Fault

DISCARD: dict[str, Any] = {"action": "discard", "everything": True, "reason": "a slip"}
REDRIVE: dict[str, Any] = {"action": "redrive", "reason": "it was a slip"}


def discarded(world: World, *ids: str) -> dict[str, Any]:
    """The input that redrives letters by their ids, once they have been discarded."""
    letters = world.dead_letters(*map(world.letter, ids))
    assert world.run(DISCARD).output["counts"] == {"discarded": len(ids)}
    return {**REDRIVE, "filter": {"letter_ids": [one.key for one in letters]}}


def sns_is_broken(call: TaskCall) -> Fault | None:
    return "denied" if call.operation == "PublishBatch" else None


def test_a_discarded_letter_is_redriven_by_its_id(world: World) -> None:
    asked = discarded(world, "a", "b")
    # No filter but its id selects it.
    assert world.run({**REDRIVE, "filter": {"publisher": "acme-web"}}).error == "InvalidInput"
    assert world.run({**asked, "action": "plan"}).output["plan"]["will_go_through"] == 2
    assert world.run(asked).output["counts"] == {"resolved": 2}
    assert world.delivered() == {"a": ["orders"], "b": ["orders"]}
    assert world.states() == {"resolved": 2}


def test_a_discarded_letter_that_fails_again_is_open_for_as_long_as_any(world: World) -> None:
    asked = discarded(world, "a")
    assert int(world.row("a").item["expires_at"]["N"]) < days_on(world, 31)
    assert world.run(asked, faults=sns_is_broken).output["outcome"] == "aborted"
    row = world.row("a")
    assert row.state == "open"
    assert not row.item["closed_at"]["S"]
    assert not row.item["reason"]["S"]
    assert int(row.item["expires_at"]["N"]) > days_on(world, 179)


def test_a_discarded_letter_whose_run_was_stopped_is_open_for_as_long_as_any(world: World) -> None:
    asked = discarded(world, "a")

    def stop(call: TaskCall) -> Fault | None:
        if call.operation == "PublishBatch":
            world.stop()
        return None

    world.run(asked, faults=stop)
    row = world.row("a")
    assert row.state == "open"
    assert int(row.item["expires_at"]["N"]) > days_on(world, 179)


def test_a_discarded_letter_that_failed_anew_is_as_new(world: World) -> None:
    discarded(world, "a")
    world.dead_letters(world.letter("a", age=timedelta(seconds=-1)))
    world.run({})
    row = world.row("a")
    assert row.state == "open"
    assert "closed_at" not in row.item
    assert "reason" not in row.item


def test_what_is_discarded_is_not_discarded_again_and_what_is_resolved_stays(world: World) -> None:
    asked = discarded(world, "a")
    again = world.run({**DISCARD, "everything": False, "filter": asked["filter"]})
    assert again.error == "InvalidInput"
    world.run(asked)
    assert world.run(asked).error == "InvalidInput"
    assert world.delivered() == {"a": ["orders"]}


@pytest.mark.parametrize(("letters", "asked"), [(100, False), (101, True)])
def test_many_letters_are_discarded_with_an_approval(
    world: World, letters: int, asked: bool
) -> None:
    world.record(*(world.letter(f"e{number}") for number in range(letters)))

    def approve(task: Any) -> Any:
        return {
            "approved": True,
            "approver": "bob",
            "reason": "seen it",
            "hash": task["plan"]["hash"],
        }

    ended = world.run(DISCARD, approve=approve)
    assert ("ask" in ended.tasks) is asked
    assert world.states() == {"discarded": letters}
    assert world.audit()[-1]["approver"] == ("bob" if asked else None)


def test_what_a_discard_of_everything_has_not_come_to_can_be_continued(world: World) -> None:
    world.dead_letters(*(world.letter(id) for id in "abc"))
    stopped = world.run(
        {**DISCARD, "rate_per_second": 1},
        faults=lambda call: (
            world.stop() if call.operation == "BatchExecuteStatement" and call.number == 2 else None
        ),
    )
    assert stopped.error == "Stopped"
    (key,) = (
        key
        for key in world.objects("reports/")
        if world.read(key)["request"]["action"] == "discard"
    )
    rest = world.read(key)["continue_with"]
    assert world.run(rest).output["outcome"] == "done"
    assert world.states() == {"discarded": 3}


@pytest.mark.parametrize("approver", ["YOUR NAME", " ", "b\u202eob"])
def test_an_approval_by_nobody_is_none(world: World, approver: str) -> None:
    world.dead_letters(world.letter("a"))
    ended = world.run(
        {**REDRIVE, "approval_above": 0},
        approve=lambda task: {
            "approved": True,
            "approver": approver,
            "reason": "seen it",
            "hash": task["plan"]["hash"],
        },
    )
    assert ended.output["outcome"] == "not approved"
    assert world.states() == {"open": 1}


def days_on(world: World, days: int) -> float:
    """The time of that many days after the world's own, in seconds."""
    return (world.clock.now() + timedelta(days=days)).timestamp()
