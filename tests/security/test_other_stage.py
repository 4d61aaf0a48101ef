"""Who may send to a queue causes what its stage does: letters of another stage are junk."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.engine.letters import created, event, invocation_record

if TYPE_CHECKING:
    from eventing.dead_letter import Stage
    from tests.engine.world import World


@pytest.mark.parametrize(
    ("queue", "stage", "step"),
    [
        ("publish", "ingest", "store"),
        ("publish", "ingest", "archive"),
        ("ingest", "publish", "publish"),
        ("ingest", "publish", "route"),
    ],
)
def test_a_letter_of_another_stage_causes_nothing(
    world: World, queue: Stage, stage: Stage, step: str
) -> None:
    forged = world.letter("forged", stage=stage, step=step, publisher="acme-pay")
    world.send(queue, forged.text())
    triaged = world.run({})
    assert world.letters == []
    assert world.waiting() == 0
    (key,) = world.objects(f"junk/{queue}/")
    assert world.read(key)["body"] == forged.text()
    assert triaged.output["triage"][queue]["junk"] == 1
    assert world.read(key)["reason"] == f"a letter of {stage} in the queue of {queue}"
    world.run({"action": "redrive", "reason": "the topic is back", "started_by": "ada"})
    assert world.stored() == {}
    assert world.archived() == {}
    assert world.delivered() == {}


def test_a_reference_in_the_ingest_queue_causes_nothing(world: World) -> None:
    world.cloud.client("s3").put_object(
        Bucket=world.operations,
        Key="aws/lambda/1",
        Body=invocation_record(event("a")),
        IfNoneMatch="*",
    )
    world.send("ingest", created(world.operations, "aws/lambda/1"))
    world.run({})
    assert world.letters == []
    assert len(world.objects("junk/ingest/")) == 1


@pytest.mark.parametrize("key", ["redrive/run/plan.json", "junk/publish/1.json", "reports/1.json"])
def test_a_reference_to_any_other_object_causes_nothing(world: World, key: str) -> None:
    world.cloud.client("s3").put_object(
        Bucket=world.operations, Key=key, Body=invocation_record(event("a")), IfNoneMatch="*"
    )
    world.refer(key)
    world.run({})
    assert world.letters == []
    assert len([one for one in world.objects("junk/publish/") if one != key]) == 1


def test_an_invocation_record_makes_letters_of_publish_whatever_it_says(world: World) -> None:
    content: dict[str, Any] = json.loads(invocation_record(event("a")))
    batch = json.loads(content["payload"])
    batch["Records"][0] |= {"stage": "ingest", "step": "store"}
    world.put_record(
        "aws/lambda/1",
        json.dumps(content | {"payload": json.dumps(batch), "stage": "ingest"}).encode(),
    )
    world.run({})
    assert [(one.stage, one.step) for one in world.letters] == [("publish", "publish")]
