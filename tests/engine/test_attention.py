"""What waits for a person: it is counted, told of, and neither hides nor keeps on what a dependency does."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from eventing.cause import Code
from tests.engine.letters import event, other_catalogue
from tests.engine.process import Measured

if TYPE_CHECKING:
    from tests.engine.world import World

pytestmark = pytest.mark.memory
REDRIVE = {"action": "redrive"}
OWN_FAULTS = (Code.INVALID, Code.NO_ROUTE, Code.TOO_LARGE, Code.CONFLICT)
OF_THE_SYSTEM = tuple(code for code in Code if code not in OWN_FAULTS)

Capture = pytest.CaptureFixture[str]


def all_metrics(capsys: Capture) -> dict[str, dict[str, float]]:
    """The last value of each metric since this was last asked, by stage and fault."""
    found: dict[str, dict[str, float]] = {}
    for line in map(json.loads, capsys.readouterr().out.splitlines()):
        of = " ".join(line[name] for name in ("stage", "fault") if name in line)
        for directive in line["_aws"]["CloudWatchMetrics"]:
            for metric in directive["Metrics"]:
                found.setdefault(metric["Name"], {})[of] = line[metric["Name"]][0]
    return found


def count(world: World, capsys: Capture) -> dict[str, dict[str, float]]:
    """What the counter writes just now."""
    capsys.readouterr()
    world.count()
    return all_metrics(capsys)


def park(world: World, *ids: str) -> None:
    """Park letters, whose events no topic takes, at their first episode."""
    nowhere = [world.letter(id, step="route", text=event(id, "org.unknown")) for id in ids]
    world.dead_letters(*nowhere)
    world.run({**REDRIVE, "stage": "publish", "max_episodes": 1})
    assert {one.state for one in world.letters if one.id in ids} == {"parked"}


def test_parked_letters_are_counted_with_their_age_and_what_is_gone_first(
    world: World, capsys: Capture
) -> None:
    park(world, "a", "b", "c")
    found = count(world, capsys)

    assert found["ParkedDeadLetters"] == {"ingest": 0, "publish": 3}
    assert 0 <= found["OldestParkedDeadLetterAge"]["publish"] < 60
    left = timedelta(seconds=found["FirstParkedDeadLetterExpiry"]["publish"])
    assert timedelta(days=179, hours=22) < left <= timedelta(days=180)
    # Nothing is gone where nothing is parked.
    assert "ingest" not in found["FirstParkedDeadLetterExpiry"]
    assert found["OpenDeadLetters"]["publish"] == 0


def test_the_one_that_is_gone_first_need_not_be_the_one_that_failed_first(
    world: World, capsys: Capture
) -> None:
    park(world, *(f"p{n}" for n in range(30)))
    soon = int((world.clock.now() + timedelta(days=2)).timestamp())
    last = max(world.letters, key=lambda one: str(one.item["failed_at"]["S"]))
    world.cloud.client("dynamodb").update_item(
        TableName=world.ledger,
        Key={"pk": {"S": last.key}},
        UpdateExpression="SET #expires_at = :soon",
        ExpressionAttributeNames={"#expires_at": "expires_at"},
        ExpressionAttributeValues={":soon": {"N": str(soon)}},
    )
    left = count(world, capsys)["FirstParkedDeadLetterExpiry"]["publish"]

    assert 47 * 3600 < left <= 48 * 3600


@pytest.mark.parametrize("code", OWN_FAULTS)
def test_letters_at_fault_themselves_are_counted_apart(
    world: World, capsys: Capture, code: Code
) -> None:
    world.dead_letters(
        world.letter("a", code=code), world.letter("b", code=code), world.letter("c")
    )
    world.run({})
    found = count(world, capsys)

    assert found["OpenDeadLetters"]["publish"] == 3
    assert found["OpenDeadLettersByFault"] == {
        "ingest event": 0, "ingest system": 0, "publish event": 2, "publish system": 1,
    }  # fmt: skip


@pytest.mark.parametrize("code", OF_THE_SYSTEM)
def test_any_other_cause_is_the_systems(world: World, capsys: Capture, code: Code) -> None:
    world.dead_letters(world.letter("a", code=code))
    world.run({})

    assert count(world, capsys)["OpenDeadLettersByFault"]["publish system"] == 1


def test_letters_at_fault_themselves_are_told_with_a_diagnosis_once(
    world: World, capsys: Capture
) -> None:
    world.dead_letters(world.letter("a", code=Code.INVALID, message="the schema has changed"))
    world.run({})
    ((subject, text),) = world.told()
    assert subject == f"{world.name}: 1 dead letter at publish: INVALID, topic orders"
    assert '1 x INVALID at publish: "the schema has changed"' in text

    found = count(world, capsys)
    # It keeps the alarm on letters that wait for a person from telling the same once more ...
    assert found["AttentionReported"] == {"": 1}
    # ... and no alarm on what a dependency does.
    assert "IncidentReported" not in found
    world.dead_letters(world.letter("b", code=Code.INVALID, message="the schema has changed"))
    world.run({})
    assert world.told() == []


def test_an_incident_beside_letters_at_fault_themselves_is_reported_as_one(
    world: World, capsys: Capture
) -> None:
    world.dead_letters(world.letter("a", code=Code.NO_ROUTE))
    world.run({})
    world.dead_letters(world.letter("b"))
    capsys.readouterr()
    # Triage has told of the first letter, but not yet of the second, and can't: its alarm is not muted.
    world.run({}, faults=lambda call: "denied" if call.operation == "Publish" else None)
    assert "IncidentReported" not in all_metrics(capsys)
    counted = world.count()
    assert [one["stage"] for one in counted["started"]] == ["publish"]
    found = all_metrics(capsys)
    assert "IncidentReported" not in found
    assert found["AttentionReported"] == {"": 1}

    world.run(counted["started"][0])
    assert all_metrics(capsys)["IncidentReported"] == {"publish": 1}
    assert count(world, capsys)["IncidentReported"] == {"publish": 1}
    # Solved, it may be told again while the letter at fault itself is still there.
    world.run({**REDRIVE, "filter": {"cause": "NOT_FOUND"}})
    found = count(world, capsys)
    assert "IncidentReported" not in found
    assert found["AttentionReported"] == {"": 1}


def test_a_queue_that_triage_cannot_empty_is_an_incident(world: World, capsys: Capture) -> None:
    world.dead_letters(world.letter("a", code=Code.INVALID))
    world.run({}, faults=lambda call: "denied" if call.operation == "UpdateItem"
              and "failed_at" in call.body else None)  # fmt: skip
    assert world.waiting() == 1  # out of sight for a while, since triage has received it

    found = count(world, capsys)
    assert found["OpenDeadLettersByFault"]["publish system"] == 1
    assert found["IncidentReported"] == {"publish": 1}


def test_parked_letters_are_in_the_triage_mail_and_in_every_report(world: World) -> None:
    park(world, "a", "b")
    parked = [one.item for one in world.letters]
    text = dict(world.told())[f"{world.name}: redrive done: 2 parked"]
    assert "2 letters of publish are parked" in text
    assert "\nNext: eventing letters --parked --ids\n" in text

    world.dead_letters(world.letter("s", stage="ingest", code=Code.UNAVAILABLE))
    triaged = world.run({})
    planned = world.run({"action": "plan"})

    for ended in (triaged, planned):
        waiting = world.report(ended)["parked"]
        assert waiting == ended.output["parked"]
        assert waiting.keys() == {"publish"}
        assert waiting["publish"]["letters"] == 2
        assert waiting["publish"]["failed_first"] == min(one["failed_at"]["S"] for one in parked)
        first = datetime.fromisoformat(waiting["publish"]["first_expires_at"])
        assert first.timestamp() == min(int(one["expires_at"]["N"]) for one in parked)
    ((_, text),) = world.told()
    assert "2 letters of publish are parked, since" in text
    assert "\nNext: eventing letters --parked --ids\n" in text


def test_nothing_is_parked_any_more_when_all_are_dealt_with(world: World, capsys: Capture) -> None:
    park(world, "a", "b")
    ids = {one.id: one.key for one in world.letters}
    world.deploy(other_catalogue())
    world.run({**REDRIVE, "filter": {"letter_ids": [ids["a"]]}})
    assert world.delivered() == {"a": ["customers"]}
    assert count(world, capsys)["ParkedDeadLetters"]["publish"] == 1

    ended = world.run(
        {"action": "discard", "filter": {"letter_ids": [ids["b"]]}, "reason": "a test"}
    )
    found = count(world, capsys)
    assert found["ParkedDeadLetters"] == {"ingest": 0, "publish": 0}
    assert found["OldestParkedDeadLetterAge"] == {"ingest": 0, "publish": 0}
    assert "FirstParkedDeadLetterExpiry" not in found
    assert "parked" not in ended.output


def test_what_the_counter_reads_does_not_grow_with_the_letters_but_by_pages_of_the_index(
    world: World, capsys: Capture
) -> None:
    def of_one_count() -> Any:
        measured = Measured(world.cloud.client("dynamodb"))
        world.count(faults=measured)
        return measured.of

    def record(numbers: range) -> None:
        codes = (Code.INVALID, Code.NOT_FOUND)
        world.record(*(world.letter(f"o{n}", code=codes[n % 2]) for n in numbers))

    park(world, "c")
    record(range(20))
    world.run({})
    few = of_one_count()
    record(range(20, 60))

    assert of_one_count() == few
