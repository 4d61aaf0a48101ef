"""The runbook's commands, as they are written there, from an incident to its end."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from eventing.cause import Cause, Code
from eventing.dead_letter import DeadLetter
from tests.end_to_end.conftest import (
    PUBLISHER,
    accept,
    denied,
    eventually,
    in_the_ledger,
    new_event,
    put_messages,
)
from tests.shown import commands, filled_in, run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.deployment import Deployment
    from tests.end_to_end.conftest import Subscriber

COMMANDS = commands("docs/runbook.md")
TOPIC = "customers"


def shown(deployment: Deployment, name: str, *, execution: str = "", **words: str) -> str:
    """What a block prints; `words` take the place of its words in capitals."""
    block = filled_in(COMMANDS[name], **words)
    known = f"execution={execution}\n" if execution else ""
    return run(COMMANDS["setup"] + known + block, deployment.cloud.environment)


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
            lambda: _open_letters(deployment),
            lambda letters: list(letters.values()) == [len(events)],
        )
    return fingerprint


def _open_letters(deployment: Deployment) -> dict[str, int]:
    """Open letters that `broken` made by fingerprint, as a triage reports them."""
    groups = ended(shown(deployment, "triage")).get("groups", ())
    return {
        group["fingerprint"]: group["letters"]
        for group in groups
        if group["cause"] == "ACCESS_DENIED" and TOPIC in group["topics"]
    }


def test_from_the_message_to_the_end_of_the_incident(
    deployment: Deployment, subscriber: Subscriber, mailbox: str
) -> None:
    events = registrations(3)
    fingerprint = broken(deployment, events)
    told = eventually(
        lambda: [m["Body"] for m in deployment.receive(mailbox, seconds=5)],
        lambda bodies: any(f"fingerprint {fingerprint}" in body for body in bodies),
    )
    assert any("docs/runbook.md" in body for body in told)

    planned = ended(shown(deployment, "plan", FINGERPRINT=fingerprint))
    (group,) = (g for g in planned["groups"] if g["fingerprint"] == fingerprint)
    assert planned["plan"]["letters"] == planned["plan"]["will_go_through"] == len(events)
    letter = json.loads(shown(deployment, "letter", LETTER=group["example"]))
    assert (letter["state"], letter["topic"], letter["cause"]) == ("open", TOPIC, "ACCESS_DENIED")

    redriven = ended(shown(deployment, "redrive", FINGERPRINT=fingerprint))
    assert (redriven["outcome"], redriven["counts"]) == ("done", {"resolved": len(events)})
    for event in events:
        assert [d.topic for d in subscriber.wait_for(event["id"])] == [TOPIC]
    assert verified(deployment, redriven["execution"])["counts"] == redriven["counts"]


def verified(deployment: Deployment, execution: str) -> dict[str, Any]:
    """The report that *verify* shows."""
    shows = shown(deployment, "verify", execution=execution)
    report: dict[str, Any] = json.loads(shows[shows.index("{") : shows.rindex("}") + 1])
    return report


def test_300_events_of_a_topic_denied_to_publication_and_to_redrive(
    deployment: Deployment, subscriber: Subscriber, mailbox: str
) -> None:
    events, topic = registrations(300), deployment.topic_arn(TOPIC)
    publish, redrive = deployment.outputs["PublishFunction"], f"{deployment.name}-redrive"
    key = deployment.api_key(PUBLISHER)
    with denied(deployment, redrive, "sns:Publish", topic):
        with denied(deployment, publish, "sns:Publish", topic):
            for start_ in range(0, 300, 100):
                batch = json.dumps(events[start_ : start_ + 100])
                assert deployment.post(batch, key=key).status == 202
            # The message, or the alarm's table, leads to triage and its groups.
            told = eventually(
                lambda: [m["Body"] for m in deployment.receive(mailbox, seconds=5)],
                lambda bodies: any("ACCESS_DENIED at publish" in body for body in bodies),
                seconds=120,
            )
            assert any("docs/runbook.md#plan" in body for body in told)
            assert "publish-dead-letters" in eventually(
                lambda: shown(deployment, "alarms"), lambda text: "publish-dead" in text
            )
            fingerprints = eventually(
                lambda: _open_letters(deployment),
                lambda letters: sum(letters.values()) == 300,
                seconds=120,
            )
        # The one who fixes publication has not thought of redrive.
        for fingerprint in fingerprints:
            planned = ended(shown(deployment, "plan", FINGERPRINT=fingerprint))
            assert planned["plan"]["will_go_through"] == fingerprints[fingerprint]
        early = ended(shown(deployment, "redrive", FINGERPRINT=fingerprints.popitem()[0]))
        assert early["outcome"] == "aborted"
        assert verified(deployment, early["execution"])["outcome"] == "aborted"
        message = eventually(
            lambda: [m["Body"] for m in deployment.receive(mailbox, seconds=5)],
            lambda bodies: any("redrive of publish: aborted" in body for body in bodies),
        )
        assert any("What to do: " in body for body in message)
    # Fixed for both: by every cause that triage names until there is none.
    for fingerprint in eventually(
        lambda: _open_letters(deployment), lambda letters: sum(letters.values()) == 300
    ):
        redriven = ended(shown(deployment, "redrive", FINGERPRINT=fingerprint))
        assert redriven["outcome"] == "done"
        assert verified(deployment, redriven["execution"])["counts"] == redriven["counts"]
    assert _open_letters(deployment) == {}
    for event in events:
        assert len(subscriber.wait_for(event["id"])) == 1
    audited = [json.loads(line) for line in shown(deployment, "audit").splitlines()]
    of_this = [one for one in audited if one["execution"] == redriven["execution"]]
    assert [(one["started_by"], one["outcome"]) for one in of_this] == [("ada", "done")]
    # Verified: no alarm of dead letters is on any more.
    eventually(
        lambda: shown(deployment, "alarms"),
        lambda text: "publish-dead-letters" not in text,
        seconds=180,
    )


def test_what_was_refused_is_verified_as_well(deployment: Deployment) -> None:
    execution = start(deployment, action="redrive", reason=" ")
    eventually(lambda: status(deployment, execution), lambda found: found == "FAILED")
    shows = shown(deployment, "verify", execution=execution)
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

    shown(deployment, "stop", execution=execution)
    assert status(deployment, execution) == "ABORTED"
    continued = eventually(lambda: _continued(deployment, execution), bool)
    assert continued["outcome"] == "done"
    assert 0 < continued["counts"]["resolved"] < len(events)
    for id in ids:
        assert subscriber.wait_for(id)


def _continued(deployment: Deployment, execution: str) -> dict[str, Any]:
    # The report is written a moment after the execution was stopped.
    if "no report" in (shows := shown(deployment, "verify", execution=execution)):
        return {}
    assert "the execution was aborted: WHY" in shows
    return ended(shown(deployment, "continue", execution=execution))


def test_letters_that_nobody_wants_are_discarded(
    deployment: Deployment, subscriber: Subscriber
) -> None:
    events = registrations(2)
    fingerprint = broken(deployment, events)

    discarded = ended(shown(deployment, "discard", FINGERPRINT=fingerprint))
    assert discarded["counts"] == {"discarded": len(events)}
    assert [subscriber.seen(event["id"]) for event in events] == [[], []]


def test_parked_letters_are_found_and_taken_up_by_their_id(
    deployment: Deployment, subscriber: Subscriber
) -> None:
    (event,) = events = registrations(1)
    fingerprint = broken(deployment, events)
    topic, redrive = deployment.topic_arn(TOPIC), f"{deployment.name}-redrive"
    wanted = {"stage": "publish", "filter": {"fingerprint": fingerprint}}
    with denied(deployment, redrive, "sns:Publish", topic):
        execution = start(deployment, action="redrive", max_episodes=1, **wanted)
        eventually(lambda: status(deployment, execution), lambda found: found != "RUNNING")
    (letter,) = re.findall(r"^(\S+)\tACCESS_DENIED\t.*customer", _parked(deployment), re.MULTILINE)

    redriven = ended(shown(deployment, "unpark", LETTER=letter))
    assert redriven["counts"] == {"resolved": 1}
    assert subscriber.wait_for(event["id"])
    assert letter not in _parked(deployment)


def _parked(deployment: Deployment) -> str:
    return shown(deployment, "parked")


@pytest.mark.parametrize(("answer", "outcome"), [("approve", "done"), ("refuse", "refused")])
def test_the_messages_commands_approve_and_refuse(
    deployment: Deployment, subscriber: Subscriber, mailbox: str, answer: str, outcome: str
) -> None:
    (event,) = events = registrations(1)
    fingerprint = broken(deployment, events)
    execution = start(
        deployment,
        stage="publish",
        action="redrive",
        filter={"fingerprint": fingerprint},
        approval_above=0,
    )
    name = f"To {answer}:\n(.*)\n"
    (command,) = eventually(
        lambda: [
            found[1]
            for message in deployment.receive(mailbox, seconds=5)
            if (found := re.search(name, message["Body"]))
        ],
        bool,
    )
    run(command.replace("YOUR NAME", "dana"), deployment.cloud.environment)
    eventually(lambda: status(deployment, execution), lambda found: found != "RUNNING")
    report = shown(deployment, "verify", execution=execution)
    assert f'"outcome": "{outcome}"' in report
    assert "dana" in report
    if outcome == "done":
        assert subscriber.wait_for(event["id"])
    else:
        shown(deployment, "discard", FINGERPRINT=fingerprint)
        assert subscriber.seen(event["id"]) == []


def test_junk_is_looked_at_and_a_letter_in_it_resubmitted(
    deployment: Deployment, subscriber: Subscriber
) -> None:
    (event,) = registrations(1)
    letter = DeadLetter(
        stage="publish",
        step="publish",
        publisher=PUBLISHER,
        event=json.dumps(event),
        accepted_at="2026-11-27T09:29:59.000Z",
        cause=Cause(Code.ACCESS_DENIED, "AuthorizationError", "not authorized"),
        failed_at="2026-11-27T09:30:00.000Z",
        topic=TOPIC,
    )
    envelope = {"Type": "Notification", "TopicArn": "arn:aws:sns:x", "Message": letter.text()}
    queue = deployment.outputs["PublishDlqUrl"]
    test_event = {"Service": "Amazon S3", "Event": "s3:TestEvent"}
    put_messages(deployment.client("sqs"), queue, [json.dumps(envelope), json.dumps(test_event)])
    ended(shown(deployment, "triage"))
    listed = eventually(lambda: shown(deployment, "junk").split(), lambda keys: len(keys) == 2)
    assert {key.rpartition("/")[0] for key in listed} == {
        "publish/sns-envelope",
        "publish/s3-test-event",
    }
    (wrapped,) = (key for key in listed if "sns-envelope" in key)
    kind, id = wrapped.removesuffix(".json").split("/")[1:]
    assert (
        json.loads(shown(deployment, "look", STAGE="publish", KIND=kind, JUNK=id))["kind"] == kind
    )

    assert ended(shown(deployment, "resubmit", JUNK=id))["junk"]["resubmitted"] == 1
    assert wrapped not in shown(deployment, "junk")
    in_the_ledger(deployment, event)
    redriven = ended(shown(deployment, "redrive", FINGERPRINT=letter.fingerprint))
    assert redriven["counts"] == {"resolved": 1}
    assert len(subscriber.wait_for(event["id"])) == 1
    assert ended(shown(deployment, "reread"))["junk"]["resubmitted"] == 0


def test_what_went_wrong_is_found(deployment: Deployment) -> None:
    execution = start(deployment, stage="archive")
    eventually(lambda: status(deployment, execution), lambda found: found == "FAILED")

    history = shown(deployment, "history")
    assert execution in history
    assert "stage: must be one of" in history
    shown(deployment, "errors")


def test_an_alarm_is_looked_into(deployment: Deployment) -> None:
    known = shown(deployment, "alarms")
    assert all("Runbook: docs/runbook.md#" in line for line in known.splitlines())
    assert shown(deployment, "mapping").split()[0] == "Enabled"
    shown(deployment, "ingest_errors")
    shown(deployment, "publish_errors")


def test_no_command_of_the_runbook_is_left_untried() -> None:
    tried = re.findall(r'shown\(deployment, "(\w+)"', Path(__file__).read_text())

    assert {*tried, "setup"} == set(COMMANDS)
