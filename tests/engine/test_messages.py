"""What operators are told: of one incident once, of every run how it went."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from time import sleep
from typing import TYPE_CHECKING

import pytest

from eventing.cause import Code
from tests.faults.choosing import meanwhile

if TYPE_CHECKING:
    from tests.engine.world import Ended, World

REDRIVE = {"action": "redrive", "reason": "the topic is back", "started_by": "ada"}


def subjects(world: World) -> list[str]:
    return [subject.partition(": ")[2] for subject, _ in world.told()]


@pytest.mark.aws
def test_one_incident_is_one_message_with_its_root_causes(world: World) -> None:
    world.dead_letters(
        *(world.letter(f"o{n}") for n in range(3)),
        world.letter("p", publisher="acme-pay", code=Code.THROTTLED, message="slow down"),
    )
    triaged = world.run({"stage": "publish", "started_by": "alarm"})
    ((subject, text),) = world.told()
    assert (
        subject
        == f"{world.name}: 4 dead letters at publish: NOT_FOUND, topic orders; and 1 other cause"
    )
    assert text.startswith(
        "4 events wait as dead letters of publish, with 2 root causes.\n"
        "Users: subscribers don't get these events until they are redriven.\n"
        "Next: eventing letters --stage publish\n"
        f"Next: eventing plan --stage publish --fingerprint {triaged.output['groups'][0]['fingerprint']}\n"
        "Runbook: docs/runbook.md#letters\n"
        f"Where: {world.name} in {world.cloud.region}\n"
    )
    assert '3 x NOT_FOUND at publish: "Topic does not exist"' in text
    assert '1 x THROTTLED at publish: "slow down"' in text
    assert "topics: orders 3; publishers: acme-web 3" in text
    for group in triaged.output["groups"]:
        assert f"fingerprint {group['fingerprint']}" in text
    assert triaged.output["report"] in text
    # More of the same is the same incident.
    world.dead_letters(world.letter("o9"))
    world.run({})
    assert world.told() == []


def test_another_root_cause_is_told(world: World) -> None:
    world.dead_letters(world.letter("a"))
    world.run({})
    world.dead_letters(world.letter("b", code=Code.THROTTLED))
    world.told()
    world.run({})
    ((subject, text),) = world.told()
    assert "2 dead letters at publish: NOT_FOUND" in subject
    assert subject.endswith("; and 1 other cause")
    assert "THROTTLED" in text


def test_each_stage_has_its_own_incident(world: World) -> None:
    world.dead_letters(world.letter("a"), world.letter("s", stage="ingest"))
    world.run({})
    assert subjects(world) == [
        "1 dead letter at ingest: NOT_FOUND",
        "1 dead letter at publish: NOT_FOUND, topic orders",
    ]


@pytest.mark.aws
def test_two_triages_at_once_tell_once(world: World) -> None:
    world.dead_letters(world.letter("a"))
    waits = Event()

    def pause(seconds: float) -> None:
        waits.set()
        sleep(0.02)

    world.clock.meanwhile = pause
    with ThreadPoolExecutor(1) as another:
        second: list[Future[Ended]] = []

        def begin() -> None:
            second.append(another.submit(world.run, {}))
            assert waits.wait(10)

        first = world.run({}, faults=meanwhile(lambda call: call.operation == "Publish", begin))
        assert second[0].result(10).output["outcome"] == first.output["outcome"] == "triaged"
    assert subjects(world) == ["1 dead letter at publish: NOT_FOUND, topic orders"]


def test_a_triage_that_comes_after_another_has_nothing_to_add(world: World) -> None:
    world.dead_letters(world.letter("a"))
    world.run({})
    world.run({})
    assert len(world.told()) == 1


def test_a_plan_that_drained_the_queue_tells_of_it(world: World) -> None:
    world.dead_letters(world.letter("a"))
    world.run({"action": "plan"})
    assert subjects(world) == ["1 dead letter at publish: NOT_FOUND, topic orders"]


@pytest.mark.aws
def test_a_run_is_told_with_what_became_of_its_letters(world: World) -> None:
    world.dead_letters(world.letter("a"), world.letter("b"))
    redriven = world.run({**REDRIVE, "stage": "publish"})
    ((subject, text),) = world.told()
    assert subject == f"{world.name}: redrive done: 2 resolved"
    assert text.startswith("redrive of publish: done.\nNext: eventing status\n")
    assert 'asked by ada: "the topic is back"' in text
    assert "letters: 2 resolved" in text
    assert redriven.output["report"] in text


def test_what_fails_again_after_it_was_resolved_is_another_incident(world: World) -> None:
    world.dead_letters(world.letter("a"))
    world.run({})
    world.run(REDRIVE)
    world.told()
    world.dead_letters(world.letter("b"))
    world.run({})
    assert subjects(world) == ["1 dead letter at publish: NOT_FOUND, topic orders"]


def test_a_report_has_all_of_a_run(world: World) -> None:
    letters = world.dead_letters(world.letter("a"), world.letter("b", publisher="acme-pay"))
    redriven = world.run({**REDRIVE, "stage": "publish", "filter": {"publisher": "acme-web"}})
    report = world.report(redriven)
    assert report["request"]["filter"] == {"publisher": "acme-web"}
    assert (report["request"]["reason"], report["request"]["started_by"]) == (
        REDRIVE["reason"],
        "ada",
    )
    assert report["counts"] == {"resolved": 1}
    assert report["by_fingerprint"] == {letters[0].fingerprint: {"resolved": 1}}
    assert report["plan"]["will_go_through"] == 1
    assert [group["letters"] for group in report["groups"]] == [1]
    assert report["seconds"] >= 0
    assert report["triage"]["publish"]["recorded"] == 2
    (entry,) = world.audit()
    assert entry["outcome"] == "done"
    assert entry["counts"] == {"resolved": 1}
    assert entry["request"] == report["request"]
    assert entry["report"] in redriven.output["report"]


def test_every_decision_is_audited(world: World) -> None:
    world.dead_letters(world.letter("a"))
    world.run({})
    world.run({"action": "plan"})
    world.run({**REDRIVE, "approval_above": 0})
    world.run({**REDRIVE, "approval_above": 0}, approve=lambda task: {
        "approved": True, "approver": "bob", "hash": task["plan"]["hash"]})  # fmt: skip
    world.run(REDRIVE)
    assert [entry["outcome"] for entry in world.audit()] == [
        "triaged", "planned", "not approved", "done", "nothing",
    ]  # fmt: skip
