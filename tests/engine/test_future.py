"""Letters from the future: clocks are skewed, and letters are made by hand."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from eventing.cause import Code
from eventing.timestamps import timestamp

if TYPE_CHECKING:
    from tests.engine.world import World
    from tests.workflows.asl import Json

YEARS, MINUTE = timedelta(days=26_000), timedelta(minutes=1)
REDRIVE: Json = {"action": "redrive", "reason": "the topic is back", "started_by": "ada"}
DISCARD: Json = {"action": "discard", "reason": "a test of theirs", "started_by": "ada"}


def now(world: World) -> str:
    return timestamp(world.clock.now())


def soon(world: World) -> datetime:
    return world.clock.now() + timedelta(seconds=5)


@pytest.mark.parametrize("ahead", [YEARS, timedelta(days=1), MINUTE], ids=str)
def test_triage_records_it_as_failed_now_and_keeps_what_it_says(
    world: World, ahead: timedelta
) -> None:
    (sent,) = world.dead_letters(world.letter("a", age=-ahead))
    before = now(world)
    world.run({})
    item = world.row("a").item
    assert before <= item["failed_at"]["S"] <= now(world)
    assert item["accepted_at"]["S"] <= item["failed_at"]["S"]
    assert item["original_failed_at"]["S"] == sent.failed_at
    assert item["original_accepted_at"]["S"] == sent.accepted_at


def test_a_letter_of_the_past_has_no_original(world: World) -> None:
    (sent,) = world.dead_letters(world.letter("a"))
    world.run({})
    item = world.row("a").item
    assert (item["failed_at"]["S"], item["accepted_at"]["S"]) == (sent.failed_at, sent.accepted_at)
    assert not {"original_failed_at", "original_accepted_at"} & item.keys()


@pytest.mark.parametrize("input", [REDRIVE, DISCARD], ids=lambda input: str(input["action"]))
def test_it_is_selected_by_a_filter(world: World, input: Json) -> None:
    world.dead_letters(world.letter("a", age=-YEARS))
    world.run({})
    ended = world.run({**input, "filter": {"publisher": "acme-web"}}, started_at=soon(world))
    assert ended.output["counts"] == {world.row("a").state: 1}
    assert world.delivered() == ({"a": ["orders"]} if input is REDRIVE else {})


@pytest.mark.parametrize("input", [REDRIVE, DISCARD], ids=lambda input: str(input["action"]))
def test_by_its_id_it_is_taken_up_by_the_run_that_records_it(world: World, input: Json) -> None:
    (sent,) = world.dead_letters(world.letter("a", age=-YEARS))
    ended = world.run({**input, "filter": {"letter_ids": [sent.key]}})
    assert ended.output["outcome"] == "done"
    assert ended.output["counts"] == {world.row("a").state: 1}


@pytest.mark.parametrize("input", [REDRIVE, DISCARD], ids=lambda input: str(input["action"]))
def test_by_its_id_it_is_taken_up_however_it_got_into_the_ledger(world: World, input: Json) -> None:
    sent = write_by_hand(world, "a")
    ended = world.run(
        {**input, "filter": {"letter_ids": [sent]}, "approval_above": 0},
        approve=lambda task: {
            "approved": True,
            "approver": "bob",
            "reason": "seen it",
            "hash": task["plan"]["hash"],
        },
    )
    assert ended.output["counts"] == {world.row("a").state: 1}


def test_a_run_that_stops_is_continued_with_it(world: World) -> None:
    ids = [write_by_hand(world, id) for id in "abc"]
    stopped = world.run(
        {**REDRIVE, "filter": {"letter_ids": ids}, "canary": 1},
        faults=lambda call: "denied" if call.operation == "PublishBatch" else None,
    )
    assert stopped.output["not_taken_up"]
    continued = world.run(stopped.output["continue_with"])
    assert continued.output["counts"]["resolved"] == stopped.output["not_taken_up"]


def write_by_hand(world: World, id: str) -> str:
    """Write a row of the future into the ledger; the letter's id."""
    (sent,) = world.dead_letters(world.letter(id))
    world.run({})
    world.cloud.client("dynamodb").update_item(
        TableName=world.ledger,
        Key={"pk": {"S": sent.key}},
        UpdateExpression="SET #failed_at = :then",
        ExpressionAttributeNames={"#failed_at": "failed_at"},
        ExpressionAttributeValues={":then": {"S": "2099-01-01T00:00:00.000Z"}},
    )
    return sent.key


def test_received_twice_it_is_one_letter_and_delivered_once(world: World) -> None:
    sent = world.letter("a", age=-YEARS)
    world.dead_letters(sent)
    world.run({})
    first = world.row("a")
    world.dead_letters(sent)
    world.run({})
    assert world.row("a") == first
    assert world.run(REDRIVE, started_at=soon(world)).output["counts"] == {"resolved": 1}
    world.dead_letters(sent)
    assert world.run({}).output["outcome"] == "triaged"
    assert world.row("a").state == "resolved"
    assert world.delivered() == {"a": ["orders"]}


def test_it_is_open_again_when_it_has_failed_again_since(world: World) -> None:
    world.dead_letters(world.letter("a", age=-YEARS))
    world.run({})
    world.run(REDRIVE, started_at=soon(world))
    world.clock.passed += 10
    world.dead_letters(world.letter("a", code=Code.THROTTLED, age=timedelta(0)))
    world.run({})
    again = world.row("a")
    assert (again.state, again.code) == ("open", "THROTTLED")
    assert "original_failed_at" not in again.item


def test_an_event_that_is_stored_from_it_is_accepted_now(world: World) -> None:
    (sent,) = world.dead_letters(world.letter("s", stage="ingest", step="store", age=-YEARS))
    world.run({**REDRIVE, "filter": {"letter_ids": [sent.key]}})
    stored = world.stored()["s"]["accepted_at"]["S"]
    assert stored <= now(world)
    assert stored == world.row("s").item["accepted_at"]["S"]
