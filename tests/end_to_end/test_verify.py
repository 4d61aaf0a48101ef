"""`eventing verify` of the deployed system, by somebody who has the policies for it and no other rights."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import uuid
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from infrastructure.packaging import ROOT
from tests.end_to_end.conftest import denied, eventually, execute
from tests.shown import terminal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from local.deployment import Deployment

# `make test-long` sends as much as the acceptance asks for.
LOAD = os.environ.get("LOAD", "20 2").split()
MOST_SECONDS = 60.0


@dataclass
class Verifier:
    """Runs `eventing verify` in a folder where the laptop's deployment is found."""

    deployment: Deployment
    folder: Path
    environment: dict[str, str]

    def begin(self, *options: str) -> subprocess.Popen[str]:
        """Begin a verification. Other tests have left letters and alarms, which are no incident here."""
        return subprocess.Popen(
            [sys.executable, "-u", "-m", "console", "verify", "--during-incident", *options],
            cwd=self.folder,
            env=terminal(self.environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *options: str) -> tuple[int, Any]:
        """Exit code and document of a verification."""
        process = self.begin("--json", *options)
        out, err = process.communicate(timeout=MOST_SECONDS + 2 * float(LOAD[1]) + 60)
        assert out, err
        assert self.key not in out + err
        return process.returncode, json.loads(out)

    @cached_property
    def key(self) -> str:
        """The API key that it sends with."""
        found: str = self.deployment.client("apigateway").get_api_key(
            apiKey=self.deployment.outputs["CanaryKeyId"], includeValue=True
        )["value"]
        return found

    def left(self) -> tuple[list[str], int]:
        """The queues of verifications, and how many subscriptions to the canary's topic they have."""
        prefix = f"{self.deployment.name}-verify-"
        queues = self.deployment.client("sqs").list_queues(QueueNamePrefix=prefix)
        subscriptions = self.deployment.client("sns").list_subscriptions_by_topic(
            TopicArn=self.deployment.outputs["CanaryTopicArn"]
        )["Subscriptions"]
        return queues.get("QueueUrls", []), sum(
            f":{prefix}" in s["Endpoint"] for s in subscriptions
        )


@pytest.fixture(scope="module")
def verifier(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Verifier:
    """Somebody with the policies of operators and verifiers."""
    iam, name = deployment.client("iam"), f"vera-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    for policy in ("OperatorPolicyArn", "VerifierPolicyArn"):
        iam.attach_user_policy(UserName=name, PolicyArn=deployment.outputs[policy])
    key = iam.create_access_key(UserName=name)["AccessKey"]
    folder = tmp_path_factory.mktemp("verifier")
    said = {
        "endpoint_url": deployment.cloud.endpoint_url,
        "region": deployment.region,
        "api_url": deployment.api_url,
        "access_key_id": key["AccessKeyId"],
        "secret_access_key": key["SecretAccessKey"],
        "stacks": deployment.stacks,
    }
    (folder / ".local").mkdir()
    (folder / ".local" / "outputs.json").write_text(json.dumps(said))
    environment = {
        **deployment.cloud.environment,
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        "PYTHONPATH": str(ROOT),
    }
    return Verifier(deployment, folder, environment)


def outcomes(document: Any) -> dict[str, str]:
    """How each check went, by its name."""
    return {check["name"]: check["outcome"] for check in document["checks"]}


def details(document: Any) -> str:
    """What was found wrong, a line each."""
    return "\n".join(
        f"{check['name']}: {check['detail']}"
        for check in document["checks"]
        if check["outcome"] == "failed"
    )


def letters_of(document: Any) -> list[str]:
    """The keys of the dead letters that the commands in the checks' advice name."""
    told = " ".join(check["fix"] for check in document["checks"]).split()
    return [word for before, word in pairwise(told) if before == "--letter-id"]


@contextmanager
def switched_off(deployment: Deployment, function: str) -> Iterator[None]:
    """Meanwhile the function is not run."""
    client = deployment.client("lambda")
    client.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    try:
        yield
    finally:
        client.delete_function_concurrency(FunctionName=function)


@contextmanager
def without_alarm(deployment: Deployment, name: str) -> Iterator[None]:
    """Meanwhile this composite alarm is gone; one that another is made of can't be deleted."""
    client = deployment.client("cloudwatch")
    (alarm,) = client.describe_alarms(
        AlarmNames=[f"{deployment.name}-{name}"], AlarmTypes=["CompositeAlarm"]
    )["CompositeAlarms"]
    made_by = ("AlarmName", "AlarmDescription", "AlarmRule", "AlarmActions", "OKActions")
    client.delete_alarms(AlarmNames=[alarm["AlarmName"]])
    try:
        yield
    finally:
        client.put_composite_alarm(**{member: alarm[member] for member in made_by})


def test_a_deployment_that_works_is_verified(
    verifier: Verifier, deployment: Deployment, mailbox: str
) -> None:
    """All of it, and a load, without a right too few; operators are told, and nothing is left behind."""
    report = verifier.folder / "report.txt"

    code, document = verifier("--load", *LOAD, "--report", str(report))

    assert (code, document["ok"]) == (0, True), details(document)
    assert document["load"]["sent"] == int(LOAD[0]) * int(LOAD[1])
    assert document["load"]["lost"] == 0
    if "LOAD" in os.environ:  # beside other tests, a call that takes too long is made once more
        assert document["load"]["doubled"] == 0
    walked = [check for check in document["checks"] if check["seconds"] is not None]
    assert len(walked) == 11
    assert sum(check["seconds"] for check in walked) < MOST_SECONDS
    assert [name for name, one in outcomes(document).items() if one == "skipped"] == ["Macie"]
    assert verifier.left() == ([], 0)
    kept = report.read_text()
    assert verifier.key not in kept
    assert document["run"] in kept
    assert all(check["name"] in kept for check in document["checks"])

    mails = deployment.take(mailbox, 10, seconds=5)
    assert any("Somebody verifies this deployment" in mail["Body"] for mail in mails)


def test_the_printed_command_deploys_with_the_alarms_that_are_there(
    verifier: Verifier, deployment: Deployment
) -> None:
    """The CDK CLI takes it as it is; the emulator keeps no triggers, so that they act is not shown."""
    cloud = deployment.cloud
    # What other tests have broken is fixed, and its alarms may be on for another minute or two.
    printed = eventually(
        lambda: subprocess.run(
            [sys.executable, "-m", "console", "deploy-command", "--region", deployment.region],
            cwd=verifier.folder,
            env=terminal(verifier.environment),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        ),
        lambda ended: ended.returncode == 0,
        seconds=240,
    )
    npx, cdk, *words = shlex.split(printed.stdout)
    assert (npx, cdk) == ("npx", "cdk")
    assert sum("arn:" in word for word in words) >= 4
    cloud.cdk(*words, "--require-approval", "never", "--app", str(cloud.assembly))


def test_each_fault_is_named_where_it_is(verifier: Verifier, deployment: Deployment) -> None:
    """The topic's policy is broken, the archive denied and an alarm missing, all at once."""
    outputs = deployment.outputs
    with ExitStack() as faults:
        topic = outputs["CanaryTopicArn"]
        faults.enter_context(denied(deployment, outputs["PublishFunction"], "sns:Publish", topic))
        for action in ("firehose:PutRecordBatch", "s3:PutObject"):
            faults.enter_context(denied(deployment, outputs["IngestFunction"], action, "*"))
        faults.enter_context(without_alarm(deployment, "any-alarm"))

        code, document = verifier()

    told = details(document)
    assert code == 1
    assert "alarms: missing: eventing-any-alarm" in told
    assert "publish sns:Publish on topic" in told
    assert "ingest s3:PutObject on archive" in told
    assert "ingest firehose:PutRecordBatch on delivery-stream" in told
    assert "archived: not below" in told
    assert "delivered: not at the queue" in told
    assert "ingest could not archive: ACCESS_DENIED" in told
    assert "publish could not publish: ACCESS_DENIED" in told
    assert verifier.left() == ([], 0)
    discard(deployment, letters_of(document))


def test_a_function_that_is_switched_off_is_named(
    verifier: Verifier, deployment: Deployment
) -> None:
    with switched_off(deployment, deployment.outputs["PublishFunction"]):
        code, document = verifier()

    assert code == 1
    assert "functions: eventing-publish is switched off" in details(document)
    assert outcomes(document)["delivered"] == "failed"
    assert outcomes(document)["dead letter redriven"] == "ok"
    discard(deployment, letters_of(document))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_that_is_interrupted_leaves_nothing_subscribed(
    verifier: Verifier, number: signal.Signals
) -> None:
    process = verifier.begin()
    assert process.stdout
    assert any("accepted" in line for line in process.stdout)
    assert len(verifier.left()[0]) == 1

    # Whoever is impatient does it twice.
    process.send_signal(number)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)

    assert process.returncode == 3, err
    assert "not ended" in out
    assert "its queue and its subscription are removed" in err
    assert verifier.left() == ([], 0)


def discard(deployment: Deployment, letters: list[str]) -> None:
    """Drop the letters of a verification that has failed, for the tests that come after."""
    if letters:
        execute(deployment, action="discard", stage="all", filter={"letter_ids": letters})
