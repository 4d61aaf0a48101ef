"""Redrive writes receipts as publication does: of what SNS has taken, and never in its way."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.engine.letters import PAYMENT, event

if TYPE_CHECKING:
    from tests.engine.process import Faults, TaskCall
    from tests.engine.world import World
    from tests.faults.vocabulary import Fault

REDRIVE = {"action": "redrive"}


@pytest.fixture
def world(world: World) -> World:
    """A world with publish letters of two topics."""
    world.record(
        world.letter("o1"),
        world.letter("o2"),
        world.letter("p", topic="payments", text=event("p", PAYMENT)),
    )
    return world


def writes_receipts(call: TaskCall) -> bool:
    return call.operation == "BatchExecuteStatement" and "receipts" in call.body


def at_receipts(fault: Fault) -> Faults:
    return lambda call: fault if writes_receipts(call) else None


@pytest.mark.aws
def test_what_a_redrive_publishes_has_a_receipt(world: World) -> None:
    assert world.run(REDRIVE).output["outcome"] == "done"

    assert world.proven() == {"o1": "orders", "o2": "orders", "p": "payments"}


def test_what_sns_does_not_take_has_none(world: World) -> None:
    def faults(call: TaskCall) -> Fault | None:
        denied = call.operation == "PublishBatch" and "payments" in call.body
        return "denied" if denied else None

    world.run(REDRIVE, faults=faults)

    assert world.proven() == {"o1": "orders", "o2": "orders"}


@pytest.mark.parametrize("fault", ["denied", "throttle", "timeout", "missing"])
def test_receipts_that_cannot_be_written_keep_no_letter_from_its_end(
    world: World, fault: Fault, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = world.run(REDRIVE, faults=at_receipts(fault))

    assert ended.output["counts"] == {"resolved": 3}
    assert {id: len(topics) for id, topics in world.delivered().items()} == {
        "o1": 1,
        "o2": 1,
        "p": 1,
    }
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sum(sum(line.get("ReceiptsMissing", ())) for line in lines) == 3


def test_killed_before_the_receipt_a_letter_is_sent_again_and_proven_then(world: World) -> None:
    killed: list[TaskCall] = []

    def faults(call: TaskCall) -> Fault | None:
        if writes_receipts(call) and not killed:
            killed.append(call)
            return "killed"
        return None

    world.run(REDRIVE, faults=faults)

    assert world.states() == {"resolved": 3}
    assert world.proven() == {"o1": "orders", "o2": "orders", "p": "payments"}
