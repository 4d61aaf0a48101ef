"""A publisher from its registration to its revocation, by the commands of the runbook."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eventing.publishers.keys import publisher_of
from infrastructure.packaging import ROOT
from tests.end_to_end.conftest import Subscriber, eventually, new_event
from tests.end_to_end.people import environment_of
from tests.shown import commands, filled_in, run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.deployment import Deployment

COMMANDS = commands("docs/runbook.md")
NAME = "acme-crm"


def typed(person: Mapping[str, str], command: str, *more: str, folder: Path) -> Any:
    """The answer of a command to a program, where nobody is asked."""
    # Away from the project's folder, where somebody's `make run` may be up.
    return json.loads(
        run(
            " ".join([command.strip(), *more, "--json"]),
            {**person, "PYTHONPATH": str(ROOT)},
            folder=folder,
        )
    )


def test_a_publisher_is_registered_stopped_slowed_down_and_revoked(
    deployment: Deployment, subscriber: Subscriber, tmp_path: Path
) -> None:
    operator = environment_of(deployment, "paula", "OperatorPolicyArn")
    key_holder = environment_of(deployment, "kay", "KeyHolderPolicyArn")

    def shown(name: str, *more: str) -> Any:
        return typed(operator, filled_in(COMMANDS[name]), *more, folder=tmp_path)

    def asked(words: str, *more: str) -> Any:
        return typed(operator, f"eventing publishers {words}", *more, folder=tmp_path)

    def key_of_it() -> str:
        found = typed(key_holder, f"eventing publishers key {NAME}", folder=tmp_path)
        return str(found["value"])

    def post(value: str) -> int:
        # Let in, it is refused for what it is: nothing stays on its way when the next test begins.
        return deployment.post("{}", key=value).status

    assert shown("register")["outcome"] == "done"
    value = key_of_it()
    assert publisher_of(value) == NAME
    event = new_event()
    eventually(lambda: post(value), lambda status: status == 400)
    assert deployment.post(json.dumps(event), key=value).status == 202
    (delivery,) = subscriber.wait_for(event["id"])
    assert delivery.attributes["publisher"] == NAME
    assert shown("show_publisher")["differences"] == []

    assert shown("suspend", "--yes")["publisher"]["status"] == "suspended"
    eventually(lambda: post(value), lambda status: status == 403)
    assert shown("resume_publisher")["publisher"]["status"] == "active"
    eventually(lambda: post(value), lambda status: status == 400)

    shown("throttle", "--yes")
    eventually(lambda: post(value), lambda status: status == 429)
    shown("restore")
    assert shown("show_publisher")["differences"] == []
    eventually(lambda: post(value), lambda status: status == 400)

    asked(f"rotate {NAME}")
    second = key_of_it()
    assert second != value
    eventually(lambda: (post(value), post(second)), lambda found: found == (400, 400))
    asked(f"retire-key {NAME}", "--yes")
    eventually(lambda: (post(value), post(second)), lambda found: found == (403, 400))

    asked(f"revoke {NAME}", "--yes", "--reason", "'the end of its contract'")
    eventually(lambda: post(second), lambda status: status == 403)
    (tombstone,) = (p for p in asked("list")["publishers"] if p["name"] == NAME)
    assert tombstone["status"] == "revoked"
    see_nowhere(deployment, value, second)


def see_nowhere(deployment: Deployment, *values: str) -> None:
    """See that no value is in the registry, in a history of an execution or in the function's log."""
    states, machine = (
        deployment.client("stepfunctions"),
        deployment.outputs["PublishersStateMachineArn"],
    )
    histories = [
        states.get_execution_history(executionArn=execution["executionArn"], maxResults=1000)
        for execution in states.list_executions(stateMachineArn=machine)["executions"]
    ]
    table = deployment.client("dynamodb").scan(TableName=deployment.outputs["RegistryTable"])
    logs = deployment.client("logs").filter_log_events(
        logGroupName=f"/aws/lambda/{deployment.name}-publishers"
    )
    everything = json.dumps([histories, table, logs], default=str)
    assert NAME in everything
    assert not [value for value in values if value in everything]
