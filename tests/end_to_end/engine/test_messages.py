"""What operators are told: of one incident once, of every run how it went; and what the counter sees."""

from __future__ import annotations

import json
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Event
from time import sleep
from typing import TYPE_CHECKING, Any

from eventing.cause import Code
from tests.end_to_end.engine.world import (
    letter,
)
from tests.faults.choosing import meanwhile, once
from tests.faults.vocabulary import Fault

if TYPE_CHECKING:
    import pytest

    from tests.end_to_end.engine.world import Ended, TaskCall, World

REDRIVE = {"action": "redrive", "reason": "the topic is back", "started_by": "ada"}


def subjects(world: World) -> list[str]:
    return [subject.partition(": ")[2] for subject, _ in world.told()]


def metrics(capsys: pytest.CaptureFixture[str], name: str) -> list[tuple[str, float]]:
    """The values of a metric that were written since this was last asked, with their stages."""
    lines = map(json.loads, capsys.readouterr().out.splitlines())
    return [(line.get("stage", ""), line[name][0]) for line in lines if name in line]


def test_one_incident_is_one_message_with_its_root_causes(world: World) -> None:
    world.dead_letters(
        *(letter(f"o{n}") for n in range(3)),
        letter("p", publisher="acme-pay", code=Code.THROTTLED, message="slow down"),
    )
    triaged = world.run({"stage": "publish", "started_by": "alarm"})
    ((subject, text),) = world.told()
    assert subject == f"{world.name}: 4 dead letters at publish"
    assert text.startswith("4 events wait as dead letters of publish, with 2 root causes:")
    assert "3 x NOT_FOUND at publish: Topic does not exist" in text
    assert "1 x THROTTLED at publish: slow down" in text
    assert "topics: orders 3; publishers: acme-web 3" in text
    for group in triaged.output["groups"]:
        assert f"fingerprint {group['fingerprint']}" in text
    assert triaged.output["report"] in text
    # More of the same is the same incident.
    world.dead_letters(letter("o9"))
    world.run({})
    assert world.told() == []


def test_another_root_cause_is_told(world: World) -> None:
    world.dead_letters(letter("a"))
    world.run({})
    world.dead_letters(letter("b", code=Code.THROTTLED))
    world.told()
    world.run({})
    ((subject, text),) = world.told()
    assert subject.endswith("2 dead letters at publish")
    assert "THROTTLED" in text


def test_each_stage_has_its_own_incident(world: World) -> None:
    world.dead_letters(letter("a"), letter("s", stage="ingest"))
    world.run({})
    assert subjects(world) == ["1 dead letter at ingest", "1 dead letter at publish"]


def test_two_triages_at_once_tell_once(world: World) -> None:
    world.dead_letters(letter("a"))
    waits = Event()

    def pause(seconds: float) -> None:
        waits.set()
        sleep(0.02)

    world.pause = pause
    with ThreadPoolExecutor(1) as another:
        second: list[Future[Ended]] = []

        def begin() -> None:
            second.append(another.submit(world.run, {}))
            assert waits.wait(10)

        first = world.run({}, faults=meanwhile(lambda call: call.operation == "Publish", begin))
        assert second[0].result(10).output["outcome"] == first.output["outcome"] == "triaged"
    assert subjects(world) == ["1 dead letter at publish"]


def test_a_triage_that_comes_after_another_has_nothing_to_add(world: World) -> None:
    world.dead_letters(letter("a"))
    world.run({})
    world.run({})
    assert len(world.told()) == 1


def test_a_plan_that_drained_the_queue_tells_of_it(world: World) -> None:
    world.dead_letters(letter("a"))
    world.run({"action": "plan"})
    assert subjects(world) == ["1 dead letter at publish"]


def test_a_run_is_told_with_what_became_of_its_letters(world: World) -> None:
    world.dead_letters(letter("a"), letter("b"))
    redriven = world.run({**REDRIVE, "stage": "publish"})
    ((subject, text),) = world.told()
    assert subject == f"{world.name}: redrive done"
    assert "redrive of publish: done" in text
    assert "asked by ada: the topic is back" in text
    assert "letters: 2 resolved" in text
    assert redriven.output["report"] in text


def test_what_fails_again_after_it_was_resolved_is_another_incident(world: World) -> None:
    world.dead_letters(letter("a"))
    world.run({})
    world.run(REDRIVE)
    world.told()
    world.dead_letters(letter("b"))
    world.run({})
    assert subjects(world) == ["1 dead letter at publish"]


def test_a_report_has_all_of_a_run(world: World) -> None:
    letters = world.dead_letters(letter("a"), letter("b", publisher="acme-pay"))
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
    world.dead_letters(letter("a"))
    world.run({})
    world.run({"action": "plan"})
    world.run({**REDRIVE, "approval_above": 0})
    world.run({**REDRIVE, "approval_above": 0}, approve=lambda task: {
        "approved": True, "approver": "bob", "hash": task["plan"]["hash"]})  # fmt: skip
    world.run(REDRIVE)
    assert [entry["outcome"] for entry in world.audit()] == [
        "triaged", "planned", "not approved", "done", "nothing",
    ]  # fmt: skip


def test_a_message_that_cannot_be_sent_is_sent_by_a_later_triage(world: World) -> None:
    def faults(call: TaskCall) -> Fault | None:
        return "denied" if call.operation == "Publish" else None

    world.dead_letters(letter("a"))
    assert world.run({}, faults=faults).error == "AuthorizationErrorException"
    assert world.waiting() == 0
    # Nobody was told, and the queue is empty: the counter sees to it.
    counted = world.count()
    assert counted["started"] == [{"stage": "publish", "action": "triage", "started_by": "counter"}]
    world.run(counted["started"][0])
    assert len(world.told()) == 1
    assert world.count()["started"] == []


# The counter


def test_the_counter_starts_triage_of_a_queue_that_is_not_empty(world: World) -> None:
    assert world.count()["started"] == []
    world.dead_letters(letter("s", stage="ingest"))
    counted = world.count()
    assert counted["ingest"] == {"waiting": 1, "open": 0, "triage_started": True}
    assert [started["stage"] for started in counted["started"]] == ["ingest"]


def test_the_counter_starts_no_triage_while_one_runs(world: World) -> None:
    counted: list[Any] = []
    world.dead_letters(letter("a"), letter("b"))
    world.run(
        {},
        faults=meanwhile(
            lambda call: call.operation == "DeleteMessageBatch",
            lambda: counted.append((world.dead_letters(letter("c")), world.count())[1]),
        ),
    )
    assert counted[0]["publish"]["triage_started"] is False


def test_the_counter_counts_what_is_not_done_with(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.dead_letters(
        *(letter(f"o{n}", age=timedelta(minutes=10 + n)) for n in range(25)),
        letter("s", stage="ingest", code=Code.CONFLICT),
    )
    world.run({})
    assert metrics(capsys, "IncidentReported") == [("ingest", 1.0), ("publish", 1.0)]
    assert world.count()["publish"]["open"] == 25
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    of_publish = {k: v for line in lines if line.get("stage") == "publish" for k, v in line.items()}
    assert of_publish["OpenDeadLetters"] == [25.0]
    assert 34 * 60 <= of_publish["OldestDeadLetterAge"][0] < 35 * 60
    assert of_publish["IncidentReported"] == [1.0]

    counted: list[Any] = []
    world.run(
        REDRIVE,
        faults=meanwhile(
            lambda call: call.operation == "PublishBatch",
            lambda: counted.append(world.count()),
        ),
    )
    # Some were at their topic just then.
    assert counted[0]["publish"]["open"] == 25
    capsys.readouterr()
    assert world.count()["publish"]["open"] == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    of_publish = {k: v for line in lines if line.get("stage") == "publish" for k, v in line.items()}
    assert of_publish["OpenDeadLetters"] == of_publish["OldestDeadLetterAge"] == [0.0]
    assert "IncidentReported" not in of_publish


def test_parked_and_discarded_letters_are_not_open(world: World) -> None:
    world.dead_letters(letter("a"), letter("b"))
    world.run({"action": "discard", "everything": True, "limit": 1})
    world.run(
        {**REDRIVE, "max_episodes": 1},
        faults=lambda call: "denied" if call.operation == "PublishBatch" else None,
    )
    assert world.states() == {"discarded": 1, "parked": 1}
    assert world.count()["publish"]["open"] == 0


def test_the_runs_metrics(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.dead_letters(letter("a"), letter("s", stage="ingest"), letter("b"))
    world.run(
        {**REDRIVE, "canary": 0, "stage": "publish", "limit": 1},
        faults=once("denied", lambda call: call.operation == "PublishBatch"),
    )
    assert metrics(capsys, "RedriveFailed") == [("", 1.0)]
    world.run(REDRIVE)
    out = capsys.readouterr().out
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["RedriveSucceeded"] for line in lines if "RedriveSucceeded" in line] == [[3.0]]
    (stored,) = [line for line in lines if "EventsStored" in line]
    # At the minute in which the event was accepted, for the conservation of events.
    accepted = world.stored()["s"]["accepted_at"]["S"]
    assert stored["EventsStored"] == [1.0]
    assert stored["_aws"]["Timestamp"] == minute_of(accepted)
    # What an operator got wrong, or what was refused, is no failure.
    world.run({**REDRIVE, "filter": {}})
    assert metrics(capsys, "RedriveFailed") == []


def minute_of(time: str) -> int:
    moment = datetime.fromisoformat(time).replace(second=0, microsecond=0)
    return round(moment.timestamp() * 1000)
