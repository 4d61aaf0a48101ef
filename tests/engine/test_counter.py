"""What the counter sees and starts, and what runs are measured by."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from eventing.cause import Code
from functions.contract import Objects
from tests.engine.clouds import InMemory
from tests.faults.choosing import meanwhile, once

if TYPE_CHECKING:
    from tests.engine.process import TaskCall
    from tests.engine.world import World
    from tests.faults.vocabulary import Fault

pytestmark = pytest.mark.memory
REDRIVE = {"action": "redrive"}


def metrics(capsys: pytest.CaptureFixture[str], name: str) -> list[tuple[str, float]]:
    """The values of a metric that were written since this was last asked, with their stages."""
    lines = map(json.loads, capsys.readouterr().out.splitlines())
    return [(line.get("stage", ""), line[name][0]) for line in lines if name in line]


def test_a_message_that_cannot_be_sent_is_sent_by_a_later_triage(world: World) -> None:
    def faults(call: TaskCall) -> Fault | None:
        return "denied" if call.operation == "Publish" else None

    world.dead_letters(world.letter("a"))
    assert world.run({}, faults=faults).error == "DependencyDown"
    assert world.waiting() == 0
    # Nobody was told, and the queue is empty: the counter sees to it.
    counted = world.count()
    assert counted["started"] == [{"stage": "publish", "action": "triage", "started_by": "counter"}]
    world.run(counted["started"][0])
    assert len(world.told()) == 1
    assert world.count()["started"] == []


def test_the_counter_starts_triage_of_a_queue_that_is_not_empty(world: World) -> None:
    assert world.count()["started"] == []
    world.dead_letters(world.letter("s", stage="ingest"))
    counted = world.count()
    assert counted["ingest"] == {
        "waiting": 1, "open": 0, "own_fault": 0, "parked": 0, "triage_started": True,
    }  # fmt: skip
    assert [started["stage"] for started in counted["started"]] == ["ingest"]


def test_the_counter_starts_no_triage_while_one_runs(world: World) -> None:
    counted: list[Any] = []
    world.dead_letters(world.letter("a"), world.letter("b"))
    world.run(
        {},
        faults=meanwhile(
            lambda call: call.operation == "DeleteMessageBatch",
            lambda: counted.append((world.dead_letters(world.letter("c")), world.count())[1]),
        ),
    )
    assert counted[0]["publish"]["triage_started"] is False


def test_the_counter_counts_what_is_not_done_with(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.dead_letters(
        *(world.letter(f"o{n}", age=timedelta(minutes=10 + n)) for n in range(25)),
        world.letter("s", stage="ingest", code=Code.TIMEOUT),
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


def test_the_counter_counts_what_firehose_could_not_deliver(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert world.count()["archive"] == {"undelivered": 0}
    assert metrics(capsys, "CopiesUndelivered") == [("", 0.0)]
    world.dead_letters(world.letter("a", stage="ingest", step="archive"))
    world.run({})
    world.run({**REDRIVE, "stage": "ingest"})
    for number in range(2):
        key = f"{Objects.UNDELIVERED}processing-failed/2026-11-28/{number}"
        world.cloud.overwrite(world.archive, key, "what it was")
    # What is where it belongs is no matter.
    assert world.count()["archive"] == {"undelivered": 2}
    assert metrics(capsys, "CopiesUndelivered") == [("", 2.0)]


def test_parked_and_discarded_letters_are_not_open(world: World) -> None:
    world.dead_letters(world.letter("a"), world.letter("b"))
    world.run({"action": "discard", "everything": True, "limit": 1})
    world.run(
        {**REDRIVE, "max_episodes": 1},
        faults=lambda call: "too-large" if call.operation == "PublishBatch" else None,
    )
    assert world.states() == {"discarded": 1, "parked": 1}
    assert world.count()["publish"]["open"] == 0


def test_the_runs_metrics(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.dead_letters(world.letter("a"), world.letter("s", stage="ingest"), world.letter("b"))
    world.run(
        {**REDRIVE, "canary": 0, "stage": "publish", "limit": 1},
        faults=once("too-large", lambda call: call.operation == "PublishBatch"),
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


STREAM = "arn:aws:dynamodb:eu-north-1:123456789012:table/shop-events/stream/"


@pytest.mark.parametrize(
    ("mapping", "unread"),
    [
        ({"EventSourceArn": STREAM + "1", "State": "Enabled"}, None),
        # On its way to be enabled: a deployment is at it.
        ({"EventSourceArn": STREAM + "1", "State": "Creating"}, None),
        ({"EventSourceArn": STREAM + "1", "State": "Updating"}, None),
        # The table or the replica was made anew.
        ({"EventSourceArn": STREAM + "0", "State": "Enabled"}, "the mapping reads another stream"),
        ({"EventSourceArn": STREAM + "1", "State": "Disabled"}, "the mapping is Disabled"),
        ({"EventSourceArn": STREAM + "1", "State": "Deleting"}, "the mapping is Deleting"),
        (None, "there is no mapping"),
    ],
)
def test_the_counter_tells_when_nobody_reads_the_tables_stream(
    world: World,
    capsys: pytest.CaptureFixture[str],
    mapping: dict[str, str] | None,
    unread: str | None,
) -> None:
    """DynamoDB gives a table that is made anew another stream; its mapping goes on with the dead one.

    (DynamoDB, DescribeTable, `LatestStreamArn`; Lambda, GetEventSourceMapping, `EventSourceArn`, `State`.)
    """
    assert isinstance(world.cloud, InMemory)
    world.cloud.aws.mapping = mapping

    assert world.count()["stream"] == {"unread": unread}
    assert metrics(capsys, "StreamUnread") == [("", float(unread is not None))]
