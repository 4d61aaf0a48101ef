"""What a plan says, and what a redrive then does: that, and nothing else."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from eventing.cause import Code
from eventing.timestamps import timestamp
from functions.contract import LEDGER_INDEX
from tests.engine.letters import ORDER, PAYMENT, event, other_catalogue
from tests.engine.process import Measured, TaskCall
from tests.faults.choosing import meanwhile

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventing.dead_letter import DeadLetter
    from tests.engine.world import Ended, World
    from tests.faults.vocabulary import Fault

REDRIVE = {"action": "redrive"}


def publishing(call: TaskCall) -> bool:
    return call.operation == "PublishBatch"


def events_are_refused(call: TaskCall) -> Fault | None:
    return "too-large" if publishing(call) else None


@pytest.mark.aws
def test_a_redrive_does_what_its_plan_said(world: World) -> None:
    # The poison failed first, so that it would be the whole canary.
    old = timedelta(hours=1)
    poison = [world.letter(f"p{n}", step="route", text=event(f"p{n}", "org.unknown"), age=old)
              for n in range(9)]  # fmt: skip
    world.dead_letters(*poison, *(world.letter(f"e{n}") for n in range(312)))
    planned = world.run({"action": "plan"})
    assert planned.output["outcome"] == "planned"
    assert planned.output["plan"]["will_go_through"] == 312
    assert planned.output["plan"]["will_fail"] == {"NO_ROUTE": 9}
    assert world.states() == {"open": 321}
    assert world.delivered() == {}
    assert "Lock" not in planned.visited

    redriven = world.run({**REDRIVE, "reason": "the topic is back", "started_by": "ada"})
    assert redriven.output["outcome"] == "done"
    assert redriven.output["plan"] == planned.output["plan"] | {
        "seconds": redriven.output["plan"]["seconds"]
    }
    assert redriven.output["counts"] == {"resolved": 312, "failed": 9}
    assert world.states() == {"resolved": 312, "open": 9}
    assert world.delivered() == {f"e{n}": ["orders"] for n in range(312)}
    assert all(one.episode == 1 for one in world.letters if one.state == "open")
    assert world.locked() == {}
    failed = world.report(redriven)["failed_again"]
    assert {(one["step"], one["code"], one["fate"]) for one in failed} == {
        ("route", "NO_ROUTE", "failed")
    }
    assert len(failed) == 9


@pytest.mark.aws
def test_each_step_is_made_where_it_failed(world: World) -> None:
    world.dead_letters(
        world.letter("stored", stage="ingest", step="store"),
        world.letter("archived", stage="ingest", step="archive"),
        world.letter("routed", step="route", text=event("routed", PAYMENT)),
        world.letter("published"),
    )
    assert world.run(REDRIVE).output["counts"] == {"resolved": 4}
    assert world.stored().keys() == {"stored"}
    assert world.archived() == {"archived": 1}
    assert world.delivered() == {"routed": ["payments"], "published": ["orders"]}
    item, row = world.stored()["stored"], world.row("stored").item
    # As if ingestion had stored it: the stream takes it to publication.
    assert item["origin_region"] == {"S": world.cloud.region}
    assert item["accepted_at"] == row["accepted_at"]
    assert item["pk"] == row["event_key"]
    assert item["digest"] == row["digest"]


@pytest.mark.aws
def test_a_letter_whose_event_is_stored_already_is_resolved(world: World) -> None:
    world.dead_letters(world.letter("a", stage="ingest", step="store"))
    world.run(REDRIVE)
    item = world.stored()["a"]
    world.dead_letters(world.letter("a", stage="ingest", step="store", age=timedelta(seconds=-1)))
    planned = world.run({"action": "plan", "stage": "ingest"}, started_at=soon(world))
    assert planned.output["plan"]["already_stored"] == 1
    assert world.run(REDRIVE, started_at=soon(world)).output["counts"] == {"resolved": 1}
    assert world.stored()["a"] == item


def soon(world: World) -> datetime:
    return world.clock.now() + timedelta(seconds=5)


@pytest.mark.aws
def test_another_event_under_the_same_key_is_a_conflict_parked_and_told(world: World) -> None:
    world.dead_letters(world.letter("a", stage="ingest", step="store"))
    world.run(REDRIVE)
    changed = event("a", data={"order_id": "a", "total": 99, "currency": "EUR"})
    twins = [event("b", subject=subject) for subject in "12"]
    world.dead_letters(
        world.letter("a", stage="ingest", text=changed),
        *(world.letter("b", stage="ingest", text=text, age=timedelta(minutes=minutes))
          for text, minutes in zip(twins, (9, 8), strict=True)),
    )  # fmt: skip
    world.told()
    redriven = world.run(REDRIVE)
    # Two events with one identity, none of them stored: the one that failed first gets the key.
    assert redriven.output["plan"]["will_fail"] == {"CONFLICT": 2}
    assert redriven.output["counts"] == {"resolved": 1, "parked": 2}
    assert json.loads(world.stored()["b"]["event"]["S"])["subject"] == "1"
    assert json.loads(world.stored()["a"]["event"]["S"])["data"]["total"] == 12.5
    parked = [one for one in world.letters if one.state == "parked"]
    assert {(one.code, one.id) for one in parked} == {("CONFLICT", "a"), ("CONFLICT", "b")}
    assert any("2 parked" in text for _, text in world.told())


def test_a_topic_that_is_gone_is_routed_anew_and_the_plan_lists_it(world: World) -> None:
    world.dead_letters(world.letter("a", topic="once-upon-a-time"), world.letter("b"))
    redriven = world.run(REDRIVE)
    assert redriven.output["plan"]["rerouted"] == {"once-upon-a-time -> orders": 1}
    assert world.delivered() == {"a": ["orders"], "b": ["orders"]}


@pytest.mark.aws
def test_a_message_says_that_it_is_a_redrive(world: World) -> None:
    world.dead_letters(world.letter("a"))
    world.run(REDRIVE, faults=events_are_refused)
    world.run(REDRIVE)
    (delivery,) = world.cloud.deliveries()
    assert delivery.attributes == {
        "type": ORDER, "source": "/shop", "publisher": "acme-web", "redrive_episode": "2",
    }  # fmt: skip
    assert delivery.text == event("a")


# Selection


@pytest.mark.aws
@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"publisher": "acme-pay"}, "bd"),
        ({"type": PAYMENT}, "c"),
        ({"topic": "payments"}, "c"),
        ({"cause": "THROTTLED"}, "d"),
        ({"failed_before": "BETWEEN"}, "d"),
        ({"failed_after": "BETWEEN"}, "abc"),
        ({"failed_after": "BETWEEN", "publisher": "acme-pay"}, "b"),
    ],
)
def test_every_field_of_the_filter_selects(
    world: World, wanted: dict[str, str], expected: str
) -> None:
    world.dead_letters(
        world.letter("a"),
        world.letter("b", publisher="acme-pay"),
        world.letter("c", topic="payments", text=event("c", PAYMENT)),
        world.letter("d", publisher="acme-pay", code=Code.THROTTLED, age=timedelta(hours=2)),
    )
    between = timestamp(world.clock.now() - timedelta(hours=1))
    given = {name: value.replace("BETWEEN", between) for name, value in wanted.items()}
    redriven = world.run({**REDRIVE, "stage": "publish", "filter": given})
    assert redriven.output["counts"] == {"resolved": len(expected)}
    assert set(world.delivered()) == set(expected)
    assert {one.id for one in world.letters if one.state == "open"} == set("abcd") - set(expected)


@pytest.mark.aws
def test_letters_are_selected_by_id_and_by_fingerprint(world: World) -> None:
    letters = world.dead_letters(
        *(world.letter(id) for id in "abc"), world.letter("d", code=Code.THROTTLED)
    )
    chosen = [letters[0].key, letters[3].key]
    assert world.run({**REDRIVE, "filter": {"letter_ids": chosen}}).output["counts"] == {
        "resolved": 2
    }
    wanted = {"fingerprint": letters[1].fingerprint}
    assert world.run({**REDRIVE, "filter": wanted}).output["counts"] == {"resolved": 2}
    assert set(world.delivered()) == set("abcd")


@pytest.mark.aws
def test_a_limit_takes_the_oldest(world: World) -> None:
    world.dead_letters(*(world.letter(f"{n}", age=timedelta(minutes=n)) for n in range(1, 8)))
    assert world.run({**REDRIVE, "limit": 3}).output["counts"] == {"resolved": 3}
    assert set(world.delivered()) == {"5", "6", "7"}


def test_only_letters_that_failed_before_the_run_are_taken_up(world: World) -> None:
    world.dead_letters(world.letter("a"), world.letter("b", age=timedelta(minutes=-1)))
    assert world.run(REDRIVE).output["counts"] == {"resolved": 1}
    assert world.row("b").state == "open"


@pytest.mark.parametrize(
    ("input", "field"),
    [
        ({"stage": "archive"}, "stage"),
        ({"rate_per_second": -5}, "rate_per_second"),
        ({"filter": {"source": "/shop"}}, "filter.source"),
        ({"filter": {}}, "filter"),
        ({"reason": "r" * (1024 + 2048)}, "reason"),
        ({"action": "discard", "reason": " "}, "reason"),
        ({"action": "redrive", "reason": "WHY IT IS SAFE NOW"}, "reason"),
        ({"action": "redrive", "started_by": "YOUR NAME"}, "started_by"),
        ({"action": "discard"}, "filter"),
        ({"filter": {"publisher": "nobody"}}, "filter"),
        ({"filter": {"letter_ids": ["A" * 43]}}, "filter"),
        ({"filter": {"failed_after": "2999-01-01T00:00:00Z"}}, "filter"),
    ],
)
def test_a_faulty_input_is_named_and_changes_nothing(
    world: World, input: dict[str, Any], field: str
) -> None:
    world.dead_letters(world.letter("a"))
    world.run({})
    world.told()
    before = world.rows()
    ended = world.run({**REDRIVE, **input})
    assert ended.error == "InvalidInput"
    assert ended.cause
    assert ended.cause.startswith(f"{field}: ")
    # Locks have counters, and the summary says when letters were counted last.
    counted = ("triage#", "summary")
    after = [row for row in world.rows() if not row["pk"]["S"].startswith(counted)]
    assert after == [row for row in before if not row["pk"]["S"].startswith(counted)]
    assert world.locked() == {}
    assert world.delivered() == {}
    assert world.told() == []


def test_nothing_to_redrive_is_no_fault(world: World) -> None:
    assert world.run(REDRIVE).output["outcome"] == "nothing"


# Between plan and start


def approving(**changes: Any) -> Callable[[Any], Any]:
    """What an operator answers, with what the message told."""

    def answer(task: Any) -> Any:
        return {
            "approved": True,
            "approver": "bob",
            "reason": "seen it",
            "hash": task["plan"]["hash"],
            **changes,
        }

    return answer


def test_a_large_plan_waits_for_an_approval(world: World) -> None:
    world.dead_letters(*(world.letter(id) for id in "abc"))
    asked = {**REDRIVE, "approval_above": 2, "reason": "fixed", "started_by": "ada"}
    redriven = world.run(asked, approve=approving())
    assert redriven.output["outcome"] == "done"
    assert redriven.output["approver"] == "bob"
    assert world.audit()[-1]["approver"] == "bob"
    (subject, text), (_, done) = world.told()
    assert subject == f"{world.name}: approve redrive of 3 letters? NOT_FOUND, topic orders"
    assert "ada wants to redrive 3 dead letters of all: fixed" in text
    assert '"will_go_through": 3' in text
    assert "approved by bob" in done
    name = redriven.output["execution"].rpartition(":")[2]
    assert f"Next: eventing approve {name}\nNext: eventing refuse {name}\n" in text
    assert "3 letters are more than 2, which its input allows" in text


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (approving(approved=False), "refused"),
        (approving(hash="0" * 64), "not approved"),
        (approving(approver=None), "not approved"),
        (None, "not approved"),
    ],
)
def test_anything_but_a_plain_yes_to_this_plan_is_none(
    world: World, answer: Any, outcome: str
) -> None:
    world.dead_letters(world.letter("a"))
    ended = world.run({**REDRIVE, "approval_above": 0}, approve=answer)
    assert ended.output["outcome"] == outcome
    assert "Lock" not in ended.visited
    assert world.states() == {"open": 1}
    assert world.audit()[-1]["outcome"] == outcome


def test_a_letter_that_came_while_approval_was_waited_for_is_named(world: World) -> None:
    world.dead_letters(world.letter("a"), world.letter("b"))

    def approve(task: Any) -> Any:
        world.dead_letters(world.letter("new", age=timedelta(0)))
        world.run({})
        return approving()(task)

    ended = world.run({**REDRIVE, "approval_above": 0}, approve=approve)
    assert ended.error == "PlanChanged"
    assert ended.cause
    assert f"1 letter was added: {world.row('new').key}" in ended.cause
    assert "failed_before" in ended.cause
    assert world.states() == {"open": 3}
    assert world.delivered() == {}
    assert world.locked() == {}
    assert world.audit()[-1]["outcome"] == "changed"


def test_letters_that_changed_and_went_are_named(world: World) -> None:
    letters = world.dead_letters(*(world.letter(id) for id in "abc"))
    keys = {one.key: json.loads(one.event)["id"] for one in letters}

    def approve(task: Any) -> Any:
        by_id = {id: key for key, id in keys.items()}
        world.run({**REDRIVE, "filter": {"letter_ids": [by_id["a"]]}}, faults=events_are_refused)
        world.run({**REDRIVE, "filter": {"letter_ids": [by_id["b"]]}})
        return approving()(task)

    ended = world.run({**REDRIVE, "approval_above": 2}, approve=approve)
    assert ended.error == "PlanChanged"
    assert ended.cause
    assert f"1 letter is gone: {world.row('b').key}" in ended.cause
    assert f"1 letter was changed: {world.row('a').key}" in ended.cause


def test_a_catalogue_that_changed_is_named(world: World) -> None:
    world.dead_letters(world.letter("a"))
    other = other_catalogue()
    before = world.catalogue.digest
    assert other.digest != before

    ended = world.run(REDRIVE, before={"verify": lambda: world.deploy(other)})
    assert ended.error == "PlanChanged"
    assert ended.cause
    assert f"the catalogue or the code changed (from {before}-" in ended.cause
    assert f" to {other.digest}-" in ended.cause
    assert world.states() == {"open": 1}


def test_letters_are_judged_anew_by_a_catalogue_that_was_deployed_since(world: World) -> None:
    unknown = event("a", "org.unknown")
    world.dead_letters(world.letter("a", step="route", text=unknown))
    assert world.run({"action": "plan"}).output["plan"]["will_fail"] == {"NO_ROUTE": 1}
    world.deploy(other_catalogue())
    plan = world.run({"action": "plan"}).output["plan"]
    assert (plan["will_go_through"], plan["will_fail"]) == (1, {})
    world.run(REDRIVE)
    assert world.delivered() == {"a": ["customers"]}


# When it does not work


@pytest.mark.aws
def test_a_dependency_that_is_gone_is_found_before_a_letter_is_touched(world: World) -> None:
    world.dead_letters(*(world.letter(f"e{n}") for n in range(20)))
    world.run({})
    before = world.letters
    world.cloud.remove_topic("orders")
    ended = world.run(REDRIVE)
    assert ended.output["outcome"] == "aborted"
    assert ended.output["cause"] == f"topic {world.name}-topic-orders: NOT_FOUND, 20 left out"
    assert ended.output["not_taken_up"] == 20
    assert world.letters == before
    assert world.locked() == {}


@pytest.mark.aws
def test_a_canary_that_fails_is_all_that_is_touched(world: World) -> None:
    world.dead_letters(*(world.letter(f"e{n}") for n in range(50)))
    world.run({})
    before = {one.id: one for one in world.letters}
    ended = world.run(REDRIVE, faults=events_are_refused)
    assert ended.output["outcome"] == "aborted"
    assert ended.output["counts"] == {"failed": 10}
    assert ended.output["not_taken_up"] == 40
    after = {one.id: one for one in world.letters}
    touched = [id for id, one in after.items() if one != before[id]]
    assert len(touched) == 10
    for id in touched:
        assert (after[id].state, after[id].episode) == ("open", 1)
    assert world.locked() == {}
    assert world.delivered() == {}

    continued = world.run({**ended.output["continue_with"], "canary": 5})
    assert continued.output["counts"] == {"resolved": 40}


def test_a_run_stops_past_its_abort_limit(world: World) -> None:
    world.dead_letters(*(world.letter(f"e{n:03}") for n in range(100)))

    def worse(call: TaskCall) -> Fault | None:
        return "too-large" if publishing(call) and call.number > 4 else None

    ended = world.run(
        {**REDRIVE, "canary": 5, "abort_failure_percent": 30, "rate_per_second": 20}, faults=worse
    )
    # 5, then 20, then 20 that fail, which is too much.
    assert ended.output["outcome"] == "aborted"
    assert ended.output["not_taken_up"] > 40
    counts = ended.output["counts"]
    assert counts["failed"] * 100 > 30 * sum(counts.values())
    assert len(world.delivered()) == counts["resolved"]


@pytest.mark.aws
def test_a_poison_event_is_parked_and_then_only_taken_up_by_its_id(world: World) -> None:
    world.dead_letters(
        world.letter("p", step="route", text=event("p", "org.unknown")), world.letter("a")
    )
    for episode in (1, 2):
        world.run({**REDRIVE, "max_episodes": 3})
        assert (world.row("p").state, world.row("p").episode) == ("open", episode)
    ended = world.run({**REDRIVE, "max_episodes": 3})
    assert ended.output["counts"] == {"parked": 1}
    assert world.row("p").state == "parked"
    # Neither a redrive nor another receipt brings it back.
    assert world.run(REDRIVE).output["outcome"] == "nothing"
    world.dead_letters(
        world.letter("p", step="route", text=event("p", "org.unknown"), age=timedelta(seconds=-1))
    )
    world.run({})
    assert world.row("p").state == "parked"

    by_id = {"filter": {"letter_ids": [world.row("p").key]}}
    assert world.run({**REDRIVE, **by_id}).output["counts"] == {"parked": 1}
    assert world.row("p").episode == 4
    world.deploy(other_catalogue())
    assert world.run({**REDRIVE, **by_id}).output["counts"] == {"resolved": 1}
    assert world.delivered() == {"a": ["orders"], "p": ["customers"]}


def test_a_letter_that_no_message_can_be_made_of_fails_alone(world: World) -> None:
    without_source = json.loads(event("crashed"))
    del without_source["source"]
    poison = [
        # As a stream record that the publish function crashed on, and one that it could not route.
        world.letter("crashed", topic=None, text=json.dumps(without_source)),
        world.letter("routed", step="route", text=event("routed", subject=5)),
        # Nothing that is known of writes such letters: the plan takes them for sound.
        world.letter("sent", text=event("sent", subject=5)),
        world.letter("unsent", text=json.dumps({**without_source, "id": "unsent"})),
    ]
    world.record(*poison, world.letter("a"), world.letter("b"), world.letter("s", stage="ingest"))
    planned = world.run({"action": "plan"}).output["plan"]
    assert planned["will_fail"] == {"INVALID": 2}
    first = world.run({**REDRIVE, "max_episodes": 2})
    assert first.output["outcome"] == "done"
    assert first.output["counts"] == {"resolved": 3, "failed": 4}
    assert world.delivered() == {"a": ["orders"], "b": ["orders"]}
    assert {one.code for one in world.letters if one.state == "open"} == {"INVALID", "UNKNOWN"}
    second = world.run({**REDRIVE, "max_episodes": 2})
    assert second.output["counts"] == {"parked": 4}
    assert world.states() == {"resolved": 3, "parked": 4}
    assert {one.episode for one in world.letters if one.state == "parked"} == {2}


@pytest.mark.aws
def test_letters_are_discarded_with_a_reason(world: World) -> None:
    letters = world.dead_letters(
        world.letter("a"), world.letter("b"), world.letter("c", publisher="acme-pay")
    )
    ended = world.run(
        {"action": "discard", "reason": "tests of theirs", "filter": {"publisher": "acme-web"}}
    )
    assert ended.output["outcome"] == "done"
    assert ended.output["counts"] == {"discarded": 2}
    assert "Probe" not in ended.visited
    assert world.states() == {"discarded": 2, "open": 1}
    row = next(row for row in world.rows() if row["pk"]["S"] == letters[0].key)
    assert row["reason"] == {"S": "tests of theirs"}
    assert world.delivered() == {}
    assert world.audit()[-1]["request"]["reason"] == "tests of theirs"


# Locks


@pytest.mark.aws
def test_a_second_redrive_of_a_stage_is_refused_with_the_name_of_the_first(world: World) -> None:
    world.dead_letters(*(world.letter(f"e{n}") for n in range(15)))
    second: list[Ended] = []
    first = world.run(
        REDRIVE,
        name="the-first",
        faults=meanwhile(
            publishing, lambda: second.append(world.run({**REDRIVE, "stage": "publish"}))
        ),
    )
    assert first.output["counts"] == {"resolved": 15}
    assert second[0].error == "Locked"
    assert second[0].cause
    assert "publish is being worked on by the execution the-first" in second[0].cause
    assert all(len(topics) == 1 for topics in world.delivered().values())
    outcomes = [entry["outcome"] for entry in world.audit()]
    assert sorted(outcomes) == ["done", "locked"]


@pytest.mark.aws
def test_letters_that_somebody_else_changed_since_the_plan_are_left_alone(world: World) -> None:
    gone, changed, _ = world.dead_letters(*(world.letter(id) for id in "abc"))

    def change() -> None:
        table = world.cloud.client("dynamodb")
        table.delete_item(TableName=world.ledger, Key={"pk": {"S": gone.key}})
        table.update_item(
            TableName=world.ledger,
            Key={"pk": {"S": changed.key}},
            UpdateExpression="SET #version = #version + :one",
            ExpressionAttributeNames={"#version": "version"},
            ExpressionAttributeValues={":one": {"N": "1"}},
        )

    ended = world.run(REDRIVE, before={"page": change})
    assert ended.output["counts"] == {"changed": 2, "resolved": 1}
    # Of the one that is gone nothing is known but its key.
    assert ended.output["by_fingerprint"] == {changed.fingerprint: {"changed": 1, "resolved": 1}}
    assert world.delivered() == {"c": ["orders"]}
    assert (world.row("b").state, world.row("b").episode) == ("open", 0)


def test_redrives_of_two_stages_go_side_by_side(world: World) -> None:
    world.dead_letters(world.letter("a"), world.letter("s", stage="ingest"))
    second: list[Ended] = []
    first = world.run(
        {**REDRIVE, "stage": "publish"},
        faults=meanwhile(
            publishing, lambda: second.append(world.run({**REDRIVE, "stage": "ingest"}))
        ),
    )
    assert first.output["counts"] == second[0].output["counts"] == {"resolved": 1}


def test_half_a_lock_is_given_back(world: World) -> None:
    world.dead_letters(world.letter("a"), world.letter("s", stage="ingest"))
    both: list[Ended] = []
    world.run(
        {**REDRIVE, "stage": "publish"},
        name="at-publish",
        faults=meanwhile(publishing, lambda: both.append(world.run(REDRIVE))),
    )
    assert both[0].error == "Locked"
    assert world.locked() == {}
    assert world.run({**REDRIVE, "stage": "ingest"}).output["counts"] == {"resolved": 1}


@pytest.mark.aws
def test_a_triage_during_a_redrive_leaves_its_letters_alone(world: World) -> None:
    world.dead_letters(*(world.letter(f"e{n}") for n in range(8)))

    def again() -> None:
        # The same letters once more, failed since, and one that is news.
        world.dead_letters(
            *(world.letter(f"e{n}", age=timedelta(0)) for n in range(8)), world.letter("new")
        )
        world.run({})

    ended = world.run(REDRIVE, faults=meanwhile(publishing, again))
    assert ended.output["counts"] == {"resolved": 8}
    assert world.states() == {"resolved": 8, "open": 1}
    assert all(topics == ["orders"] for topics in world.delivered().values())


# Pages


def test_a_run_of_many_pages(world: World) -> None:
    world.page_seconds = 1
    world.dead_letters(*(world.letter(f"e{n}") for n in range(450)))
    ended = world.run(REDRIVE)
    assert ended.output["outcome"] == "done"
    assert ended.output["counts"] == {"resolved": 450}
    # 10 and 100, 200, 140: a second each, but for the first 10.
    assert Counter(ended.tasks)["page"] == 3
    assert sum(world.clock.pauses) == pytest.approx(2.2)
    assert len(world.delivered()) == 450


SLOW = {**REDRIVE, "rate_per_second": 1, "canary": 200}


def test_a_pause_that_is_longer_than_a_page_goes_on_in_the_next_ones(world: World) -> None:
    began: list[float] = []

    def note(call: TaskCall) -> None:
        if (call.task, call.operation) == ("page", "GetObject"):  # the plan, with which it begins
            began.append(sum(world.clock.pauses))

    world.dead_letters(*(world.letter(f"e{n}") for n in range(205)))
    ended = world.run(SLOW, faults=note)
    assert ended.output["outcome"] == "done"
    assert ended.output["counts"] == {"resolved": 205}
    # 200 at once for 200 s, then one every second.
    assert sum(world.clock.pauses) == pytest.approx(204)
    assert began == pytest.approx([0, 50, 100, 150, 200])


def test_a_run_that_is_stopped_in_a_long_pause_sends_nothing_more(world: World) -> None:
    released: list[float] = []

    def release(seconds: float) -> None:
        if sum(world.clock.pauses) == 100 and not released:
            released.append(seconds)
            world.release()

    world.clock.meanwhile = release
    world.dead_letters(*(world.letter(f"e{n}") for n in range(205)))
    ended = world.run(SLOW)
    assert released == [50]
    assert (ended.output["outcome"], ended.output["cause"]) == ("partial", "lost lock")
    assert len(world.delivered()) == 200
    assert Counter(ended.tasks)["page"] == 3


def test_the_rate_is_kept(world: World) -> None:
    world.dead_letters(*(world.letter(f"e{n}") for n in range(100)))
    planned = world.run({"action": "plan", "rate_per_second": 20}).output["plan"]["seconds"]
    world.run({**REDRIVE, "rate_per_second": 20})
    assert planned == 5
    # Five seconds' worth, but nobody waits for the last ones.
    assert 4 < sum(world.clock.pauses) <= 5


def test_an_execution_has_few_transitions(world: World) -> None:
    world.dead_letters(*(world.letter(f"e{n}") for n in range(400)))
    ended = world.run(REDRIVE)
    assert ended.output["counts"] == {"resolved": 400}
    # One for each state that is entered (Step Functions, "Pricing").
    assert len(ended.visited) <= 20


# What it costs


# `make test-long` has 10,000 of them.
COUNT = int(os.environ.get("LETTERS", "200"))


def letters_of(world: World, kib: int) -> list[DeadLetter]:
    data = {"order_id": "x" * (kib * 1024), "total": 1, "currency": "EUR"}
    return [world.letter(f"e{n}", text=event(f"e{n}", data=data)) for n in range(COUNT)]


def units_of(world: World) -> tuple[float, float]:
    """Read units of a plan and of a count of all letters."""
    request = {"action": "plan", "stage": "publish", "stages": ["publish"]}
    plan, count = (Measured(world.cloud.client("dynamodb")) for _ in range(2))
    planned = world.process(plan).invoke(world.task("plan", request=request))
    counted = world.count(faults=count)
    assert planned["count"] == counted["publish"]["open"] == COUNT
    others = (plan.of.keys() | count.of.keys()) - {LEDGER_INDEX}
    # The message of a root cause is read from one of its letters.
    letters = [
        name for name in others if not re.match(r"(lock|triage|incident)#|doorkeeper$", name)
    ]
    assert len(letters) <= 1
    return plan.units, count.units


@pytest.mark.memory
def test_plan_and_count_read_the_index_only(world: World, new_world: Callable[[], World]) -> None:
    large = new_world()
    world.record(*letters_of(world, 1))
    large.record(*letters_of(large, 50))
    for small_units, large_units in zip(units_of(world), units_of(large), strict=True):
        # As many as the letters' records take up in the index.
        assert COUNT * 400 / 4096 / 2 < small_units < COUNT * 1000 / 4096 / 2 + 100
        assert large_units <= 1.1 * small_units
