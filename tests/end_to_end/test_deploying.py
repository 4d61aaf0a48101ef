"""Deploy, deploy again, destroy, deploy onto what stayed, restore: by the commands of docs/deploying.md.

The app is the one for AWS: what holds events is protected, and outlives its stack.
"""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from infrastructure.packaging import ROOT
from local.cloud import ACCOUNT, LocalCloud
from local.deployment import Deployment
from tests.end_to_end.conftest import (
    Subscriber,
    accept,
    archived,
    eventually,
    execute,
    in_the_ledger,
    items,
    new_event,
)
from tests.shown import commands, filled_in, run

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMANDS = commands("docs/deploying.md")
REGION = "us-east-1"
WORDS = {"ACCOUNT": ACCOUNT, "REGION": REGION, "TIME": "2026-11-27T12:00:00Z"}
STACKS = ("eventing-data", f"eventing-{REGION}")
SECONDS = 240


@dataclass
class Account:
    """An AWS account, and whoever deploys into it."""

    cloud: LocalCloud
    folder: Path
    words: dict[str, str] = field(default_factory=WORDS.copy)
    app: Path = Path()
    """What the CDK CLI deploys: the folder of a synth."""

    def change(self) -> None:
        """Have the synth of another time deployed next: a deployment of it changes something."""
        one, another = self.folder / "one", self.folder / "another"
        self.app = another if self.app == one else one
        if not self.app.exists():
            command = f"{sys.executable} -m tests.end_to_end.here"
            self.type("synth", CDK_APP=command, CDK_OUTPUT=str(self.app))

    def type(self, name: str, *, more: str = "", **variables: str) -> str:
        """What the block of that name prints, with `more` at its end."""
        environment = {
            **self.cloud.environment,
            "AWS_REGION": REGION,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "PYTHONPATH": str(ROOT),
            # The CDK CLI takes options from here as well. Nobody is there to answer its questions.
            "CDK_APP": str(self.app),
            "CDK_REQUIRE_APPROVAL": "never",
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
            **variables,
        }
        command = filled_in(COMMANDS[name].rstrip(), **self.words) + more
        return run(command, environment, seconds=SECONDS)

    def deployment(self) -> Deployment:
        """What is deployed now."""
        describe = self.cloud.client("cloudformation").describe_stacks
        found = {name: describe(StackName=name)["Stacks"][0].get("Outputs", ()) for name in STACKS}
        outputs = {
            name: {output["OutputKey"]: output["OutputValue"] for output in listed}
            for name, listed in found.items()
        }
        return Deployment(self.cloud, outputs, region=REGION)


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account after its first deployment."""
    with LocalCloud(region=REGION) as cloud:
        account = Account(cloud, tmp_path_factory.mktemp("deploying"))
        account.change()
        for name in ("policy", "bootstrap", "first"):
            account.type(name)
        yield account


def test_deploy_again_destroy_and_deploy_onto_what_stayed(account: Account) -> None:
    before = account.deployment()
    subscriber, sent, fence = Subscriber(before), new_event(), new_event()
    accept(before, sent)
    subscriber.wait_for(sent["id"])
    read = mapping(before)

    account.change()
    account.type("update")
    assert mapping(before) == read
    accept(before, fence)
    subscriber.wait_for(fence["id"])
    assert len(subscriber.seen(sent["id"])) == 1

    letter = {"pk": {"S": "a letter of this deployment"}}
    before.client("dynamodb").put_item(TableName=before.outputs["LedgerTable"], Item=letter)
    # One on its way would make its log anew, which a function's role may not on AWS.
    before.client("events").disable_rule(Name="eventing-canary")
    account.type("destroy", more=" --force")
    account.type("queues")
    account.change()
    account.type("onto")

    after, new = account.deployment(), new_event()
    stored = [json.loads(item["event"]["S"]) for item in items(after)]
    assert all(event in stored for event in (sent, fence))
    eventually(
        lambda: archived(after), lambda lines: all(event in lines for event in (sent, fence))
    )
    assert letter in items(after, "LedgerTable")
    assert mapping(after) != read
    subscriber = Subscriber(after)
    account.type("let_in")
    accept(after, new)
    subscriber.wait_for(new["id"])


def test_the_events_table_is_restored_and_nothing_is_lost_meanwhile(account: Account) -> None:
    deployment, there, meanwhile = account.deployment(), new_event(), new_event()
    accept(deployment, there)
    stored, read = items(deployment), mapping(deployment)
    subscriber = Subscriber(deployment)

    # The canary's may have come meanwhile.
    assert max(map(int, re.findall(r"^\d+$", account.type("drill"), re.MULTILINE))) >= len(stored)
    account.words["BACKUP"] = account.type("aside").split()[-1]
    account.type("away")
    accept(deployment, meanwhile)
    account.change()
    account.type("back")

    assert there in [json.loads(item["event"]["S"]) for item in items(deployment)]
    table = deployment.outputs["EventsTable"]
    described = deployment.client("dynamodb").describe_table(TableName=table)["Table"]
    assert mapping(deployment)["EventSourceArn"] == described["LatestStreamArn"]
    assert mapping(deployment) != read
    in_the_ledger(deployment, meanwhile)
    redriven = execute(deployment, stage="ingest", action="redrive")
    assert json.loads(redriven["output"])["outcome"] == "done"
    subscriber.wait_for(meanwhile["id"])


def mapping(deployment: Deployment) -> dict[str, Any]:
    """The stream mapping of publication: its id, and the stream that it reads."""
    (found,) = deployment.client("lambda").list_event_source_mappings(
        FunctionName=deployment.outputs["PublishFunction"]
    )["EventSourceMappings"]
    return {name: found[name] for name in ("UUID", "EventSourceArn")}
