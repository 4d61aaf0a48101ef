"""The README's commands, as they are written there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from infrastructure.packaging import ROOT
from tests.end_to_end.conftest import (
    accept,
    denied,
    eventually,
    execute,
    ledger,
    new_event,
    payment,
)
from tests.shown import commands, run

if TYPE_CHECKING:
    from pathlib import Path

    from local.deployment import Deployment
    from tests.end_to_end.conftest import Subscriber

COMMANDS = commands("README.md")


def status(deployment: Deployment) -> int:
    answer = deployment.post(json.dumps(new_event()), key=deployment.api_key("acme-web"))
    return answer.status


def test_a_key_is_revoked_and_given_back(deployment: Deployment) -> None:
    command = COMMANDS["revoke"]
    try:
        run(command, deployment.cloud.environment)
        assert eventually(lambda: status(deployment), lambda s: s == 403)
    finally:
        run(command.replace("value=false", "value=true"), deployment.cloud.environment)
    assert eventually(lambda: status(deployment), lambda s: s == 202)


def test_a_publisher_is_slowed_down(deployment: Deployment) -> None:
    gateway, plan_id = deployment.client("apigateway"), deployment.outputs["UsagePlanIdAcmeWeb"]
    before = gateway.get_usage_plan(usagePlanId=plan_id)["throttle"]
    try:
        run(COMMANDS["throttle"], deployment.cloud.environment)
        assert eventually(lambda: status(deployment), lambda s: s == 429)
    finally:
        operations = [
            {"op": "replace", "path": f"/throttle/{name}", "value": str(value)}
            for name, value in before.items()
        ]
        gateway.update_usage_plan(usagePlanId=plan_id, patchOperations=operations)
    assert eventually(lambda: status(deployment), lambda s: s == 202)


def test_dead_letters_are_redriven(
    deployment: Deployment, subscriber: Subscriber, tmp_path: Path
) -> None:
    sent, topic = payment(), deployment.topic_arn("payments")
    with denied(deployment, deployment.outputs["PublishFunction"], "sns:Publish", topic):
        accept(deployment, sent)
        eventually(lambda: execute(deployment) and ledger(deployment, sent), bool)
    environment = {**deployment.cloud.environment, "PYTHONPATH": str(ROOT)}
    told = run(f"{COMMANDS['redrive'].rstrip()} --yes", environment, folder=tmp_path)
    assert "redrive: done" in told
    subscriber.wait_for(sent["id"])
