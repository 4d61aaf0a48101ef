"""The command that has one event erased everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.commands.command import command
from console.commands.erasure_tables import show_plan
from console.commands.runs import ShowAws, Yes
from console.shell.failure import ExitCode, Failure, Misuse
from eventing.foreign_text import plain

if TYPE_CHECKING:
    from console.deployed.deployment import Deployment
    from console.shell.screen import Screen
    from console.shell.surroundings import Surroundings

PANEL = "Events"
Source = Annotated[
    str | None, typer.Argument(metavar="SOURCE", help="The event's source.", show_default=False)
]
Id = Annotated[str | None, typer.Argument(metavar="ID", help="The event's id.", show_default=False)]
Publisher = Annotated[str | None, typer.Option(help="Who has sent it.", show_default=False)]
Key = Annotated[
    str | None,
    typer.Option(
        help="The event's key, in place of publisher, source and id: reports and logs have it.",
        show_default=False,
    ),
]
Reason = Annotated[str, typer.Option(help="Why; for the report and the audit.", show_default=False)]
StartedBy = Annotated[
    str | None,
    typer.Option(help="Who asks; the ARN of your credentials if left out.", show_default=False),
]
# Of workflows/erasure.asl.json; where it asks is named as in redrive.asl.json.
SURVEY_STATE = "Survey"
_CALLED_OFF = "Called off; nothing is erased."
_LOOKS = 1800


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    command(app, "erase", panel=PANEL, dashes=True)(erase)


def erase(
    screen: Screen,
    deployment: Deployment,
    surroundings: Surroundings,
    source: Source = None,
    id: Id = None,
    reason: Reason = "",
    publisher: Publisher = None,
    key: Key = None,
    started_by: StartedBy = None,
    yes: Yes = False,
    show_aws: ShowAws = False,
) -> ExitCode:
    """Have one event erased everywhere in this region: looks for it, and asks for an approval.

    Neither its source nor its id leaves this machine, only a hash of them: what is kept of an erasure
    must not keep what it erases.
    """
    from eventing.erasure.request import tells

    named = _key(source, id, publisher, key)
    if source and id and tells(reason, source=source, id=id):
        raise Misuse("reason: names the event, and is kept: say why in other words.")
    if not (yes or show_aws) and (screen.as_json or not surroundings.at_terminal()):
        raise Misuse("erase asks before it begins, and nobody is there: give --yes.")
    request = {
        "key": named,
        "reason": reason,
        "started_by": started_by or deployment.aws.asker(),
    }
    _check(request)
    erasures = deployment.erasures
    if show_aws:
        shown = deployment.start_command(erasures, request)
        screen.command(shown)
        screen.document({"aws": shown})
        return ExitCode.DONE
    whose = named.partition("#")[0]
    if not yes and not surroundings.agrees(
        f"Erase an event of {whose} on {deployment}? It can't be undone."
    ):
        raise Failure(_CALLED_OFF, ExitCode.PARTIAL)
    name = erasures.new_name("erase", surroundings.now())
    erasures.start(name, request)
    screen.note(f"erase {name} on {deployment}")
    return _told(screen, deployment, surroundings, name)


def _told(
    screen: Screen, deployment: Deployment, surroundings: Surroundings, name: str
) -> ExitCode:
    """Tell of an erasure when it waits for its approval, or has ended before."""
    from console.deployed.executions import ASK_STATE

    erasures = deployment.erasures
    following = [deployment.command("approve", name), deployment.command("report", name)]
    try:
        for _ in range(_LOOKS):
            execution = erasures.describe(name)
            if execution.is_running and erasures.progress(name).state != ASK_STATE:
                surroundings.sleep(1)
                continue
            break
    except KeyboardInterrupt:
        raise Failure(
            f"Not followed any more. {name} goes on: {following[1]} tells how it ended.",
            ExitCode.PARTIAL,
        ) from None
    if not execution.is_running:
        if execution.output.get("outcome") == "refused":
            raise Misuse(plain(execution.output["cause"], most=2000))
        if execution.status != "SUCCEEDED":
            raise Failure(plain(execution.cause or execution.status, most=2000))
    summary = erasures.left(name, SURVEY_STATE).get("plan", {}).get("summary")
    if summary:
        show_plan(screen, summary)
    screen.say(f"{name} waits for the approval of somebody else, for a day.")
    screen.document({"execution": name, "plan": summary, "next": following})
    screen.next(following)
    return ExitCode.DONE


def _key(source: str | None, id: str | None, publisher: str | None, key: str | None) -> str:
    from eventing.event import event_key

    if key is not None:
        if source or id or publisher:
            raise Misuse("Give either --key, or SOURCE, ID and --publisher.")
        return key
    if not (source and id and publisher):
        raise Misuse("Give SOURCE, ID and --publisher, or --key.")
    return event_key(publisher, source, id)


def _check(request: Mapping[str, Any]) -> None:
    from eventing.erasure.request import read_request
    from eventing.input import InvalidInput

    try:
        read_request(request)
    except InvalidInput as error:
        raise Misuse(plain(str(error), most=2000)) from error
