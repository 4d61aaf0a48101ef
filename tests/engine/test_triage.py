"""Letters from the queues into the ledger: each of them, once, with what is no letter kept aside."""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from eventing.cause import Code
from tests.engine.letters import PAYMENT, event, invocation_record
from tests.faults.choosing import meanwhile

if TYPE_CHECKING:
    from eventing.dead_letter import DeadLetter
    from tests.engine.world import Ended, World

PUBLISHERS = ("acme-web", "acme-pay", "nordic-crm")


def thousand(world: World) -> list[DeadLetter]:
    """Four root causes, three publishers, both stages."""
    letters = []
    for number in range(1000):
        id, publisher = f"e{number}", PUBLISHERS[number % 3]
        kinds: list[dict[str, Any]] = [
            {"topic": "orders"},
            {
                "topic": "payments",
                "code": Code.ACCESS_DENIED,
                "message": "not authorized",
                "text": event(id, PAYMENT),
            },
            {"stage": "ingest", "step": "store", "code": Code.THROTTLED, "message": "too much"},
            {
                "stage": "ingest",
                "step": "archive",
                "code": Code.UNAVAILABLE,
                "message": "try later",
            },
        ]
        letters.append(world.letter(id, publisher=publisher, **kinds[number // 3 % 4]))
    return letters


def test_a_thousand_letters_of_four_causes(world: World) -> None:
    letters = world.dead_letters(*thousand(world))
    triaged = world.run({})
    assert triaged.output["outcome"] == "triaged"
    assert world.waiting() == 0
    assert Counter(one.id for one in world.letters) == {f"e{n}": 1 for n in range(1000)}
    assert world.states() == {"open": 1000}
    expected = Counter(one.fingerprint for one in letters)
    assert len(expected) == 4
    groups = {group["fingerprint"]: group for group in world.report(triaged)["groups"]}
    assert {f: group["letters"] for f, group in groups.items()} == expected
    for fingerprint, group in groups.items():
        members = [one for one in letters if one.fingerprint == fingerprint]
        assert group["publishers"] == Counter(one.publisher for one in members)
        assert group["topics"] == Counter(one.topic or "none" for one in members)
        assert group["message"] == members[0].cause.message

    chosen = {
        one.key: json.loads(one.event)["id"]
        for one in letters
        if one.publisher == "acme-pay" and one.cause.code is Code.ACCESS_DENIED
    }
    redriven = world.run(
        {"action": "redrive", "filter": {"publisher": "acme-pay", "cause": "ACCESS_DENIED"}}
    )
    assert redriven.output["outcome"] == "done"
    assert redriven.output["counts"] == {"resolved": len(chosen)}
    assert world.delivered() == {id: ["payments"] for id in chosen.values()}
    for one in world.letters:
        assert one.state == ("resolved" if one.key in chosen else "open")
    assert world.stored() == {}
    assert world.archived() == {}

    rest = world.run({"action": "redrive"})
    assert rest.output["counts"] == {"resolved": 1000 - len(chosen)}
    delivered = world.delivered()
    by_step = {step: {json.loads(one.event)["id"] for one in letters if one.step == step}
               for step in ("publish", "store", "archive")}  # fmt: skip
    assert delivered.keys() == by_step["publish"] - set(chosen.values())
    assert all(len(topics) == 1 for topics in delivered.values())
    assert world.stored().keys() == by_step["store"]
    assert world.archived() == dict.fromkeys(by_step["archive"], 1)
    assert world.states() == {"resolved": 1000}


@pytest.mark.aws
def test_a_letter_that_is_received_twice_is_one(world: World) -> None:
    twice = world.letter("a")
    world.dead_letters(twice, twice, world.letter("b"))
    assert world.run({}).output["triage"]["publish"]["recorded"] == 2
    world.dead_letters(twice)
    assert world.run({}).output["triage"]["publish"] == {
        "recorded": 0, "known": 1, "junk": 0, "records": 0, "left": 0, "causes": {},
        "junk_kinds": {},
    }  # fmt: skip
    assert world.states() == {"open": 2}


@pytest.mark.aws
def test_what_is_no_letter_is_kept_marked_and_reported(world: World) -> None:
    damaged = json.loads(world.letter("a").text()) | {"failed_at": "yesterday"}
    huge = world.letter("b", text=event("b", data={"order_id": "b" * 450_000, "total": 1}))
    junk = ["hello", "{}", json.dumps(damaged), huge.text()]
    world.send("publish", *junk, world.letter("c").text())
    triaged = world.run({})
    assert world.waiting() == 0
    assert [one.id for one in world.letters] == ["c"]
    kept = [world.read(key) for key in world.objects("junk/publish/")]
    assert sorted(one["body"] for one in kept) == sorted(junk)
    assert all(one["reason"] and one["stage"] == "publish" for one in kept)
    assert triaged.output["triage"]["publish"]["junk"] == 4
    ((subject, text),) = world.told()
    assert subject == f"{world.name}: 1 dead letter at publish: NOT_FOUND, topic orders"
    assert "4 messages are no dead letters" in text
    assert f"s3://{world.operations}/junk/publish/" in text


def test_junk_alone_is_told_once(world: World) -> None:
    world.send("ingest", "hello")
    world.run({})
    world.run({})
    ((subject, text),) = world.told()
    assert subject == f"{world.name}: 1 message is no dead letter at ingest"
    assert "Next: eventing junk\nRunbook: docs/runbook.md#junk\n" in text
    assert "wait" not in text
    assert "1 message is no dead letter: 1 x not JSON" in text


@pytest.mark.aws
def test_a_crash_record_becomes_letters_that_are_redriven(world: World, capsys: Any) -> None:
    world.put_record("aws/lambda/1", invocation_record(event("a"), event("b", PAYMENT), "?"))
    triaged = world.run({})
    assert triaged.output["triage"]["publish"]["records"] == 1
    assert world.waiting() == 0
    assert {one.code for one in world.letters} == {"CRASHED"}
    assert [one.id for one in world.letters].count("None") == 1
    lines = map(json.loads, capsys.readouterr().out.splitlines())
    assert [line["EventsSettled"] for line in lines if "EventsSettled" in line] == [[3.0]]
    redriven = world.run({"action": "redrive"})
    assert world.delivered() == {"a": ["orders"], "b": ["payments"]}
    assert redriven.output["counts"] == {"resolved": 2, "failed": 1}
    # The same reference again, as SQS may deliver it: nothing is news.
    world.refer("aws/lambda/1")
    world.run({})
    assert world.states() == {"resolved": 2, "open": 1}


def test_a_crash_record_that_is_none_is_junk_and_one_that_cannot_be_read_stays(
    world: World,
) -> None:
    world.put_record("aws/lambda/1", b"no record")
    world.refer("aws/lambda/missing")
    triaged = world.run({})
    counts = triaged.output["triage"]["publish"]
    assert (counts["junk"], counts["left"], counts["causes"]) == (1, 1, {"NOT_FOUND": 1})
    assert world.waiting() == 1
    ((_, text),) = world.told()
    assert "could not be recorded: NOT_FOUND 1" in text


@pytest.mark.aws
def test_a_second_triage_is_skipped_while_the_first_runs(world: World) -> None:
    world.dead_letters(world.letter("a"))
    second: list[Ended] = []
    first = world.run(
        {"stage": "publish"},
        faults=meanwhile(
            lambda call: call.operation == "ReceiveMessage",
            lambda: second.append(world.run({"stage": "publish"})),
        ),
    )
    assert first.output["outcome"] == "triaged"
    assert second[0].output["outcome"] == "skipped"
    assert world.states() == {"open": 1}
    assert len(world.told()) == 1


@pytest.mark.memory
def test_a_lease_whose_holder_died_is_taken_over(world: World) -> None:
    world.dead_letters(world.letter("a"))
    process = world.process(lambda call: "killed" if call.operation == "ReceiveMessage" else None)
    try:
        process.invoke({"task": "triage", "execution": "dead", "stages": ["publish"]})
    except BaseException:
        assert process.dead
    assert world.locked() == {"triage#publish": "dead"}
    assert world.run({"stage": "publish"}).output["outcome"] == "skipped"
    world.clock.passed += 300
    world.give_back()
    assert world.run({"stage": "publish"}).output["outcome"] == "triaged"
    assert world.locked() == {}
    assert world.states() == {"open": 1}


def test_letters_that_arrive_during_a_triage_are_in_the_ledger_or_in_the_queue(
    world: World,
) -> None:
    world.dead_letters(*(world.letter(f"a{n}") for n in range(50)))

    world.run(
        {},
        faults=meanwhile(
            lambda call: call.operation == "DeleteMessageBatch",
            lambda: world.dead_letters(*(world.letter(f"b{n}") for n in range(20))),
        ),
    )
    assert world.states()["open"] + world.waiting() >= 70
    world.run({})
    assert {one.id for one in world.letters} >= {f"b{n}" for n in range(20)}
    assert len(world.letters) == 70


@pytest.mark.aws
def test_a_resolved_letter_that_fails_anew_is_open_again_and_its_episodes_go_on(
    world: World,
) -> None:
    world.dead_letters(world.letter("a"))
    world.run({"action": "redrive"}, faults=fail_publishing)
    world.run({"action": "redrive"})
    assert (world.row("a").state, world.row("a").episode) == ("resolved", 1)
    world.dead_letters(world.letter("a", age=timedelta(seconds=-1)))
    world.run({})
    assert (world.row("a").state, world.row("a").episode) == ("open", 1)


def fail_publishing(call: Any) -> Any:
    return "too-large" if call.operation == "PublishBatch" else None
