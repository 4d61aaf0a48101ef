"""What a message tells: enough to decide, why it ended, and what to do next."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from eventing.cause import Code
from tests.faults.choosing import meanwhile

if TYPE_CHECKING:
    from tests.engine.process import TaskCall
    from tests.engine.world import World
    from tests.faults.vocabulary import Fault

REDRIVE: dict[str, Any] = {"action": "redrive", "stage": "publish", "reason": "it is back"}


def publishing(call: TaskCall) -> bool:
    return call.operation == "PublishBatch"


def stopped(world: World, because: str, *, faults: Any = None) -> tuple[str, dict[str, Any]]:
    """The message on a run that was stopped in its midst, and its report."""
    world.dead_letters(world.letter("a"), world.letter("b"))
    world.run({})
    world.told()
    world.stopped_because = because
    world.run({**REDRIVE, "canary": 1}, faults=faults or meanwhile(publishing, world.stop))
    (text,) = (text for subject, text in world.told() if ": redrive partial" in subject)
    (key,) = (key for key in world.objects("reports/") if world.read(key)["outcome"] == "partial")
    return text, world.read(key)


@pytest.mark.parametrize(
    ("because", "told"),
    [
        (
            "wrong fingerprint, asked by bob",
            "the execution was aborted: wrong fingerprint, asked by bob",
        ),
        ("two\nlines", "the execution was aborted: two lines"),
        ("", "the execution was aborted"),
        ("x" * 5000, "the execution was aborted: xxx"),
    ],
)
def test_why_an_operator_stopped_a_run_is_told(world: World, because: str, told: str) -> None:
    text, report = stopped(world, because)
    assert report["cause"].startswith(told)
    assert len(report["cause"]) <= 1024
    assert f"cause: {told}" in text
    assert world.audit()[-1]["cause"] == report["cause"]
    assert text.startswith(
        "redrive of publish: partial; continue with the letters that are left.\n"
        f"Next: eventing continue {report['execution'].rpartition(':')[2]}\n"
        "Runbook: docs/runbook.md#stop-slow-down-continue\n"
    )
    assert report["execution"] in text


def test_a_cause_that_cannot_be_read_holds_nothing_up(world: World) -> None:
    stops = meanwhile(publishing, world.stop)

    def faults(call: TaskCall) -> Fault | None:
        return "denied" if call.operation == "DescribeExecution" else stops(call)

    text, report = stopped(world, "never read", faults=faults)
    assert report["cause"] == "the execution was aborted"
    assert world.locked() == {}
    assert "partial" in text


def test_an_aborted_run_says_what_to_do(world: World) -> None:
    def sns_is_broken(call: TaskCall) -> Fault | None:
        return "denied" if publishing(call) else None

    world.dead_letters(*(world.letter(f"e{n}") for n in range(20)))
    assert world.run(REDRIVE, faults=sns_is_broken).output["outcome"] == "aborted"
    ((_, text),) = ((s, t) for s, t in world.told() if ": redrive aborted: " in s)
    assert "aborted; fix what the cause names, then plan it and start it again." in text
    assert "\nNext: eventing plan --stage publish\nRunbook: docs/runbook.md#plan\n" in text


@pytest.mark.parametrize(("action", "letters"), [("redrive", 1), ("discard", 2)])
def test_whoever_approves_sees_what_it_is_about(world: World, action: str, letters: int) -> None:
    world.dead_letters(
        *(
            world.letter(f"o{n}", message="not authorized", code=Code.ACCESS_DENIED)
            for n in range(letters)
        ),
    )
    world.run({})
    world.told()
    ended = world.run(
        {**REDRIVE, "action": action, "filter": {"topic": "orders"}, "approval_above": 0}
    )
    (subject, text) = world.told()[0]
    assert subject.endswith(
        f": approve {action} of {letters} letter{'s' if letters > 1 else ''}? ACCESS_DENIED, topic orders"
    )
    assert f'{letters} x ACCESS_DENIED at publish: "not authorized"' in text
    assert f"topics: orders {letters}" in text
    assert ended.output["execution"] in text
    assert "1 root causes" not in text


def test_many_root_causes_of_a_plan_are_the_largest_and_a_count(world: World) -> None:
    world.record(
        *(
            world.letter(f"e{n}", topic=f"topic-{'abcdefghijklmnopqrstuvwxyz'[n]}")
            for n in range(22)
        )
    )
    world.run({**REDRIVE, "approval_above": 0})
    text = next(text for subject, text in world.told() if "approve" in subject)
    assert text.count("x NOT_FOUND at publish") == 20
    assert len(text.encode()) < 200 * 1024


@pytest.mark.parametrize(
    ("count", "told"),
    [(1, "1 event waits as a dead letter of publish, with 1 root cause."),
     (2, "2 events wait as dead letters of publish, with 1 root cause.")],
)  # fmt: skip
def test_one_is_one(world: World, count: int, told: str) -> None:
    world.dead_letters(*(world.letter(f"e{n}") for n in range(count)))
    world.run({})
    ((subject, text),) = world.told()
    assert f": {count} dead letter{'s' if count > 1 else ''} at publish: NOT_FOUND" in subject
    assert text.startswith(told)


def test_what_is_open_is_counted_as_soon_as_triage_has_told_of_it(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.dead_letters(*(world.letter(f"e{n}") for n in range(120)))
    assert world.count()["publish"]["open"] == 0
    capsys.readouterr()
    world.run({"stage": "publish"})
    assert opened(capsys) == [("publish", 120)]
    world.run(REDRIVE)
    assert opened(capsys)[-1] == ("publish", 0)


def opened(capsys: pytest.CaptureFixture[str]) -> list[tuple[str, int]]:
    lines = map(json.loads, capsys.readouterr().out.splitlines())
    return [
        (line["stage"], line["OpenDeadLetters"][0]) for line in lines if "OpenDeadLetters" in line
    ]
