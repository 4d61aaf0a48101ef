"""Commands about regions: adopt what a lost one has taken and not published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.commands.command import command
from console.commands.executed import executed
from console.shell.failure import ExitCode, Failure, Misuse
from eventing.cause import Code
from eventing.foreign_text import plain
from eventing.words import counted

if TYPE_CHECKING:
    from console.deployed.deployment import Deployment
    from console.deployed.executions import Execution
    from console.shell.screen import Screen
    from console.shell.surroundings import Surroundings

_PANEL = "Regions"
_CALLED_OFF = "Called off; nothing was adopted."
_REDRIVE = ("redrive", "--stage", "publish", "--cause", Code.REGION_LOST)
_EXPORT = "The table is large: docs/regions.md shows how to export it to S3 and search it there."

Lost = Annotated[str, typer.Argument(metavar="LOST", help="The region that is lost.")]
From = Annotated[str, typer.Option("--from", help="Accepted then or later, 2026-11-24T09:30:00Z.")]
To = Annotated[str, typer.Option("--to", help="Accepted before that.")]
Now = Annotated[
    bool,
    typer.Option(
        "--now", help="Don't wait until a quarter of an hour after the region's last sign."
    ),
]
Reason = Annotated[str | None, typer.Option(help="Why; for the mail and the audit.")]
StartedBy = Annotated[
    str | None, typer.Option(help="Who asks; the ARN of your credentials if left out.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Don't ask, begin.")]
ShowAws = Annotated[
    bool,
    typer.Option(
        "--show-aws", help="Print the command of the AWS CLI that does the same, and do nothing."
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(no_args_is_help=True, help="Do something about a region that is lost.")
    app.add_typer(group, name="regions", rich_help_panel=_PANEL)
    command(group, "adopt")(adopt)


def adopt(
    screen: Screen,
    deployment: Deployment,
    surroundings: Surroundings,
    lost: Lost,
    start: From,
    end: To,
    now: Now = False,
    reason: Reason = None,
    started_by: StartedBy = None,
    yes: Yes = False,
    show_aws: ShowAws = False,
) -> ExitCode:
    """Find what a lost region took and did not publish, as dead letters here: tells its price, asks, finds.

    Nothing is published before these letters are redriven. Done again, it finds nothing more.
    """
    request: dict[str, Any] = {"action": "adopt", "region": lost, "from": start, "to": end}
    request |= {"now": True} if now else {}
    request["started_by"] = started_by or deployment.aws.asker()
    request |= {"reason": reason} if reason else {}
    if show_aws:
        shown = deployment.start_command(deployment.adoptions, request)
        screen.command(shown)
        screen.document({"aws": shown})
        return ExitCode.DONE
    if not yes:
        if screen.as_json or not surroundings.at_terminal():
            raise Misuse("adopt asks before it begins, and nobody is there: give --yes.")
        planned = _adoption(screen, deployment, surroundings, {**request, "action": "plan"})
        _show_plan(screen, lost, planned.output["plan"], now=now)
        request |= _agreed(deployment, surroundings, lost, asks_why=reason is None)
    output = _adoption(screen, deployment, surroundings, request).output
    counts: Mapping[str, int] = output["counts"]
    found = counts.get("adopted", 0) + counts.get("on_record", 0)
    following = [deployment.command(*(_REDRIVE if found else ("status",)))]
    screen.document({**output, "next": following})
    screen.say(f"{counted(counts.get('adopted', 0), 'event')} of {plain(lost)} adopted.")
    screen.facts(
        {
            **{name.replace("_", " "): count for name, count in counts.items()},
            "price of reading": f"${output['read']['dollars']:.4f}",
            "seconds": output["seconds"],
        }
    )
    screen.next(following)
    return ExitCode.PARTIAL if counts.get("unreadable") else ExitCode.DONE


def _show_plan(screen: Screen, lost: str, plan: Mapping[str, Any], *, now: bool) -> None:
    screen.facts(
        {
            "table": f"{plan['gigabytes']:,} GiB, {counted(plan['events'], 'event')}, some hours ago",
            "price": f"${plan['dollars']:,.4f} to read all of it, and the letters of what is found",
            "time": f"{plan['minutes']:,} minutes at most",
            f"last published by {plain(lost)}": plan["last_published_at"] or "unknown",
            "begins": "at once: what the region did later may come twice"
            if now
            else f"at {plan['quiet_at']}, or when the region has been quiet for a quarter of an hour",
        }
    )
    screen.say(
        f"What {plain(lost)} accepted and did not replicate is not known here, nor are the letters in its "
        "queues and its ledger: they are there when it is back."
    )
    if plan["better_exported"]:
        screen.say(_EXPORT, style="yellow")


def _agreed(
    deployment: Deployment, surroundings: Surroundings, lost: str, *, asks_why: bool
) -> dict[str, str]:
    """The members that were asked for; raises `Failure` where nobody says yes."""
    try:
        if not surroundings.agrees(f"Adopt what {plain(lost)} took, on {deployment}?"):
            raise Failure(_CALLED_OFF, ExitCode.PARTIAL)
        asked = surroundings.answer("Why? For the mail and the audit:") if asks_why else None
    except KeyboardInterrupt:
        raise Failure(_CALLED_OFF, ExitCode.PARTIAL) from None
    return {"reason": asked} if asked else {}


def _adoption(
    screen: Screen, deployment: Deployment, surroundings: Surroundings, request: Mapping[str, Any]
) -> Execution:
    then, runs = ", and sends a mail when it has ended", deployment.adoptions
    return executed(screen, deployment, surroundings, runs, request, afterwards=then)
