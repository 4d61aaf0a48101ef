"""From a finding to its publisher, its events and everybody who got them, on the deployed system."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from functions.contract import QUARANTINE
from infrastructure.packaging import ROOT
from local.cloud import ACCOUNT
from tests.end_to_end.conftest import eventually, new_event
from tests.end_to_end.people import environment_of
from tests.shown import commands, filled_in, run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from local.deployment import Deployment

COMMANDS, README = commands("docs/runbook.md"), commands("README.md")
# Of Visa, for tests: it stands in the events alone.
SECRET = "4012888888881881"
MANY = 40
BATCH = "application/cloudevents-batch+json"


class People:
    """An operator, an approver, and whoever sits at the laptop."""

    def __init__(self, deployment: Deployment, folder: Path) -> None:
        self.deployment = deployment
        self.operator = environment_of(deployment, "olga", "OperatorPolicyArn")
        self.approver = environment_of(deployment, "anna", "ApproverPolicyArn")
        self._away, self._laptop = folder / "away", folder / "laptop"
        self._away.mkdir()
        (self._laptop / ".local").mkdir(parents=True)
        root = deployment.cloud.environment
        said = {
            "endpoint_url": deployment.cloud.endpoint_url,
            "region": deployment.region,
            "api_url": deployment.api_url,
            "access_key_id": root["AWS_ACCESS_KEY_ID"],
            "secret_access_key": root["AWS_SECRET_ACCESS_KEY"],
            "stacks": deployment.stacks,
        }
        (self._laptop / ".local" / "outputs.json").write_text(json.dumps(said))

    def at_laptop(self, command: str) -> str:
        """What a command says, typed where the laptop's deployment is found."""
        environment = {**self.deployment.cloud.environment, "PYTHONPATH": str(ROOT)}
        return run(command, environment, folder=self._laptop)

    def simulate(self, *options: str) -> str:
        """The case of a finding that was simulated on the laptop."""
        command = " ".join(["eventing findings simulate --json", *options])
        return str(json.loads(self.at_laptop(command))["case"])

    def said(self, person: Mapping[str, str], command: str) -> str:
        """What commands say to somebody with one policy."""
        return run(command, {**person, "PYTHONPATH": str(ROOT)}, folder=self._away)

    def typed(self, person: Mapping[str, str], words: str) -> Any:
        """The answer of a command to a program."""
        return json.loads(self.said(person, f"eventing {words} --json"))

    def shown(self, case: str, *states: str) -> Any:
        """A case, once it is in one of these states."""
        return eventually(
            lambda: self.typed(self.operator, f"findings show {case}"),
            lambda found: found["state"] in states,
        )


@pytest.fixture(scope="module")
def people(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> People:
    return People(deployment, tmp_path_factory.mktemp("people"))


def archived(deployment: Deployment, publisher: str) -> list[dict[str, Any]]:
    """Events of a publisher that were archived as one object; the third one has the secret."""
    third = new_event(order_id="order-3", total=12.5, currency="EUR", card=SECRET)
    # So many are written at once, and not through Firehose.
    sent = [new_event(), new_event(), third, *(new_event() for _ in range(MANY - 3))]
    key = deployment.api_key(publisher)
    answer = deployment.post(json.dumps(sent), key=key, content_type=BATCH)
    assert answer.status == 202, answer.data
    return sent


def tags(deployment: Deployment, found: Any) -> dict[str, str]:
    """The tags of a case's object."""
    tagged = deployment.client("s3").get_object_tagging(
        Bucket=deployment.outputs["ArchiveBucket"], Key=found["found"]["object"]["key"]
    )
    return {one["Key"]: one["Value"] for one in tagged["TagSet"]}


def see_nowhere(deployment: Deployment, *values: str) -> None:
    """See that no value is in histories, logs, the ledger, the operations bucket or the ops topic's mails."""
    states = deployment.client("stepfunctions")
    histories = [
        states.get_execution_history(executionArn=execution["executionArn"], maxResults=1000)
        for output in ("SensitiveData", "CaseApproval", "Publishers")
        for execution in states.list_executions(
            stateMachineArn=deployment.outputs[f"{output}StateMachineArn"]
        )["executions"]
    ]
    logs = [
        deployment.client("logs").filter_log_events(
            logGroupName=f"/aws/lambda/{deployment.name}-{function}"
        )
        for function in ("cases", "publishers", "notifier")
    ]
    s3, bucket = deployment.client("s3"), deployment.outputs["OperationsBucket"]
    objects = [
        s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read().decode()
        for prefix in ("cases/", "findings/", "approvals/")
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        for entry in page.get("Contents", ())
    ]
    ledger = deployment.client("dynamodb").scan(TableName=deployment.outputs["LedgerTable"])
    everything = json.dumps([histories, logs, objects, ledger], default=str)
    assert "case-20" in everything
    assert not [value for value in values if value in everything]


def test_a_finding_on_a_later_line_is_followed_to_its_publisher_who_is_suspended(
    deployment: Deployment, people: People, mailbox: str
) -> None:
    publisher = "acme-cards"
    sent = archived(deployment, publisher)
    third = sent[2]

    case = people.simulate("--event", f"{third['source']} {third['id']}")

    found = people.shown(case, "waits for an answer")
    examined = found["found"]
    (event,) = examined["events"]
    assert (examined["publisher"], event["line"], event["id"]) == (publisher, 2, third["id"])
    assert event["fields"] == ["data.order_id"]
    (topic,) = examined["topics"]
    # The mailboxes and subscribers of other tests come and go.
    assert (topic["topic"], topic["unknown"]) == ("orders", "")
    assert examined["same_hour"]["types"] == {third["type"]: MANY}
    (question,) = (
        one
        for one in people.typed(people.approver, "approvals")["approvals"]
        if one.get("case") == case
    )

    told = people.said(people.operator, filled_in(COMMANDS["findings"], CASE=case))
    assert "data.order_id" in told

    answer = filled_in(
        COMMANDS["stop_publisher"], EXECUTION=question["execution"], WHY="it must stop"
    )
    people.said(people.approver, f"{answer.strip()} --yes")
    began = time.monotonic()
    key = deployment.api_key(publisher)
    eventually(lambda: deployment.post("{}", key=key).status, lambda status: status == 403)
    assert time.monotonic() - began < 10

    ended = people.shown(case, "suspended")
    assert "suspended your key" in ended["closed"]["texts"]["publisher"]
    assert set(ended["closed"]["texts"]["topics"]) == {"orders"}
    # Under quarantine, its case still finds it; and others don't.
    assert tags(deployment, ended) == {QUARANTINE: case}
    mails = [json.loads(json.dumps(m)) for m in deployment.take(mailbox, 3, seconds=20)]
    bodies = "\n".join(mail["Body"] for mail in mails)
    assert "stop the publisher?" in bodies or f"case: {case}" in bodies
    assert SECRET not in bodies
    see_nowhere(deployment, SECRET)


def test_a_refusal_changes_nothing(deployment: Deployment, people: People) -> None:
    publisher = "acme-refused"
    sent = archived(deployment, publisher)
    case = people.simulate("--event", f"{sent[0]['source']} {sent[0]['id']}", "--whole")
    found = people.shown(case, "waits for an answer")
    assert (found["found"]["count"], found["found"]["at_least"]) == (MANY, True)

    people.typed(
        people.approver, f"refuse case-{case}-1 --yes --reason 'a test card that is allowed'"
    )

    ended = people.shown(case, "refused")
    assert tags(deployment, ended) == {}
    assert deployment.post("{}", key=deployment.api_key(publisher)).status == 400


def put(deployment: Deployment, **changes: Any) -> None:
    """Put a finding of Macie's form on the bus."""
    detail = {
        "category": "CLASSIFICATION",
        "accountId": ACCOUNT,
        "severity": {"description": "High"},
        **changes,
    }
    entry = {"Source": "local.macie", "DetailType": "Macie Finding", "Detail": json.dumps(detail)}
    answer = deployment.client("events").put_events(Entries=[entry])
    assert answer["FailedEntryCount"] == 0


def test_findings_that_come_again_or_late_belong_to_their_case(
    deployment: Deployment, people: People
) -> None:
    sent = archived(deployment, "acme-again")
    case = people.simulate("--event", f"{sent[1]['source']} {sent[1]['id']}")
    found = people.shown(case, "waits for an answer")["found"]
    affected = {
        "s3Bucket": {"name": deployment.outputs["ArchiveBucket"]},
        "s3Object": {
            "key": found["object"]["key"],
            **({"versionId": version} if (version := found["object"]["version"]) else {}),
        },
    }
    for _ in range(5):
        put(deployment, id="late", resourcesAffected=affected)
    eventually(
        lambda: len(people.typed(people.operator, f"findings show {case}")["findings"]),
        lambda count: count == 2,
    )

    people.typed(people.approver, f"refuse case-{case}-1 --yes --reason 'it is allowed'")

    # What came while it waited has a round of its own.
    again = eventually(
        lambda: people.typed(people.operator, f"findings show {case}"),
        lambda found: (found["round"], found["state"]) == (2, "waits for an answer"),
    )
    assert len(again["found"]["findings"]) == 2
    people.typed(people.approver, f"refuse case-{case}-2 --yes --reason 'it is allowed'")
    listed = people.typed(people.operator, "findings list --most 100")["cases"]
    assert len([one for one in listed if one["case"] == case]) == 1


def test_a_finding_that_nobody_can_read_has_a_case(deployment: Deployment, people: People) -> None:
    bucket = {"name": deployment.outputs["ArchiveBucket"]}
    put(deployment, id="no-object", resourcesAffected={"s3Bucket": bucket})
    eventually(
        lambda: [
            one["case"]
            for one in people.typed(people.operator, "findings list --most 100")["cases"]
            if one["state"] == "notified"
        ],
        lambda cases: any(case.startswith("unreadable-") for case in cases),
    )


def test_an_object_that_was_deleted_has_a_case(deployment: Deployment, people: People) -> None:
    key = "publisher=acme-gone/date=2026-11-27/14/gone.jsonl"
    bucket = {"name": deployment.outputs["ArchiveBucket"]}
    put(deployment, id="gone", resourcesAffected={"s3Bucket": bucket, "s3Object": {"key": key}})
    (case,) = eventually(
        lambda: [
            one["case"]
            for one in people.typed(people.operator, "findings list --most 100")["cases"]
            if (one["publisher"], one["state"]) == ("acme-gone", "notified")
        ],
        lambda cases: len(cases) == 1,
    )
    assert people.typed(people.operator, f"findings show {case}")["found"]["object"]["gone"]


def test_a_finding_that_macie_does_not_have_is_no_case(people: People) -> None:
    command = filled_in(COMMANDS["open_finding"], FINDING_ID="f9", WHY="seen in its console")
    with pytest.raises(AssertionError):
        people.said(people.operator, command)
    cases = people.typed(people.operator, "findings list --most 100")["cases"]
    assert all(one["state"] != "is examined" for one in cases)


def test_the_readmes_commands_simulate_a_finding(deployment: Deployment, people: People) -> None:
    archived(deployment, "acme-readme")
    told = people.at_laptop(README["simulate"])
    assert "is in the case" in told
    assert "acme-" in told


def test_a_finding_for_another_bucket_starts_nothing(deployment: Deployment) -> None:
    states, machine = deployment.client("stepfunctions"), deployment.outputs
    arn = machine["SensitiveDataStateMachineArn"]
    before = len(states.list_executions(stateMachineArn=arn)["executions"])
    other = {"s3Bucket": {"name": "another"}, "s3Object": {"key": "k"}}
    put(deployment, id="f-other", resourcesAffected=other)
    time.sleep(1)
    assert len(states.list_executions(stateMachineArn=arn)["executions"]) == before
