"""`eventing deploy-command`: how to deploy so that a bad deployment is rolled back."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from console.commands.command import command
from console.shell.failure import ExitCode, Failure, Misuse
from eventing.rollback import MONITORED_MINUTES, MOST_MINUTES, Alarmed

if TYPE_CHECKING:
    from console.deployed.deployment import Target
    from console.shell.screen import Screen
    from console.shell.surroundings import Surroundings
    from eventing.rollback import Region

PANEL = "Deployments"
# A stack that has never been whole.
_UNFINISHED = ("CREATE_FAILED", "CREATE_IN_PROGRESS", "REVIEW_", "ROLLBACK_", "DELETE_")


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    command(app, "deploy-command", panel=PANEL)(deploy_command)


def deploy_command(
    screen: Screen,
    target: Target,
    surroundings: Surroundings,
    fix: Annotated[
        bool,
        typer.Option(
            "--fix", help="This deployment ends what an alarm is on for: nothing rolls it back."
        ),
    ] = False,
    minutes: Annotated[
        int,
        typer.Option(min=0, max=MOST_MINUTES, help="Watch the alarms for so long afterwards."),
    ] = MONITORED_MINUTES,
) -> ExitCode:
    """Print the command that deploys one region; the alarms it names roll the deployment back.

    Standard output has the command and nothing else: `$(eventing deploy-command)` runs it. It refuses while
    one of the alarms is on.
    """
    region = _region(target, surroundings)
    try:
        words = region.command(fix=fix, minutes=minutes)
    except Alarmed as error:
        raise Failure(
            f"Already on: {error}. A deployment would be rolled back at once. If it is the fix, give --fix; "
            "else end the incident first."
        ) from error
    if target.deployment:
        words += ["--context", f"deployment={target.deployment}"]
    if target.profile:
        words += ["--profile", target.profile]
    screen.command(shlex.join(words))
    watched = [trigger.name for trigger in region.triggers] if not fix else []
    screen.document({"command": words, "watched": watched, "first": not region.is_deployed})
    screen.note(_note(region, watched))
    return ExitCode.DONE


def _region(target: Target, surroundings: Surroundings) -> Region:
    from console.deployed.alarms import states
    from console.deployed.deployment import NAME, reach
    from console.deployed.laptop import laptop_outputs
    from console.deployed.stacks import Stacks
    from eventing.rollback import TRIGGERS, Region, Trigger

    if not target.options and laptop_outputs(surroundings.folder):
        raise Misuse("`make run` deploys on this machine: give --region for an account of AWS.")
    aws, name = reach(target, surroundings), target.deployment or NAME
    stacks = Stacks(aws.client("cloudformation"), deployment=name, region=aws.region)
    status = stacks.status(stacks.regional)
    if status is None or status.startswith(_UNFINISHED):
        return Region(deployment=name, name=aws.region, is_deployed=False, has_data=False)
    found = states(aws.client("cloudwatch"), [f"{name}-{one}" for one in TRIGGERS])
    there = [(one, found[f"{name}-{one}"]) for one in TRIGGERS if f"{name}-{one}" in found]
    return Region(
        deployment=name,
        name=aws.region,
        is_deployed=True,
        has_data=stacks.status(stacks.data) is not None,
        triggers=[Trigger(name=one, arn=state.arn, is_on=state.is_on) for one, state in there],
    )


def _note(region: Region, watched: Sequence[str]) -> str:
    if not region.is_deployed:
        return "The first deployment of this region: nothing rolls it back."
    if not watched:
        return "No alarm is watched: nothing but a failure of CloudFormation rolls it back."
    return f"Rolled back when one of these goes off: {', '.join(watched)}"
