"""One event, wherever an event can be, is erased by the commands of the runbook: all of AWS is searched."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from eventing.event import event_key
from functions.contract import Objects
from infrastructure.packaging import ROOT
from tests.end_to_end.conftest import (
    PUBLISHER,
    accept,
    archived,
    denied,
    eventually,
    items,
    ledger,
    new_event,
)
from tests.end_to_end.people import environment_of
from tests.shown import commands, run

if TYPE_CHECKING:
    from local.deployment import Deployment

COMMANDS = commands("docs/runbook.md")
TOPIC, TYPE = "customers", "com.example.shop.customer.registered.v1"
SOURCE, SECRET = "urn:example:erased", "hunter2-of-the-erased"
BATCH = "application/cloudevents-batch+json"
RECORD = f"{Objects.INVOCATION_RECORDS}erased/shardId-0/2026-11-28.json"
WHY = ("--reason", "'it has to go'", "--yes")


@dataclass(frozen=True)
class People:
    """Who asks for an erasure, and who approves it."""

    deployment: Deployment
    asks: Mapping[str, str]
    approves: Mapping[str, str]
    folder: Path

    def typed(self, person: Mapping[str, str], *words: str) -> Any:
        """The answer of a command to a program, where nobody is asked."""
        # Away from the project's folder, where somebody's `make run` may be up.
        environment = {**person, "PYTHONPATH": str(ROOT)}
        return json.loads(run(" ".join([*words, "--json"]), environment, folder=self.folder))

    def erase(self, *words: str) -> Any:
        """An erasure that is asked for, approved and reported: its plan, and its report."""
        asked = self.typed(self.asks, *words, "--yes")
        name = asked["execution"]
        self.typed(self.approves, "eventing approve", name, *WHY)
        machine = self.deployment.outputs["ErasureStateMachineArn"]
        arn = f"{machine.replace(':stateMachine:', ':execution:')}:{name}"
        states = self.deployment.client("stepfunctions")
        ended = eventually(
            lambda: states.describe_execution(executionArn=arn),
            lambda found: found["status"] != "RUNNING",
        )
        assert ended["status"] == "SUCCEEDED", ended
        return asked["plan"], self.typed(self.asks, "eventing report", name)


@pytest.fixture(scope="module")
def people(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> People:
    """A person with each of the two policies, and no other rights."""
    asks = environment_of(deployment, "erin", "EraserPolicyArn")
    approves = environment_of(deployment, "arno", "ApproverPolicyArn")
    return People(deployment, asks, approves, tmp_path_factory.mktemp("erase"))


def texts(deployment: Deployment) -> Iterator[tuple[str, str]]:
    """All texts that AWS keeps: of tables, versions of objects, logs, dead letters, executions."""
    dynamodb, s3, logs = map(deployment.client, ("dynamodb", "s3", "logs"))
    for table in dynamodb.list_tables()["TableNames"]:
        pages = dynamodb.get_paginator("scan").paginate(TableName=table)
        yield table, json.dumps([page["Items"] for page in pages], default=str)
    for bucket in s3.list_buckets()["Buckets"]:
        named: Any = {"Bucket": bucket["Name"]}
        if not bucket["Name"].startswith(deployment.name):
            continue
        for page in s3.get_paginator("list_object_versions").paginate(**named):
            for found in page.get("Versions", []):
                asked = {"Key": found["Key"], "VersionId": found["VersionId"]}
                content = s3.get_object(**named, **asked)["Body"].read()
                yield f"{bucket['Name']}/{found['Key']}", found["Key"] + content.decode()
    for group in logs.describe_log_groups()["logGroups"]:
        events = logs.get_paginator("filter_log_events").paginate(
            logGroupName=group["logGroupName"]
        )
        yield group["logGroupName"], json.dumps([page["events"] for page in events])
    yield from _executions(deployment)
    for url in (deployment.outputs["IngestDlqUrl"], deployment.outputs["PublishDlqUrl"]):
        # By itself a queue that is empty has its reader wait for 20 s.
        found = deployment.client("sqs").receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0, WaitTimeSeconds=0
        )
        yield url, json.dumps(found.get("Messages", []))


def _executions(deployment: Deployment) -> Iterator[tuple[str, str]]:
    states = deployment.client("stepfunctions")
    for machine in states.list_state_machines()["stateMachines"]:
        arn = machine["stateMachineArn"]
        for one in states.list_executions(stateMachineArn=arn)["executions"]:
            named = {"executionArn": one["executionArn"]}
            history = states.get_execution_history(**named, maxResults=1000)
            told = [states.describe_execution(**named), history["events"]]
            yield one["executionArn"], json.dumps(told, default=str)


def found_in(deployment: Deployment, *wanted: str) -> set[str]:
    """Where AWS has one of these texts."""
    return {where for where, text in texts(deployment) if any(one in text for one in wanted)}


def planted(deployment: Deployment) -> dict[str, Any]:
    """An event that was accepted, sent again, dead-lettered, reported and crashed on."""
    event = new_event(TYPE, customer_id=SECRET) | {"source": SOURCE}
    other = new_event(TYPE, customer_id="another")
    topic = deployment.topic_arn(TOPIC)
    with denied(deployment, deployment.outputs["PublishFunction"], "sns:Publish", topic):
        accept(deployment, event)
        key = deployment.api_key(PUBLISHER)
        answer = deployment.post(json.dumps([other, event]), key=key, content_type=BATCH)
        assert [one["status"] for one in answer.json()["results"]] == ["accepted", "duplicate"]
        eventually(lambda: ledger(deployment, event), bool)
        eventually(lambda: ledger(deployment, other), bool)
    record = {
        "requestContext": {"condition": "RetryAttemptsExhausted"},
        "timestamp": "2026-11-28T09:00:00.000Z",
        "payload": json.dumps({"Records": [_stream_record(e) for e in (event, other)]}),
    }
    deployment.client("s3").put_object(
        Bucket=deployment.outputs["OperationsBucket"],
        Key=RECORD,
        Body=json.dumps(record).encode(),
        IfNoneMatch="*",
    )
    return event


def _stream_record(event: Mapping[str, Any]) -> dict[str, Any]:
    key = {"pk": {"S": event_key(PUBLISHER, event["source"], event["id"])}}
    image = {**key, "event": {"S": json.dumps(event)}, "publisher": {"S": PUBLISHER}}
    return {"eventName": "INSERT", "dynamodb": {"Keys": key, "NewImage": image}}


def test_an_event_is_found_nowhere_that_the_answer_did_not_name(
    deployment: Deployment, people: People
) -> None:
    event = planted(deployment)
    id, key = event["id"], event_key(PUBLISHER, SOURCE, event["id"])
    before = found_in(deployment, id)
    assert {where.partition("/")[0] for where in before} >= {
        deployment.outputs[name]
        for name in ("EventsTable", "LedgerTable", "ArchiveBucket", "OperationsBucket")
    }
    shown = COMMANDS["erase"].strip()

    plan, report = people.erase(shown.replace("/crm 4711", f"{SOURCE} {id}"))

    assert (plan["row"], plan["topics"]) == ("event", [TOPIC])
    assert report["outcome"] == "done", report
    assert report["request"]["key"] == key
    counts = report["counts"]
    assert counts["archive"]["copies"] == 2
    assert counts["records"]["copies"] == 1
    assert counts["letters"] >= 1
    # What was crashed on had been on its way into the ledger.
    eventually(lambda: found_in(deployment, id, SECRET), lambda found: found == set())
    assert report["unreachable"][0]["place"] == f"subscribers of {TOPIC}"
    (tombstone,) = (item for item in items(deployment) if item["pk"]["S"] == key)
    assert "event" not in tombstone
    assert "erased_at" in tombstone

    # Sent again, it is refused with the reason, alone and among others.
    api_key = deployment.api_key(PUBLISHER)
    refused = deployment.post(json.dumps(event), key=api_key)
    assert refused.status == 410
    assert refused.json()["type"] == "urn:eventing:problem:event-erased"
    several = deployment.post(
        json.dumps([new_event(), event]), key=api_key, content_type=BATCH
    ).json()["results"]
    assert [one["status"] for one in several] == ["accepted", 410]
    # Copies of what is refused are archived all the same; the log has the key to erase them by.
    eventually(lambda: sum(one["id"] == id for one in archived(deployment)), lambda n: n == 2)
    log = deployment.client("logs").filter_log_events(
        logGroupName=f"/aws/lambda/{deployment.outputs['IngestFunction']}",
        filterPattern='"erased_keys"',
    )["events"]
    assert key in log[-1]["message"]

    plan, report = people.erase("eventing erase --key", key, "--reason", "'sent again'")

    assert (plan["row"], report["outcome"]) == ("tombstone", "done")
    assert report["counts"]["archive"]["copies"] == 2
    assert found_in(deployment, id, SECRET) == set()
