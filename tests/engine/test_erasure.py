"""One event is erased everywhere, whatever happens meanwhile; what is not reached is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from eventing.archive_line import archive_line
from functions.contract import Metric, Objects
from tests.engine.erasures import ACCEPTED_AT, PUBLISHER, Erasures, key_of, nobody, yes
from tests.engine.letters import ROOT, event
from tests.engine.process import TaskCall
from tests.engine.world import World
from tests.faults.vocabulary import Fault
from tests.workflows.asl import Json

pytestmark = pytest.mark.memory
SECRET = "hunter2-of-the-erased"
ID, OTHER = "to-be-erased", "to-stay"
LATER = "2026-11-27T11:45:00.000Z"
RECORD = f"{Objects.INVOCATION_RECORDS}1-2/shardId-0/2026-11-27.json"
JUNK = f"{Objects.JUNK}publish/unknown-json/m-1.json"


def secret(id: str = ID) -> str:
    return event(id, data={"order_id": id, "total": 1, "currency": "EUR", "note": SECRET})


def stream_record(id: str, text: str) -> Json:
    image = {"pk": {"S": key_of(id)}, "event": {"S": text}, "publisher": {"S": PUBLISHER}}
    keys = {"pk": {"S": key_of(id)}}
    return {"eventName": "INSERT", "dynamodb": {"Keys": keys, "NewImage": image}}


def put(erasures: Erasures, bucket: str, key: str, text: str) -> None:
    erasures.aws.buckets.setdefault(bucket, {})[key] = text.encode()


@pytest.fixture
def erasures(world: World) -> Erasures:
    """A world in which the event is wherever an event can be, beside another one."""
    erasures = Erasures(world)
    erasures.stored(ID, secret())
    erasures.stored(OTHER)
    line = archive_line(secret(), publisher=PUBLISHER, accepted_at=ACCEPTED_AT)
    first = erasures.archived("request-1", "a", OTHER)
    objects = erasures.aws.buckets[world.archive]
    objects[first] = objects[first] + line.encode()
    erasures.aws.tags[world.archive, first] = {"quarantine": "case 7"}
    # A duplicate hours later, alone in its object, and one in an object of Firehose beside another's.
    put(erasures, world.archive, first.replace("/09/request-1", "/11/request-2"), line)
    put(erasures, world.archive, first.replace("/09/request-1", "/11/firehose"), line * 2)
    erasures.archived("request-3", OTHER, accepted_at=LATER)
    erasures.archived("request-0", "before", accepted_at="2026-11-26T09:00:00.000Z")
    world.record(
        world.letter(ID, text=secret()),
        world.letter(ID, text=secret(), stage="ingest", step="archive"),
        world.letter(OTHER),
    )
    records = [stream_record(ID, secret()), stream_record(OTHER, event(OTHER))]
    content = {"payload": json.dumps({"Records": records}), "timestamp": ACCEPTED_AT}
    put(erasures, world.operations, RECORD, json.dumps(content))
    put(erasures, world.operations, JUNK, json.dumps({"body": json.dumps({"event": secret()})}))
    put(erasures, world.operations, JUNK.replace("m-1", "m-2"), json.dumps({"body": "not JSON"}))
    world.run({"action": "plan"})
    world.told()
    return erasures


def see_erased(erasures: Erasures) -> None:
    """See that nothing is left of the event, and all of the others."""
    world, everything = erasures.world, erasures.everything()
    assert SECRET not in everything
    assert ID not in everything
    tombstone = erasures.aws.items(world.events)[key_of(ID)]
    assert tombstone.keys() == {
        "pk", "publisher", "origin_region", "accepted_at", "expires_at", "erased_at",
    }  # fmt: skip
    assert (tombstone["accepted_at"], tombstone["expires_at"]) == (
        {"S": ACCEPTED_AT}, {"N": "1803000000"},
    )  # fmt: skip
    assert erasures.aws.items(world.events)[key_of(OTHER)]["event"] == {"S": event(OTHER)}
    lines = erasures.lines()
    assert sorted(id for ids in lines.values() for id in ids) == ["a", "before", OTHER, OTHER]
    first = next(key for key in lines if "request-1" in key)
    assert lines[first] == ["a", OTHER]
    assert erasures.aws.tags[world.archive, first] == {"quarantine": "case 7"}
    assert erasures.aws.types[first] == "application/jsonl"
    # Of the versions that were replaced none is left.
    assert not [one for some in erasures.aws.older.values() for one in some.values() if one]
    assert [letter.id for letter in world.letters] == [OTHER]
    record = json.loads(erasures.aws.buckets[world.operations][RECORD])
    kept = json.loads(record["payload"])["Records"]
    assert [one["dynamodb"]["Keys"]["pk"]["S"] for one in kept] == [key_of(OTHER)]
    junk = [key for key in erasures.aws.buckets[world.operations] if key.startswith(Objects.JUNK)]
    assert junk == [JUNK.replace("m-1", "m-2")]


def test_an_event_is_gone_from_every_place_and_others_stay(erasures: Erasures) -> None:
    ended = erasures.erase(ID)

    output = ended.output
    assert (output["outcome"], output["approver"], output["failures"]) == ("done", "dana", [])
    counts = output["counts"]
    assert (counts["letters"], counts["row"]) == (2, "tombstone")
    assert counts["archive"] == {
        "copies": 4, "versions": 3, "rewritten": 1, "read": 4, "unreadable": 0,
    }  # fmt: skip
    assert (counts["records"]["copies"], counts["junk"]["copies"]) == (1, 1)
    see_erased(erasures)


def test_what_step_functions_keeps_has_neither_the_event_nor_its_id(erasures: Erasures) -> None:
    ended = erasures.erase(ID)

    assert len(ended.texts) > 10
    assert not [text for text in ended.texts if ID in text or SECRET in text]


def test_the_plan_says_what_there_is_and_what_it_costs_before_anything_is_touched(
    erasures: Erasures,
) -> None:
    before, plans = erasures.everything(), []

    def refuse(task: Json) -> Json:
        plans.append(task["plan"]["summary"])
        return {"approved": False, "approver": "dana", "reason": "not this one"}

    ended = erasures.erase(ID, approve=refuse)

    (summary,) = plans
    assert (summary["row"], summary["topics"]) == ("event", ["orders", "orders-priority"])
    assert summary["letters"] == {"open": 2}
    assert summary["since"] == ACCEPTED_AT
    # Not that of the day before.
    assert (summary["archive"]["objects"], summary["records"]["objects"]) == (4, 1)
    assert summary["archive"]["bytes"] > 600
    assert 0 < summary["dollars"] < 0.001
    assert summary["seconds"] == 1
    assert (ended.output["outcome"], ended.output["cause"]) == (
        "refused", "Refused by dana: not this one",
    )  # fmt: skip
    assert "erase" not in ended.tasks
    for text in (SECRET, ID):
        assert erasures.everything().count(text) == before.count(text)


def test_a_day_without_an_answer_erases_nothing(erasures: Erasures) -> None:
    ended = erasures.erase(ID, approve=nobody)

    assert ended.output["outcome"] == "not approved"
    assert SECRET in erasures.everything()
    assert len(erasures.world.letters) == 3


def test_nobody_approves_an_erasure_of_their_own(erasures: Erasures) -> None:
    def own(task: Json) -> Json:
        return {**yes(task), "approver": "Ada"}

    ended = erasures.erase(ID, approve=own)

    assert ended.output["outcome"] == "not approved"
    assert SECRET in erasures.everything()


def test_an_approval_is_of_the_very_plan(erasures: Erasures) -> None:
    ended = erasures.erase(ID, approve=lambda task: {**yes(task), "hash": "another"})

    assert ended.output["outcome"] == "not approved"


def test_the_question_is_where_approvers_look_and_its_mail_has_no_token(
    erasures: Erasures,
) -> None:
    def look(task: Json) -> Json:
        (key,) = erasures.world.objects(f"{Objects.APPROVALS}erase-1/")
        content = erasures.world.read(key)
        assert content["token"] == task["token"]
        assert content["request"]["action"] == "erase"
        assert content["hash"] == task["plan"]["hash"]
        assert content["because"] == task["because"]
        return yes(task)

    erasures.erase(ID, approve=look)

    question, answer = erasures.world.told()
    guide = (ROOT / "docs" / "mails.md").read_text(encoding="utf-8")
    for subject, _ in (question, answer):
        shown = subject.partition(": ")[2].replace(PUBLISHER, "NAME")
        assert f"| `{shown}` |" in guide
    assert "token of" not in question[1]
    assert "eventing approve erase-1" in question[1]
    assert "done" in answer[0]
    assert "backups of the Events table" in answer[1]


def test_it_is_audited_who_when_why_and_how_much(erasures: Erasures) -> None:
    ended = erasures.erase(ID)

    entry = erasures.world.audit()[-1]
    assert entry["action"] == "erase"
    assert entry["key"] == key_of(ID)
    assert (entry["started_by"], entry["approver"], entry["outcome"]) == ("ada", "dana", "done")
    assert entry["reason"] == "a request of the person"
    assert entry["counts"] == ended.output["counts"]
    report = erasures.report(ended)
    assert report["unreachable"] == ended.output["unreachable"]


def test_the_answer_names_what_it_does_not_reach(erasures: Erasures) -> None:
    output = erasures.erase(ID).output

    places = {one["place"]: one["until"] for one in output["unreachable"]}
    assert places.keys() == {
        "subscribers of orders, orders-priority",
        "stream of the Events table",
        "dead-letter queue",
        "delivery stream of the archive",
        "copies that could not be delivered",
        "backups of the Events table",
        "backups of the ledger",
        "archive, ledger and operations bucket in eu-west-1",
    }
    assert places["stream of the Events table"].startswith("2026-11-28")
    assert places["backups of the Events table"].startswith("2027-01-01")
    # It was accepted today: what the stream still has may come back.
    assert output["erase_again_after"] == "2026-11-28T10:30:00.000Z"


def test_a_second_time_it_is_harmless(erasures: Erasures) -> None:
    erasures.erase(ID)
    rows = json.dumps(erasures.aws.items(erasures.world.events))

    again = erasures.erase(ID, name="erase-2").output

    assert again["outcome"] == "done"
    assert again["plan"]["row"] == "tombstone"
    assert [again["counts"][name]["copies"] for name in ("archive", "records", "junk")] == [0] * 3
    assert json.dumps(erasures.aws.items(erasures.world.events)) == rows
    see_erased(erasures)


def test_a_copy_that_came_after_is_erased_by_the_next(erasures: Erasures) -> None:
    erasures.erase(ID)
    erasures.archived("request-9", ID, OTHER, accepted_at=LATER)

    again = erasures.erase(ID, name="erase-2").output

    assert again["counts"]["archive"]["copies"] == 1
    assert ID not in erasures.everything()


def test_an_event_that_nobody_knows_is_looked_for_and_keeps_nobody_out(
    erasures: Erasures,
) -> None:
    output = erasures.erase("mistyped").output

    assert (output["plan"]["row"], output["plan"]["since"]) == ("none", None)
    assert output["counts"]["row"] == "none"
    # All of the publisher's objects were read.
    assert output["counts"]["archive"]["read"] == 5
    assert key_of("mistyped") not in erasures.aws.items(erasures.world.events)


def test_a_letter_alone_is_enough_to_keep_the_event_out(world: World) -> None:
    erasures = Erasures(world)
    world.record(world.letter(ID, stage="ingest"))
    letter = world.row(ID)

    erasures.erase(ID)

    tombstone = erasures.aws.items(world.events)[key_of(ID)]
    assert tombstone["accepted_at"] == letter.item["accepted_at"]
    # Without a region no region publishes it.
    assert "origin_region" not in tombstone
    assert ID not in erasures.everything()


# Letters

STEPS: tuple[tuple[Any, Any], ...] = (
    ("ingest", "store"),
    ("ingest", "archive"),
    ("publish", "route"),
    ("publish", "publish"),
)


@pytest.mark.parametrize(("stage", "step"), STEPS)
def test_a_letter_that_triage_gets_later_is_dropped(
    erasures: Erasures, stage: Any, step: Any
) -> None:
    world = erasures.world
    erasures.erase(ID)
    world.dead_letters(world.letter(ID, text=secret(), stage=stage, step=step,
                                    age=timedelta(seconds=-60)))  # fmt: skip

    world.run({})

    assert world.waiting() == 0
    assert [letter.id for letter in world.letters] == [OTHER]
    assert SECRET not in erasures.everything()
    redriven = world.run({"action": "redrive"})
    assert SECRET not in json.dumps([one.text for one in world.cloud.deliveries()])
    assert redriven.output["counts"] == {"resolved": 1}


def test_a_redrive_that_was_planned_before_does_not_publish_it(erasures: Erasures) -> None:
    world = erasures.world

    def erase_it() -> None:
        erasures.erase(ID)

    ended = world.run(
        {"action": "redrive", "stage": "publish"},
        before={"page": erase_it},
    )

    # One of two letters was gone when the page came to it.
    assert ended.output["counts"] == {"resolved": 1, "changed": 1}
    assert [one for one in world.cloud.deliveries() if ID in one.text] == []
    assert ID not in erasures.everything()
    assert SECRET not in erasures.everything()


def test_a_letter_that_a_redrive_is_at_is_waited_for(erasures: Erasures) -> None:
    items = erasures.aws.items(erasures.world.ledger)
    key = next(letter.key for letter in erasures.world.letters if letter.id == ID)
    items[key]["state"] = {"S": "redriving"}

    def end(seconds: float) -> None:
        if seconds == 5:
            items[key]["state"] = {"S": "resolved"}

    erasures.world.clock.meanwhile = end
    ended = erasures.erase(ID)

    assert ended.waited == 5
    assert ended.output["outcome"] == "done"
    see_erased(erasures)


def test_a_letter_that_a_redrive_never_lets_go_is_named(erasures: Erasures) -> None:
    items = erasures.aws.items(erasures.world.ledger)
    key = next(letter.key for letter in erasures.world.letters if letter.id == ID)
    items[key]["state"] = {"S": "redriving"}

    ended = erasures.erase(ID)

    assert ended.output["outcome"] == "partial"
    (failure,) = ended.output["failures"]
    assert (failure["place"], failure["object"]) == ("ledger", key)
    assert ended.waited == 120


def test_a_letter_with_other_content_is_not_stored_over_the_tombstone(world: World) -> None:
    erasures = Erasures(world)
    erasures.stored(ID)
    erasures.erase(ID)
    world.record(world.letter(ID, stage="ingest", text=secret()))

    ended = world.run({"action": "redrive", "stage": "ingest"})

    assert ended.output["counts"] == {"parked": 1}
    assert world.row(ID).item["message"]["S"].endswith("was erased")
    assert "event" not in erasures.aws.items(world.events)[key_of(ID)]
    # It is one more letter of the event, and goes with the next erasure.
    erasures.erase(ID, name="erase-2")
    assert SECRET not in erasures.everything()


# Objects


def test_what_may_not_be_deleted_is_named(erasures: Erasures) -> None:
    def locked(call: TaskCall) -> Fault | None:
        return "denied" if call.operation == "DeleteObject" else None

    ended = erasures.erase(ID, faults=locked)

    output = ended.output
    assert output["outcome"] == "partial"
    assert {one["place"] for one in output["failures"]} == {"records", "junk", "archive"}
    assert all("ACCESS_DENIED" in one["why"] for one in output["failures"])
    assert "not erased everywhere" in erasures.world.told()[-1][1]
    # Once the lock is gone, it goes on.
    assert erasures.erase(ID, name="erase-2").output["outcome"] == "done"
    see_erased(erasures)


def test_an_object_that_was_written_over_meanwhile_is_read_again(erasures: Erasures) -> None:
    world = erasures.world
    objects = erasures.aws.buckets[world.archive]
    key = next(key for key in objects if "request-1" in key)
    done: list[TaskCall] = []

    def meanwhile(call: TaskCall) -> None:
        if (call.operation, call.number) == ("HeadObject", 2) and not done:
            done.append(call)
            # Another erasure has taken another line out.
            lines = objects[key].decode().splitlines(keepends=True)
            objects[key] = "".join(lines[1:]).encode()

    ended = erasures.erase(ID, faults=meanwhile)

    assert ended.output["outcome"] == "done"
    assert ended.tasks.count("erase") > 1
    assert erasures.lines()[key] == [OTHER]
    assert ID not in erasures.everything()


def test_every_older_version_that_holds_it_is_deleted(world: World) -> None:
    erasures = Erasures(world)
    erasures.stored(ID)
    key = erasures.archived("request-1", OTHER)
    line = archive_line(event(ID), publisher=PUBLISHER, accepted_at=ACCEPTED_AT).encode()
    clean = archive_line(event("x"), publisher=PUBLISHER, accepted_at=ACCEPTED_AT).encode()
    versions = [line * (n + 1) + clean for n in range(5)]
    erasures.aws.older[world.archive] = {key: [*versions, clean], f"{key}-deleted": [line]}

    output = erasures.erase(ID).output

    assert output["counts"]["archive"]["versions"] == 6
    assert erasures.aws.older[world.archive] == {key: [clean], f"{key}-deleted": []}
    assert erasures.lines() == {key: [OTHER]}


def test_a_line_that_cannot_be_read_stays_and_is_counted(world: World) -> None:
    erasures = Erasures(world)
    erasures.stored(ID)
    key = erasures.archived("request-1", ID)
    objects = erasures.aws.buckets[world.archive]
    # The second one is a line of before lines named their publisher.
    objects[key] = b"no JSON\n" + objects[key] + event(ID).encode() + b"\n\n"

    output = erasures.erase(ID).output

    assert output["counts"]["archive"]["unreadable"] == 1
    assert output["counts"]["archive"]["copies"] == 2
    assert objects[key] == b"no JSON\n\n"


def test_junk_that_holds_others_as_well_is_for_a_person(erasures: Erasures) -> None:
    key = JUNK.replace("m-1", "m-3")
    body = json.dumps([json.loads(secret()), json.loads(event(OTHER))])
    put(erasures, erasures.world.operations, key, json.dumps({"body": body}))

    output = erasures.erase(ID).output

    assert [(one["place"], one["object"]) for one in output["failures"]] == [("junk", key)]
    assert key in erasures.aws.buckets[erasures.world.operations]


def test_a_record_that_was_rewritten_is_no_news_to_triage(erasures: Erasures) -> None:
    world = erasures.world
    world.refer(RECORD)
    world.run({})
    world.run({"action": "redrive", "stage": "publish"})
    before = {letter.key: letter.version for letter in world.letters}
    erasures.erase(ID)
    # S3 tells of the object that was written.
    world.refer(RECORD)

    world.run({})

    assert world.waiting() == 0
    left = {letter.key: letter.version for letter in world.letters}
    assert left.items() <= before.items()
    assert {letter.state for letter in world.letters if letter.id == OTHER} == {"resolved"}
    assert ID not in erasures.everything()


# Deaths

READS = [
    ("begin", "GetItem", 1), ("begin", "Query", 1), ("survey", "ListObjectVersions", 2),
    ("erase", "GetItem", 1), ("erase", "Query", 2), ("erase", "ListObjectVersions", 4),
    ("erase", "GetObject", 4), ("erase", "HeadObject", 2), ("erase", "GetObjectTagging", 2),
]  # fmt: skip
WRITES = [
    *(("erase", "PutItem", number) for number in range(1, 5)),
    ("erase", "UpdateItem", 1),
    ("erase", "PutObject", 1),
    ("erase", "PutObject", 2),
    *(("erase", "DeleteObject", number) for number in range(1, 9)),
    *(("ask", operation, 1) for operation in ("PutObject", "Publish")),
    *(("report", operation, 1) for operation in ("PutObject", "ExecuteStatement", "Publish")),
    ("report", "PutObject", 2),
]
FAULTS: list[tuple[tuple[str, str, int], Fault]] = [
    *((where, fault) for where in READS for fault in ("killed", "throttle")),
    *((where, fault) for where in WRITES for fault in ("killed", "done-then-killed")),
    *((where, "done-then-timeout") for where in WRITES[3:9]),
]


def once(where: tuple[str, str, int], fault: Fault) -> Callable[[TaskCall], Fault | None]:
    """This fault at a call, once; it has to come to that."""
    left = [fault]

    def faults(call: TaskCall) -> Fault | None:
        if (call.task, call.operation, call.number) == where and left:
            return left.pop()
        return None

    faults.left = left  # type: ignore[attr-defined]
    return faults


@pytest.mark.parametrize(("where", "fault"), FAULTS, ids=str)
def test_whatever_dies_or_fails_it_goes_on_to_the_end(
    erasures: Erasures, where: tuple[str, str, int], fault: Fault
) -> None:
    faults = once(where, fault)

    ended = erasures.erase(ID, faults=faults)

    assert not faults.left, "it never came to that call"  # type: ignore[attr-defined]
    assert ended.output["outcome"] == "done"
    see_erased(erasures)
    assert len([one for one in erasures.world.audit() if one.get("action") == "erase"]) == 1


def test_an_execution_that_dies_for_good_is_completed_by_the_next(erasures: Erasures) -> None:
    def dying(call: TaskCall) -> Fault | None:
        return "killed" if (call.task, call.operation) == ("erase", "DeleteObject") else None

    ended = erasures.erase(ID, faults=dying)

    assert ended.error == "Runtime.ExitError"
    assert erasures.world.audit()[-1]["outcome"] == "failed"
    assert SECRET in erasures.everything()
    assert erasures.erase(ID, name="erase-2").output["outcome"] == "done"
    see_erased(erasures)


@pytest.mark.parametrize("operation", ["PutItem", "UpdateItem", "ListObjectVersions"])
def test_what_is_denied_ends_it_by_its_name(erasures: Erasures, operation: str) -> None:
    def denied(call: TaskCall) -> Fault | None:
        return "denied" if (call.task, call.operation) == ("erase", operation) else None

    ended = erasures.erase(ID, faults=denied)

    assert ended.error == "DependencyDown"
    entry = erasures.world.audit()[-1]
    assert entry["outcome"] == "failed"
    assert "ACCESS_DENIED" in entry["cause"]


def test_an_execution_that_was_stopped_is_noted(
    erasures: Erasures, capsys: pytest.CaptureFixture[str]
) -> None:
    erasures.ended("erase-1", "ABORTED")

    (entry,) = (one for one in erasures.world.audit() if one.get("action") == "erase")
    assert entry["outcome"] == "aborted"
    assert Metric.ERASURES_UNFINISHED in capsys.readouterr().out


# Requests

FAULTY: tuple[tuple[dict[str, Any], str], ...] = (
    ({"key": "acme-web"}, "key: must be the key of an event"),
    ({"key": "a b#" + "x" * 43}, "key: must be the key of an event"),
    ({"reason": "WHY"}, "reason: must say why"),
    ({"started_by": "counter"}, "started_by: must say who asks"),
    ({"id": "1"}, "id: there is no such field"),
    ({"reason": None}, "reason: must be a text"),
)


@pytest.mark.parametrize(("members", "fault"), FAULTY)
def test_a_faulty_request_is_refused_and_touches_nothing(
    erasures: Erasures, members: dict[str, Any], fault: str
) -> None:
    asked = {"key": key_of(ID), "reason": "a request", "started_by": "ada", **members}

    ended = erasures.erase(ID, input=asked)

    assert ended.output["outcome"] == "refused"
    assert fault in ended.output["cause"]
    assert ended.tasks == ["begin"]


def test_a_request_lacks_nothing() -> None:
    from eventing.erasure.request import read_request
    from eventing.input import InvalidInput

    with pytest.raises(InvalidInput) as raised:
        read_request({})
    assert str(raised.value).count("is required") == 3
