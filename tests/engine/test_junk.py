"""Junk is named, kept whole and listed, and what is a letter after all gets its way on."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.engine.letters import dead_letter

if TYPE_CHECKING:
    from tests.engine.process import TaskCall
    from tests.engine.world import World
    from tests.faults.vocabulary import Fault

S3_TEST = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "archive"})
BY_ID: dict[str, Any] = {"action": "resubmit", "reason": "a letter of ours", "started_by": "ada"}
BY_KIND: dict[str, Any] = {**BY_ID, "junk_kind": "newer-letter"}

LONG_AGO = datetime(2026, 11, 24, tzinfo=UTC)


def envelope(message: str) -> str:
    return json.dumps({"Type": "Notification", "TopicArn": "arn:aws:sns:x", "Message": message})


def newer(text: str) -> str:
    return json.dumps(json.loads(text) | {"schema_version": 2})


def junk(world: World, stage: Any = "publish") -> dict[str, str]:
    """The ids of a stage's junk, by kind."""
    keys = world.objects(f"junk/{stage}/")
    return {key.split("/")[2]: key.rpartition("/")[2].removesuffix(".json") for key in keys}


def age(world: World) -> None:
    """Give the junk that is there the schema version of today, as a deployment of newer code would."""
    for key in world.objects("junk/"):
        content = world.read(key)
        content["body"] = content["body"].replace('"schema_version": 2', '"schema_version": 1')
        world.cloud.overwrite(world.operations, key, json.dumps(content))


def test_each_kind_is_named_and_kept_whole_with_its_attributes(world: World) -> None:
    wrapped = envelope(world.letter("a").text())
    world.cloud.client("sqs").send_message(
        QueueUrl=world.cloud.queues["publish"],
        MessageBody=wrapped,
        MessageAttributes={"from": {"DataType": "String", "StringValue": "a topic"}},
    )
    world.send("publish", S3_TEST, newer(world.letter("b").text()), "hello")
    triaged = world.run({})
    assert triaged.output["triage"]["publish"]["junk_kinds"] == {
        "sns-envelope": 1, "s3-test-event": 1, "newer-letter": 1, "not-json": 1,
    }  # fmt: skip
    assert world.letters == []
    assert set(junk(world)) == {"sns-envelope", "s3-test-event", "newer-letter", "not-json"}
    (key,) = world.objects("junk/publish/sns-envelope/")
    kept = world.read(key)
    assert kept["body"] == wrapped
    assert kept["attributes"] == {"from": {"type": "String", "value": "a topic"}}
    ((subject, text),) = world.told()
    assert subject == f"{world.name}: 4 messages are no dead letters at publish"
    for kind in ("SNS envelope", "test event of S3", "newer schema version", "not JSON"):
        assert f"1 x {kind}" in text or f"1 x dead letter of a {kind}" in text
    assert "docs/runbook.md#junk" in text


@pytest.mark.parametrize("wraps", [1, 2])
def test_a_letter_in_an_envelope_is_resubmitted_by_its_id(world: World, wraps: int) -> None:
    text = world.letter("a").text()
    for _ in range(wraps):
        text = envelope(text)
    world.send("publish", text)
    world.run({})
    ended = world.run({**BY_ID, "junk_ids": [junk(world)["sns-envelope"]]})
    assert ended.output["outcome"] == "resubmitted"
    assert ended.output["junk"] == {"resubmitted": 1, "letters": 1, "still_junk": 0}
    assert world.states() == {"open": 1}
    entry = world.audit()[-1]
    assert (entry["request"]["reason"], entry["request"]["started_by"]) == (
        "a letter of ours", "ada",
    )  # fmt: skip
    assert entry["request"]["junk_ids"] == [junk(world)["sns-envelope"]]
    assert entry["junk"]["resubmitted"] == 1
    # The junk itself stays, with a mark beside.
    assert len(world.objects("junk/publish/")) == len(world.objects("resubmitted/publish/")) == 1
    world.run({"action": "redrive"})
    assert world.delivered() == {"a": ["orders"]}


def test_resubmitted_twice_is_one_letter(world: World) -> None:
    world.send("publish", envelope(world.letter("a").text()))
    world.run({})
    asked = {**BY_ID, "junk_ids": [junk(world)["sns-envelope"]]}
    world.run(asked)
    world.run(asked)
    assert world.states() == {"open": 1}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (S3_TEST, "no dead letter: "),
        (envelope("hello"), "no dead letter: not JSON"),
        (
            envelope(dead_letter("a", failed_at=LONG_AGO, stage="ingest").text()),
            "not a dead letter of publish",
        ),
        (newer(dead_letter("a", failed_at=LONG_AGO).text()), "schema_version is not 1"),
    ],
)
def test_what_is_no_letter_of_its_stage_is_refused_with_all_that_was_asked(
    world: World, text: str, fault: str
) -> None:
    world.send("publish", text)
    world.run({})
    (bad,) = junk(world).values()
    world.send("publish", envelope(world.letter("good").text()))
    world.run({})
    ids = sorted({key.rpartition("/")[2].removesuffix(".json") for key in world.objects("junk/")})
    ended = world.run({**BY_ID, "junk_ids": ids})
    assert ended.error == "InvalidInput"
    assert ended.cause
    assert f"{bad}: " in ended.cause
    assert fault in ended.cause
    assert world.waiting() == 0
    assert world.objects("resubmitted/") == []


def test_junk_that_is_not_there_is_refused(world: World) -> None:
    ended = world.run({**BY_ID, "junk_ids": ["gone"]})
    assert (ended.error, ended.cause) == ("InvalidInput", "junk_ids: gone: there is no such junk")


def test_what_a_later_version_can_read_is_taken_in_by_its_kind(world: World) -> None:
    world.send("publish", newer(world.letter("a").text()), envelope(world.letter("w").text()))
    world.send("ingest", newer(world.letter("s", stage="ingest").text()))
    world.run({})
    still = world.run(BY_KIND)
    assert still.output["junk"] == {"resubmitted": 0, "letters": 0, "still_junk": 2}
    assert world.letters == []
    age(world)
    ended = world.run(BY_KIND)
    assert ended.output["junk"] == {"resubmitted": 2, "letters": 2, "still_junk": 0}
    assert {one.id for one in world.letters} == {"a", "s"}
    # What was resubmitted is not looked at again.
    assert world.run(BY_KIND).output["junk"] == {"resubmitted": 0, "letters": 0, "still_junk": 0}


def test_what_is_wrapped_is_never_taken_in_by_its_kind(world: World) -> None:
    world.send("publish", envelope(world.letter("w").text()))
    world.run({})
    ended = world.run({**BY_KIND, "junk_kind": "sns-envelope"})
    assert ended.output["junk"] == {"resubmitted": 0, "letters": 0, "still_junk": 1}
    assert world.letters == []


@pytest.mark.parametrize("when", ["killed", "done-then-killed"])
@pytest.mark.parametrize("at", ["SendMessageBatch", "PutObject"])
def test_a_death_loses_nothing(world: World, at: str, when: Any) -> None:
    world.send("publish", envelope(world.letter("a").text()))
    world.run({})

    def faults(call: TaskCall) -> Fault | None:
        return when if (call.task, call.operation) == ("resubmit", at) else None

    asked = {**BY_ID, "junk_ids": [junk(world)["sns-envelope"]]}
    world.run(asked, faults=faults)
    assert world.objects("junk/publish/")
    world.run(asked)
    assert world.states() == {"open": 1}


def test_a_queue_that_refuses_leaves_the_junk_to_another_run(world: World) -> None:
    world.send("publish", envelope(world.letter("a").text()))
    world.run({})
    asked = {**BY_ID, "junk_ids": [junk(world)["sns-envelope"]]}
    ended = world.run(
        asked, faults=lambda call: "denied" if call.operation == "SendMessageBatch" else None
    )
    assert ended.output["junk"]["left: ACCESS_DENIED"] == 1
    assert world.objects("resubmitted/") == []
    assert world.run(asked).output["junk"]["resubmitted"] == 1
