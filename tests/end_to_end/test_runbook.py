"""The runbook's commands, as they are written there, from an incident to its end.

`typed` runs those of `eventing`, `shown` those of the AWS CLI in the appendix, which need its set-up.
"""

from __future__ import annotations

import json
import re
import shlex
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from eventing.archive_line import archive_line
from eventing.cause import Cause, Code
from eventing.dead_letter import DeadLetter
from eventing.publishers.doorkeeper import Entry
from eventing.timestamps import timestamp
from functions.contract import Objects
from functions.shared.registry import Registry
from infrastructure.packaging import ROOT
from tests.end_to_end.conftest import (
    PUBLISHER,
    accept,
    archived,
    counted,
    denied,
    eventually,
    execute,
    in_the_ledger,
    new_event,
    park_letter,
    put_messages,
    short_periods,
)
from tests.shown import commands, filled_in, run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.deployment import Deployment
    from tests.end_to_end.conftest import Subscriber

COMMANDS = commands("docs/runbook.md")
TOPIC = "customers"
BATCH = "application/cloudevents-batch+json"


def shown(deployment: Deployment, name: str, *, execution: str = "", **words: str) -> str:
    """What a block prints; `words` take the place of its words in capitals."""
    block = filled_in(COMMANDS[name], **words)
    known = f"execution={execution}\n" if execution else ""
    return run(COMMANDS["setup"] + known + block, deployment.cloud.environment)


def typed(deployment: Deployment, name: str, *more: str, folder: Path, **words: str) -> Any:
    """The answer of a block's last command to a program, with more options, where nobody is asked."""
    block = filled_in(COMMANDS[name], **words)
    environment = {**deployment.cloud.environment, "PYTHONPATH": str(ROOT)}
    answers = [
        # Away from the project's folder, where somebody's `make run` may be up.
        run(shlex.join([*shlex.split(line), *more, "--json"]), environment, folder=folder)
        for line in block.splitlines()
    ]
    return json.loads(answers[-1])


def ended(text: str) -> dict[str, Any]:
    """The output of an execution that was followed to its end, and ended well."""
    first, _, output = text.partition("\n")
    assert first.split() == ["SUCCEEDED", "None", "None"], text
    content: dict[str, Any] = json.loads(output)
    return content


def start(deployment: Deployment, **request: Any) -> str:
    """An execution that somebody asked for, as the ARN that `start` of the runbook prints."""
    request = {"reason": "a test", "started_by": "ada", **request}
    started: dict[str, str] = deployment.client("stepfunctions").start_execution(
        stateMachineArn=deployment.outputs["RedriveStateMachineArn"], input=json.dumps(request)
    )
    return started["executionArn"]


def status(deployment: Deployment, execution: str) -> str:
    """How an execution is."""
    description = deployment.client("stepfunctions").describe_execution(executionArn=execution)
    found: str = description["status"]
    return found


def registrations(count: int) -> list[dict[str, Any]]:
    """Events of a topic that no other test breaks."""
    type = "com.example.shop.customer.registered.v1"
    return [new_event(type, customer_id=f"customer-{n}") for n in range(count)]


def broken(deployment: Deployment, events: Sequence[dict[str, Any]]) -> str:
    """Send events that cannot be published, and see triage take them in; their fingerprint."""
    topic = deployment.topic_arn(TOPIC)
    with denied(deployment, deployment.outputs["PublishFunction"], "sns:Publish", topic):
        accept(deployment, *events)
        # Every test leaves none open.
        (fingerprint,) = eventually(
            lambda: open_letters(json.loads(execute(deployment, stage="publish")["output"])),
            lambda letters: list(letters.values()) == [len(events)],
        )
    return fingerprint


def open_letters(triaged: dict[str, Any]) -> dict[str, int]:
    """Open letters of the topic that cannot be reached by fingerprint, as a triage reports them."""
    return {
        group["fingerprint"]: group["letters"]
        for group in triaged.get("groups", ())
        if group["cause"] == "ACCESS_DENIED" and TOPIC in group["topics"]
    }


def test_an_incident_by_the_command_line(
    deployment: Deployment, subscriber: Subscriber, tmp_path: Path
) -> None:
    events = registrations(3)
    fingerprint = broken(deployment, events)

    assert typed(deployment, "status", folder=tmp_path)["health"] == "unhealthy"
    assert typed(deployment, "triage", folder=tmp_path)["outcome"] in ("triaged", "skipped")
    assert typed(deployment, "junk", folder=tmp_path)["total"] >= 0
    groups = typed(deployment, "letters", folder=tmp_path)["groups"]
    (group,) = (group for group in groups if group["fingerprint"] == fingerprint)
    letter = typed(deployment, "letter", folder=tmp_path, LETTER=group["example"])
    assert (letter["state"], letter["topic"], letter["code"]) == ("open", TOPIC, "ACCESS_DENIED")
    planned = typed(deployment, "plan", folder=tmp_path, FINGERPRINT=fingerprint)
    assert planned["plan"]["will_go_through"] == len(events)
    redriven = typed(deployment, "redrive", "--yes", folder=tmp_path, FINGERPRINT=fingerprint)
    assert redriven["counts"] == {"resolved": len(events)}
    for event in events:
        assert [d.topic for d in subscriber.wait_for(event["id"])] == [TOPIC]
    words = {"SOURCE": events[0]["source"], "ID": events[0]["id"], "PUBLISHER": PUBLISHER}
    told = typed(deployment, "event", folder=tmp_path, **words)
    assert (told["status"], told["topic"]) == ("redriven", TOPIC)
    audited = typed(deployment, "report", folder=tmp_path, EXECUTION=redriven["execution"])
    assert redriven["execution"] in [entry["execution"] for entry in audited["audit"]]


def test_a_run_is_stopped_and_continued_by_the_command_line(
    deployment: Deployment, subscriber: Subscriber, tmp_path: Path
) -> None:
    events = registrations(12)
    fingerprint = broken(deployment, events)
    execution = start(
        deployment,
        stage="publish",
        action="redrive",
        filter={"fingerprint": fingerprint},
        rate_per_second=2,
        canary=1,
    ).rpartition(":")[2]
    ids = [event["id"] for event in events]
    eventually(lambda: [i for i in ids if subscriber.seen(i)], lambda arrived: len(arrived) >= 2)

    stopped = typed(deployment, "stop", folder=tmp_path, EXECUTION=execution)
    assert stopped["outcome"] == "partial"
    more = ("--yes", "--reason", "it was too slow")
    continued = typed(deployment, "continue", *more, folder=tmp_path, EXECUTION=execution)
    assert continued["counts"] == {"resolved": stopped["not_taken_up"]}
    for id in ids:
        assert subscriber.wait_for(id)


def park(deployment: Deployment, fingerprint: str) -> None:
    """Park the one letter of this fingerprint, as if its event had failed in too many redrives."""
    planned = execute(deployment, stage="publish", action="plan")
    groups = json.loads(planned["output"])["groups"]
    (key,) = (g["example"] for g in groups if g["fingerprint"] == fingerprint)
    park_letter(deployment, key)


def test_a_plan_that_may_not_read_the_events_table_says_so(deployment: Deployment) -> None:
    redrive, table = f"{deployment.name}-redrive", deployment.outputs["EventsTable"]
    with denied(deployment, deployment.outputs["IngestFunction"], "dynamodb:PartiQLInsert", "*"):
        accept(deployment, *registrations(1))
    with denied(deployment, redrive, "dynamodb:BatchGetItem", "*"):
        execution = start(deployment, stage="ingest", action="plan")
        eventually(lambda: status(deployment, execution), lambda found: found == "FAILED")
    described = deployment.client("stepfunctions").describe_execution(executionArn=execution)
    assert described["error"] == "DependencyDown"
    assert re.match(rf"table {re.escape(table)}: ACCESS_DENIED: ", described["cause"])
    execution = start(deployment, stage="ingest", action="redrive", reason="it may again")
    eventually(lambda: status(deployment, execution), lambda found: found == "SUCCEEDED")


def letter_of(event: dict[str, Any], *, publisher: str) -> DeadLetter:
    """A dead letter of publication, as the publish function would write it."""
    return DeadLetter(
        stage="publish",
        step="publish",
        publisher=publisher,
        event=json.dumps(event),
        accepted_at="2026-11-27T09:29:59.000Z",
        cause=Cause(Code.ACCESS_DENIED, "AuthorizationError", "not authorized"),
        failed_at="2026-11-27T09:30:00.000Z",
        topic=TOPIC,
    )


def test_letters_of_a_suspended_publisher_by_the_command_line(
    deployment: Deployment, subscriber: Subscriber, tmp_path: Path
) -> None:
    # Of a publisher that no other test sends as.
    publisher, (event,) = "shut-out", registrations(1)
    letter = letter_of(event, publisher=publisher)
    registry = Registry(deployment.client("dynamodb"), table=deployment.outputs["RegistryTable"])
    registry.change_doorkeeper(lambda there: there.with_entry(publisher, Entry(suspended=True)))
    put_messages(deployment.client("sqs"), deployment.outputs["PublishDlqUrl"], [letter.text()])
    try:
        planned = typed(deployment, "plan", folder=tmp_path, FINGERPRINT=letter.fingerprint)
        assert planned["plan"]["letters"] == 0
        assert planned["plan"]["withheld_by_publisher"] == {publisher: 1}
        named = typed(
            deployment, "redrive_publisher", "--yes", folder=tmp_path, PUBLISHER=publisher
        )
        assert named["counts"] == {"resolved": 1}
        assert named["plan"]["warnings"] == []
    finally:
        registry.change_doorkeeper(lambda there: there.with_entry(publisher, Entry()))
    assert subscriber.wait_for(event["id"])


def test_parked_and_unwanted_letters_by_the_command_line(
    deployment: Deployment, subscriber: Subscriber, tmp_path: Path
) -> None:
    wanted, unwanted = registrations(2)
    fingerprint = broken(deployment, [wanted])
    park(deployment, fingerprint)
    (id,) = typed(deployment, "parked", folder=tmp_path)["ids"]
    unparked = typed(deployment, "unpark", "--yes", folder=tmp_path, LETTER=id)
    assert unparked["counts"] == {"resolved": 1}
    assert subscriber.wait_for(wanted["id"])

    fingerprint = broken(deployment, [unwanted])
    discarded = typed(deployment, "discard", "--yes", folder=tmp_path, FINGERPRINT=fingerprint)
    assert discarded["counts"] == {"discarded": 1}
    assert subscriber.seen(unwanted["id"]) == []


def verified(deployment: Deployment, execution: str) -> dict[str, Any]:
    """The report that *verify* shows."""
    shows = shown(deployment, "raw_verify", execution=execution)
    report: dict[str, Any] = json.loads(shows[shows.index("{") : shows.rindex("}") + 1])
    return report


def test_an_incident_from_the_message_to_the_end_by_the_aws_cli_alone(
    deployment: Deployment, subscriber: Subscriber, mailbox: str, tmp_path: Path
) -> None:
    """A topic is denied to publication and to redrive, and who redrives is impatient."""
    events, topic = registrations(300), deployment.topic_arn(TOPIC)
    publish, redrive = deployment.outputs["PublishFunction"], f"{deployment.name}-redrive"
    key = deployment.api_key(PUBLISHER)
    with denied(deployment, redrive, "sns:Publish", topic):
        with denied(deployment, publish, "sns:Publish", topic):
            for start_ in range(0, 300, 100):
                batch = json.dumps(events[start_ : start_ + 100])
                assert deployment.post(batch, key=key, content_type=BATCH).status == 202
            # The message, or the alarm's table, leads to triage and its groups.
            told = eventually(
                lambda: [m["Body"] for m in deployment.receive(mailbox, seconds=5)],
                lambda bodies: any("ACCESS_DENIED at publish" in body for body in bodies),
                seconds=120,
            )
            assert any("docs/runbook.md#letters" in body for body in told)
            assert "publish-dead-letters" in eventually(
                lambda: shown(deployment, "alarms"), lambda text: "publish-dead" in text
            )
            in_the_ledger(deployment, *events)
            ((fingerprint, letters),) = eventually(
                lambda: open_letters(ended(shown(deployment, "raw_triage"))), bool
            ).items()
            assert letters == len(events)
            assert any(f"fingerprint {fingerprint}" in body for body in told)
        # The one who fixes publication has not thought of redrive.
        planned = ended(shown(deployment, "raw_plan", FINGERPRINT=fingerprint))
        (group,) = (g for g in planned["groups"] if g["fingerprint"] == fingerprint)
        assert planned["plan"]["letters"] == planned["plan"]["will_go_through"] == len(events)
        letter = json.loads(shown(deployment, "raw_letter", LETTER=group["example"]))
        assert (letter["state"], letter["topic"]) == ("open", TOPIC)
        assert letter["cause"] == "ACCESS_DENIED"
        # Whatever is tried meanwhile names the topic and charges nothing: three episodes park a letter.
        said = f"topic {topic.rpartition(':')[2]}: ACCESS_DENIED, {len(events)} left out"
        for _ in range(3):
            early = ended(shown(deployment, "raw_redrive", FINGERPRINT=fingerprint))
            assert (early["outcome"], early["cause"]) == ("aborted", said)
            message = eventually(
                lambda: [m["Body"] for m in deployment.receive(mailbox, seconds=5)],
                lambda bodies: any(f"cause: {said}" in body for body in bodies),
            )
            assert any("redrive of publish: aborted" in body for body in message)
            assert any("\nNext: eventing plan --stage publish\n" in body for body in message)
        assert verified(deployment, early["execution"])["outcome"] == "aborted"
    # Fixed for both. The same fingerprint, whoever has noticed since.
    redriven = ended(shown(deployment, "raw_redrive", FINGERPRINT=fingerprint))
    assert (redriven["outcome"], redriven["counts"]) == ("done", {"resolved": len(events)})
    assert verified(deployment, redriven["execution"])["counts"] == redriven["counts"]
    triaged = eventually(
        lambda: ended(shown(deployment, "raw_triage")), lambda found: found["outcome"] == "triaged"
    )
    assert open_letters(triaged) == {}
    for event in events:
        assert [d.topic for d in subscriber.wait_for(event["id"])] == [TOPIC]
    audited = typed(deployment, "report", folder=tmp_path, EXECUTION=redriven["execution"])
    (entry,) = (
        entry
        for entry in audited["audit"]
        if entry["execution"] == redriven["execution"].rpartition(":")[2]
    )
    assert (entry["started_by"], entry["outcome"]) == ("ada", "done")
    # Verified: no alarm of dead letters is on any more.
    with short_periods(deployment, "publish-dead-lettered", "publish-open-dead-letters"):
        eventually(
            lambda: counted(deployment) and shown(deployment, "alarms"),
            lambda text: "publish-dead-letters" not in text,
        )


def test_what_was_refused_is_verified_as_well(deployment: Deployment) -> None:
    execution = start(deployment, action="redrive", reason=" ")
    eventually(lambda: status(deployment, execution), lambda found: found == "FAILED")
    shows = shown(deployment, "raw_verify", execution=execution)
    assert "InvalidInput" in shows
    assert "reason: " in shows
    assert "no report" in shows


def test_a_run_is_stopped_and_continued(deployment: Deployment, subscriber: Subscriber) -> None:
    events = registrations(25)
    fingerprint = broken(deployment, events)
    execution = start(
        deployment,
        stage="publish",
        action="redrive",
        filter={"fingerprint": fingerprint},
        rate_per_second=2,
        canary=1,
    )
    ids = [event["id"] for event in events]
    eventually(lambda: [i for i in ids if subscriber.seen(i)], lambda arrived: len(arrived) >= 2)

    shown(deployment, "raw_stop", execution=execution)
    assert status(deployment, execution) == "ABORTED"
    continued = eventually(lambda: _continued(deployment, execution), bool)
    assert continued["outcome"] == "done"
    assert 0 < continued["counts"]["resolved"] < len(events)
    for id in ids:
        assert subscriber.wait_for(id)


def _continued(deployment: Deployment, execution: str) -> dict[str, Any]:
    # The report is written a moment after the execution was stopped.
    if "no report" in (shows := shown(deployment, "raw_verify", execution=execution)):
        return {}
    assert "the execution was aborted: WHY" in shows
    return ended(shown(deployment, "raw_continue", execution=execution))


def test_letters_that_nobody_wants_are_discarded(
    deployment: Deployment, subscriber: Subscriber
) -> None:
    events = registrations(2)
    fingerprint = broken(deployment, events)

    discarded = ended(shown(deployment, "raw_discard", FINGERPRINT=fingerprint))
    assert discarded["counts"] == {"discarded": len(events)}
    assert [subscriber.seen(event["id"]) for event in events] == [[], []]


def test_parked_letters_are_found_and_taken_up_by_their_id(
    deployment: Deployment, subscriber: Subscriber
) -> None:
    (event,) = events = registrations(1)
    fingerprint = broken(deployment, events)
    park(deployment, fingerprint)
    (letter,) = re.findall(r"^(\S+)\tACCESS_DENIED\t.*customer", _parked(deployment), re.MULTILINE)
    # Nobody has forgotten it: it keeps an alarm on. The counter comes every minute, and here at once.
    counted(deployment)
    alarm = f"{deployment.name}-publish-parked-dead-letters"
    eventually(lambda: shown(deployment, "alarms"), lambda on: alarm in on)

    redriven = ended(shown(deployment, "raw_unpark", LETTER=letter))
    assert redriven["counts"] == {"resolved": 1}
    assert subscriber.wait_for(event["id"])
    assert letter not in _parked(deployment)


def _parked(deployment: Deployment) -> str:
    return shown(deployment, "raw_parked")


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [("approve", "done"), ("raw_approve", "done"), ("refuse", "refused")],
)
def test_a_run_that_waits_is_approved_and_refused(
    deployment: Deployment,
    subscriber: Subscriber,
    mailbox: str,
    tmp_path: Path,
    answer: str,
    outcome: str,
) -> None:
    (event,) = events = registrations(1)
    fingerprint = broken(deployment, events)
    execution = start(
        deployment,
        stage="publish",
        action="redrive",
        filter={"fingerprint": fingerprint},
        approval_above=0,
        started_by="grace",
    )
    name = execution.rpartition(":")[2]
    told = f"Next: eventing approve {name}\nNext: eventing refuse {name}\n"
    eventually(
        lambda: [message["Body"] for message in deployment.receive(mailbox, seconds=5)],
        lambda bodies: any(told in body for body in bodies),
    )
    waiting = typed(deployment, "approvals", folder=tmp_path)["approvals"]
    assert name in [one["execution"] for one in waiting]
    assert name in shown(deployment, "raw_approvals")
    match answer:
        case "raw_approve":
            shown(deployment, "raw_approve", EXECUTION=name)
        case "approve":
            typed(deployment, "approve", "--yes", folder=tmp_path, EXECUTION=name)
        case "refuse":
            typed(deployment, "refuse", "--yes", folder=tmp_path, EXECUTION=name)
    eventually(lambda: status(deployment, execution), lambda found: found != "RUNNING")
    report = shown(deployment, "raw_verify", execution=execution)
    assert f'"outcome": "{outcome}"' in report
    if outcome == "done":
        assert subscriber.wait_for(event["id"])
    else:
        assert "the topic is not back" in report
        shown(deployment, "raw_discard", FINGERPRINT=fingerprint)
        assert subscriber.seen(event["id"]) == []


def test_junk_is_looked_at_and_a_letter_in_it_resubmitted(
    deployment: Deployment, subscriber: Subscriber, tmp_path: Path
) -> None:
    (event,) = registrations(1)
    letter = letter_of(event, publisher=PUBLISHER)
    envelope = {"Type": "Notification", "TopicArn": "arn:aws:sns:x", "Message": letter.text()}
    queue = deployment.outputs["PublishDlqUrl"]
    test_event = {"Service": "Amazon S3", "Event": "s3:TestEvent"}
    put_messages(deployment.client("sqs"), queue, [json.dumps(envelope), json.dumps(test_event)])
    ended(shown(deployment, "raw_triage"))
    # The latest comes first; other tests may have left some.
    by_kind = eventually(
        lambda: {
            one["key"].split("/")[2]: one["key"]
            for one in reversed(typed(deployment, "junk", folder=tmp_path)["junk"])
        },
        lambda found: {"sns-envelope", "s3-test-event"} <= found.keys(),
    )
    id = by_kind["sns-envelope"].rpartition("/")[2].removesuffix(".json")
    looked = shown(deployment, "look", STAGE="publish", KIND="sns-envelope", JUNK=id)
    assert json.loads(looked)["kind"] == "sns-envelope"

    resubmitted = typed(deployment, "resubmit", folder=tmp_path, JUNK=id)
    assert resubmitted["outcome"] == "resubmitted"
    in_the_ledger(deployment, event)
    redriven = ended(shown(deployment, "raw_redrive", FINGERPRINT=letter.fingerprint))
    assert redriven["counts"] == {"resolved": 1}
    assert len(subscriber.wait_for(event["id"])) == 1
    # Twice is once.
    assert ended(shown(deployment, "raw_resubmit", JUNK=id))["junk"]["resubmitted"] == 1
    assert typed(deployment, "reread", folder=tmp_path)["outcome"] == "resubmitted"
    assert len(subscriber.seen(event["id"])) == 1


def test_what_went_wrong_is_found(deployment: Deployment) -> None:
    execution = start(deployment, stage="archive")
    eventually(lambda: status(deployment, execution), lambda found: found == "FAILED")

    history = shown(deployment, "history")
    assert execution in history
    assert "stage: must be one of" in history


def test_subscriptions_are_counted(deployment: Deployment, subscriber: Subscriber) -> None:
    confirmed, pending = map(int, shown(deployment, "subscriptions", TOPIC=TOPIC).split())
    assert (confirmed > 0, pending) == (True, 0)


def test_an_alarm_is_looked_into(deployment: Deployment) -> None:
    known = shown(deployment, "alarms")
    assert all("Runbook: docs/runbook.md#" in line for line in known.splitlines())
    assert shown(deployment, "mapping").split()[0] == "Enabled"
    shown(deployment, "errors", FUNCTION="publish")


def test_copies_that_firehose_lost_or_left_are_written_again(
    deployment: Deployment, tmp_path: Path
) -> None:
    event, bucket = new_event(), deployment.outputs["ArchiveBucket"]
    since = timestamp(datetime.now(UTC))
    accept(deployment, event)
    eventually(lambda: archived(deployment), lambda copies: event in copies)
    line = archive_line(json.dumps(event), publisher=PUBLISHER, accepted_at=since)
    # As Firehose tells of what it could not deliver.
    told = {"errorCode": "x", "rawData": b64encode(line.encode()).decode()}
    deployment.client("s3").put_object(
        Bucket=bucket,
        Key=f"{Objects.UNDELIVERED}x",
        Body=f"{json.dumps(told)}\n".encode(),
        IfNoneMatch="*",
    )
    assert counted(deployment)["archive"] == {"undelivered": 1}

    recovered = typed(deployment, "recover_copies", folder=tmp_path)
    assert (recovered["events"], recovered["left"]) == (1, [])
    assert counted(deployment)["archive"] == {"undelivered": 0}
    assert archived(deployment).count(event) == 2

    until = timestamp(datetime.now(UTC) + timedelta(seconds=1))
    written = typed(deployment, "rewrite_copies", folder=tmp_path, SINCE=since, UNTIL=until)
    assert written["events"] >= 1
    assert archived(deployment).count(event) == 3


def test_the_canary_says_how_far_its_events_get(deployment: Deployment, tmp_path: Path) -> None:
    name = deployment.outputs["CanaryFunction"]
    deployment.client("lambda").invoke(FunctionName=name)

    said = eventually(lambda: shown(deployment, "canary"), bool)
    assert '"outcome":"delivered"' in said
    # Its events are no letters while they get through.
    assert typed(deployment, "canary_letters", folder=tmp_path)["groups"] == []


def test_no_command_of_the_runbook_is_left_untried() -> None:
    tried = re.findall(r'(?:shown|typed)\(\s*deployment, "(\w+)"', Path(__file__).read_text())
    registration = Path(__file__).with_name("test_registration.py").read_text()

    beside = [
        Path(__file__).with_name(name).read_text()
        for name in ("test_sensitive_data.py", "test_erase.py", "test_regions.py")
    ]

    elsewhere = [
        *re.findall(r'shown\("(\w+)"', registration),
        *(name for text in beside for name in re.findall(r'COMMANDS\["(\w+)"\]', text)),
    ]
    assert {*tried, *elsewhere, "setup"} == set(COMMANDS)
