"""The README's commands, as they are written there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from eventing.publishers.keys import publisher_of
from infrastructure.packaging import ROOT
from tests.end_to_end.conftest import (
    accept,
    denied,
    eventually,
    execute,
    ledger,
    payment,
)
from tests.shown import commands, run

if TYPE_CHECKING:
    from local.deployment import Deployment
    from tests.end_to_end.conftest import Subscriber

COMMANDS = commands("README.md")


# Let in, and refused for what it is: nothing stays on its way when the next test begins.
LET_IN = 400


def status(deployment: Deployment, publisher: str = "acme-web") -> int:
    return deployment.post("{}", key=deployment.api_key(publisher)).status


def typed(deployment: Deployment, command: str, folder: Path) -> str:
    """What a command says, typed away from the project's folder, where somebody's `make run` may be up."""
    environment = {**deployment.cloud.environment, "PYTHONPATH": str(ROOT)}
    return run(command, environment, folder=folder)


def changed(deployment: Deployment, name: str, folder: Path) -> None:
    """Change a publisher as the README does."""
    command = COMMANDS[name].partition("#")[0].strip()
    assert "done" in typed(deployment, f"{command} --yes", folder)


def test_a_publisher_is_registered_and_gets_its_key(deployment: Deployment, tmp_path: Path) -> None:
    told = typed(deployment, COMMANDS["register"], tmp_path)

    key = told.split()[-1]
    assert publisher_of(key) == "acme-shop"
    eventually(lambda: deployment.post("{}", key=key).status, lambda s: s == LET_IN)


def test_a_publisher_is_shut_out_and_let_in(deployment: Deployment, tmp_path: Path) -> None:
    changed(deployment, "suspend", tmp_path)
    try:
        eventually(lambda: status(deployment), lambda s: s == 403)
        assert status(deployment, "acme-pay") == LET_IN
    finally:
        typed(deployment, "eventing publishers resume acme-web --reason fixed", tmp_path)
    eventually(lambda: status(deployment), lambda s: s == LET_IN)


def test_a_publisher_is_slowed_down(deployment: Deployment, tmp_path: Path) -> None:
    changed(deployment, "throttle", tmp_path)
    try:
        eventually(lambda: status(deployment), lambda s: s == 429)
        answer = deployment.post("{}", key=deployment.api_key("acme-web"))
        assert answer.status == 429
        assert answer.headers["content-type"] == "application/problem+json"
        assert int(answer.headers["retry-after"]) > 0
        assert status(deployment, "acme-pay") == LET_IN
    finally:
        typed(deployment, "eventing publishers restore acme-web --reason fixed", tmp_path)
    eventually(lambda: status(deployment), lambda s: s == LET_IN)


def test_dead_letters_are_redriven(
    deployment: Deployment, subscriber: Subscriber, tmp_path: Path
) -> None:
    sent, topic = payment(), deployment.topic_arn("payments")
    with denied(deployment, deployment.outputs["PublishFunction"], "sns:Publish", topic):
        accept(deployment, sent)
        eventually(lambda: execute(deployment) and ledger(deployment, sent), bool)
    told = typed(deployment, f"{COMMANDS['redrive'].rstrip()} --yes", tmp_path)
    assert "redrive: done" in told
    subscriber.wait_for(sent["id"])
