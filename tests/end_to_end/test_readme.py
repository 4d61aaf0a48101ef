"""The README's commands, as they are written there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from local.cloud import ROOT
from tests.end_to_end.conftest import accept, denied, eventually, execute, new_event, payment
from tests.end_to_end.test_dead_letters import ledger

if TYPE_CHECKING:
    from local.deployment import Deployment
    from tests.end_to_end.conftest import Subscriber

BLOCK = re.compile(r"<!-- shown: (\w+) -->\n```sh\n(.*?)```", re.DOTALL)
COMMANDS = dict(BLOCK.findall((ROOT / "README.md").read_text()))


def run(deployment: Deployment, command: str) -> str:
    """What the command prints, run by a shell that is set up as `make run` says."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    environment |= deployment.cloud.environment
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def status(deployment: Deployment) -> int:
    answer = deployment.post(json.dumps(new_event()), key=deployment.api_key("acme-web"))
    return answer.status


def test_a_key_is_revoked_and_given_back(deployment: Deployment) -> None:
    command = COMMANDS["revoke"]
    try:
        run(deployment, command)
        assert eventually(lambda: status(deployment), lambda s: s == 403)
    finally:
        run(deployment, command.replace("value=false", "value=true"))
    assert eventually(lambda: status(deployment), lambda s: s == 202)


def test_a_publisher_is_slowed_down(deployment: Deployment) -> None:
    gateway, plan_id = deployment.client("apigateway"), deployment.outputs["UsagePlanIdAcmeWeb"]
    before = gateway.get_usage_plan(usagePlanId=plan_id)["throttle"]
    try:
        run(deployment, COMMANDS["throttle"])
        assert eventually(lambda: status(deployment), lambda s: s == 429)
    finally:
        operations = [
            {"op": "replace", "path": f"/throttle/{name}", "value": str(value)}
            for name, value in before.items()
        ]
        gateway.update_usage_plan(usagePlanId=plan_id, patchOperations=operations)
    assert eventually(lambda: status(deployment), lambda s: s == 202)


def test_dead_letters_are_redriven(deployment: Deployment, subscriber: Subscriber) -> None:
    sent, topic = payment(), deployment.topic_arn("payments")
    with denied(deployment, deployment.outputs["PublishFunction"], "sns:Publish", topic):
        accept(deployment, sent)
        eventually(lambda: execute(deployment) and ledger(deployment, sent), bool)
    described = run(deployment, COMMANDS["redrive"])
    assert '"status"' in described
    subscriber.wait_for(sent["id"])
