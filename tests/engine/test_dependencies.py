"""Runs that can't go on: they say which dependency is down and why, in output and message."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from functions.contract import COUNTER
from tests.engine.process import TaskCall

if TYPE_CHECKING:
    from eventing.dead_letter import Stage
    from tests.engine.process import Faults
    from tests.engine.world import World
    from tests.faults.vocabulary import Fault
    from tests.workflows.asl import Json

REDRIVE: Json = {"action": "redrive", "reason": "the topic is back", "started_by": "ada"}
PLAN: Json = {"action": "plan", "started_by": "ada"}
DISCARD: Json = {
    "action": "discard",
    "everything": True,
    "reason": "a test of theirs",
    "started_by": "ada",
}
TRIAGE: Json = {"started_by": "ada"}


def asked(operation: str, *, of: str = "", task: str = "") -> Callable[[TaskCall], bool]:
    """Calls of this operation, for a table whose name ends so, at this task."""

    def chosen(call: TaskCall) -> bool:
        # Quoted, and once more in a statement.
        named = re.search(rf'{of}\\?"', call.body) if of else True
        return call.operation == operation and bool(named) and call.task.startswith(task)

    return chosen


def always(fault: Fault, chosen: Callable[[TaskCall], bool]) -> Faults:
    return lambda call: fault if chosen(call) else None


def letters(world: World) -> None:
    world.dead_letters(
        *(world.letter(f"s{n}", stage="ingest", step="store") for n in range(3)),
        *(world.letter(f"p{n}") for n in range(3)),
    )


@pytest.mark.parametrize("input", [PLAN, REDRIVE], ids=lambda input: str(input["action"]))
@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("denied", "ACCESS_DENIED"),
        ("throttle", "THROTTLED"),
        ("500", "UNAVAILABLE"),
        ("timeout", "TIMEOUT"),
        ("missing", "NOT_FOUND"),
    ],
)
def test_reads_of_the_events_table_that_fail_are_named(
    world: World, input: Json, fault: Fault, code: str
) -> None:
    letters(world)
    world.run({})
    world.told()
    before = world.letters
    ended = world.run(input, faults=always(fault, asked("BatchGetItem", of="-events")))
    assert ended.error == "DependencyDown"
    assert ended.cause
    assert ended.cause.startswith(f"table {world.events}: {code}: ")
    ((subject, text),) = world.told()
    assert subject.startswith(f"{world.name}: {input['action']} failed: table ")
    assert f"cause: {ended.cause}" in text
    # A report of it is there as well, and nothing has been touched.
    assert world.audit()[-1]["outcome"] == "failed"
    assert world.audit()[-1]["cause"] == ended.cause
    assert world.letters == before
    assert world.locked() == {}
    assert world.run(REDRIVE).output["counts"] == {"resolved": 6}
    assert {len(topics) for topics in world.delivered().values()} == {1}


@pytest.mark.parametrize(
    ("chosen", "resource"),
    [
        (asked("BatchExecuteStatement", task="page"), "ledger"),
        (asked("BatchGetItem", of="-ledger", task="page"), "ledger"),
        (asked("UpdateItem", of="-ledger", task="lock"), "ledger"),
        (asked("UpdateItem", of="-ledger", task="page"), "ledger"),
        (asked("GetObject", task="verify"), "operations"),
        (asked("GetObject", task="page"), "operations"),
        (asked("PutObject", task="plan"), "operations"),
        (asked("PutObject", task="page"), "operations"),
    ],
)
@pytest.mark.parametrize(
    ("input", "fault", "code"),
    [(REDRIVE, "denied", "ACCESS_DENIED"), (DISCARD, "throttle", "THROTTLED")],
    ids=["redrive", "discard"],
)
def test_what_a_run_itself_needs_is_named(
    world: World,
    input: Json,
    chosen: Callable[[TaskCall], bool],
    resource: str,
    fault: Fault,
    code: str,
) -> None:
    letters(world)
    world.run({})
    world.told()
    ended = world.run(input, faults=always(fault, chosen))
    kind = "table" if resource == "ledger" else "bucket"
    said = f"{kind} {world.name}-{resource}: {code}: "
    cause = ended.cause or ended.output["cause"]
    assert cause.startswith(said)
    runs = [text for subject, text in world.told() if f": {input['action']} " in subject]
    assert [f"cause: {cause}" in text for text in runs] == [True]
    assert world.locked() == {}
    # Nothing that was begun is left over, and nothing is twice where its subscribers are.
    world.clock.passed += 300
    assert world.run(input).output["outcome"] in ("done", "nothing")
    assert world.states().keys() <= {"resolved", "discarded"}
    assert {len(topics) for topics in world.delivered().values()} <= {1}


@pytest.mark.parametrize(
    ("input", "chosen", "resource"),
    [
        (REDRIVE, asked("PutObject"), "bucket NAME-operations"),
        (PLAN, asked("PutObject"), "bucket NAME-operations"),
        (TRIAGE, asked("PutObject"), "bucket NAME-operations"),
        (PLAN, asked("PutObject", task="report"), "bucket NAME-operations"),
        (REDRIVE, asked("PutObject", task="finish"), "bucket NAME-operations"),
        (REDRIVE, asked("GetObject", task="finish"), "bucket NAME-operations"),
        (DISCARD, asked("ListObjectsV2"), "bucket NAME-operations"),
        (PLAN, asked("Query", of="-ledger"), "table NAME-ledger"),
        (REDRIVE, asked("UpdateItem", of="-ledger"), "table NAME-ledger"),
        (REDRIVE, asked("ExecuteStatement", of="-ledger", task="finish"), "table NAME-ledger"),
    ],
)
@pytest.mark.parametrize("fault", ["denied", "throttle"])
def test_where_no_report_can_be_written_the_message_goes_once_all_the_same(
    world: World,
    input: Json,
    chosen: Callable[[TaskCall], bool],
    resource: str,
    fault: Fault,
) -> None:
    letters(world)
    ended = world.run(input, faults=always(fault, chosen))
    named = resource.replace("NAME", world.name)
    assert ended.error == "DependencyDown"
    assert ended.cause
    assert f"{named}: " in ended.cause
    action = input.get("action", "triage")
    told = [text for subject, text in world.told() if f": {action} failed: " in subject]
    assert len(told) == 1
    assert f"cause: {ended.cause}" in told[0]
    assert "report: none could be written" in told[0]


@pytest.mark.parametrize(
    ("fault", "code"),
    [("denied", "ACCESS_DENIED"), ("missing", "NOT_FOUND"), ("timeout", "TIMEOUT")],
)
@pytest.mark.parametrize("stage", ["ingest", "publish"])
def test_a_queue_that_triage_cannot_reach_is_named(
    world: World, stage: Stage, fault: Fault, code: str
) -> None:
    letters(world)
    faults = always(fault, asked("ReceiveMessage", of=f"-{stage}-dlq"))
    ended = world.run({**TRIAGE, "stage": stage}, faults=faults)
    assert ended.error == "DependencyDown"
    assert ended.cause
    queue = world.cloud.queues[stage].rpartition("/")[2]
    assert ended.cause.startswith(f"queue {queue}: {code}: ")
    assert [subject for subject, _ in world.told() if ": triage failed: queue " in subject]
    assert world.audit()[-1]["cause"] == ended.cause


def test_a_triage_that_the_counter_asks_for_every_minute_sends_no_message_when_it_fails(
    world: World,
) -> None:
    letters(world)
    faults = always("denied", asked("ReceiveMessage"))
    ended = world.run({"stage": "publish", "started_by": COUNTER}, faults=faults)
    assert ended.error == "DependencyDown"
    assert world.told() == []
    faults = always("denied", asked("PutObject"))
    ended = world.run({"stage": "publish", "started_by": COUNTER}, faults=faults)
    assert ended.error == "DependencyDown"
    assert world.told() == []


def test_the_log_names_it(world: World, caplog: pytest.LogCaptureFixture) -> None:
    letters(world)
    world.run(PLAN, faults=always("denied", asked("BatchGetItem", of="-events")))
    (record,) = (record for record in caplog.records if record.levelname == "ERROR")
    assert (record.message, vars(record)["resource"]) == ("plan", f"table {world.events}")
    assert vars(record)["code"] == "ACCESS_DENIED"
