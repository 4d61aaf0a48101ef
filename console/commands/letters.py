"""Commands that look at dead letters: groups of them, one, and what is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.commands.command import command
from console.shell.failure import ExitCode, Misuse
from console.shell.options import checked, filter_options, request_of
from eventing.foreign_text import plain
from eventing.words import counted, duration

if TYPE_CHECKING:
    from console.deployed.deployment import Deployment
    from console.deployed.groups import Group
    from console.deployed.ledger import Letter
    from console.shell.screen import Screen
    from console.shell.surroundings import Surroundings
    from eventing.redrive.ledger import State

PANEL = "Dead letters"
_GROUPS = 20


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    options = filter_options("stage", "cause", "publisher", "topic", "type", "fingerprint")
    command(app, "letters", panel=PANEL, options=options)(letters)
    # One id in 64 does.
    command(app, "letter", panel=PANEL, dashes=True)(letter)
    command(app, "junk", panel=PANEL)(junk)


def letters(
    screen: Screen,
    deployment: Deployment,
    surroundings: Surroundings,
    given: Mapping[str, Any],
    parked: Annotated[
        bool, typer.Option("--parked", help="Parked letters instead of open ones.")
    ] = False,
    ids: Annotated[
        bool, typer.Option("--ids", help="Each letter with its id, not groups.")
    ] = False,
) -> ExitCode:
    """List groups of open letters with the same root cause, largest first."""
    from console.deployed.groups import grouped

    request = checked(request_of(given))
    states: Sequence[State] = ("parked",) if parked else ("open", "redriving")
    found = deployment.ledger.letters(request.stages, states, request.filter)
    groups = grouped(found)
    following = _next(deployment, groups, parked=parked)
    screen.document(
        {
            "letters": len(found),
            "groups": [{**asdict(group), "remedy": group.remedy} for group in groups],
            **({"ids": [letter.key for letter in found]} if ids else {}),
            "next": following,
        }
    )
    kind = "parked letter" if parked else "open letter"
    screen.say(f"{counted(len(found), kind)} in {counted(len(groups), 'group')}", style="bold")
    if ids:
        _show_letters(screen, found)
    elif groups:
        _show_groups(screen, groups, surroundings.now())
    screen.next(following)
    return ExitCode.DONE


def _show_groups(screen: Screen, groups: Sequence[Group], now: datetime) -> None:
    screen.table(
        (
            "letters",
            "cause",
            "stage",
            "step",
            "topics",
            "publishers",
            "failed first",
            "fingerprint",
        ),
        [
            (
                group.letters,
                group.cause,
                group.stage,
                group.step,
                ", ".join(group.topics),
                ", ".join(group.publishers),
                f"{duration(now - datetime.fromisoformat(group.failed_first))} ago",
                group.fingerprint,
            )
            for group in groups[:_GROUPS]
        ],
    )
    if len(groups) > _GROUPS:
        screen.say(f"and {len(groups) - _GROUPS:,} more groups: --json lists them")
    screen.say()
    for cause, remedy in {group.cause: group.remedy for group in groups}.items():
        screen.say(f"{plain(cause)}: {remedy}")


def _show_letters(screen: Screen, found: Sequence[Letter]) -> None:
    screen.table(
        ("letter", "cause", "stage", "publisher", "type", "topic", "failed", "episode"),
        [
            (
                letter.key,
                letter.code,
                letter.stage,
                letter.publisher,
                letter.type,
                letter.topic or "",
                letter.failed_at,
                letter.episode,
            )
            for letter in found
        ],
    )


def _next(deployment: Deployment, groups: Sequence[Group], *, parked: bool) -> list[str]:
    if not groups:
        return [deployment.command("status")]
    largest = groups[0]
    look = deployment.command("letter", largest.example)
    if not parked:
        chosen = ("--stage", largest.stage, "--fingerprint", largest.fingerprint)
        return [deployment.command("plan", *chosen), look]
    # By their ids only, and with more episodes than they have had, or they would be parked again.
    one = ("--stage", largest.stage, "--letter-id", largest.example)
    more = ("--max-episodes", str(largest.episode + 3))
    return [
        look,
        deployment.command("letters", "--parked", "--ids", "--fingerprint", largest.fingerprint),
        deployment.command("redrive", *one, *more),
    ]


def letter(
    screen: Screen,
    deployment: Deployment,
    id: Annotated[str, typer.Argument(metavar="ID", help="The letter's id, of 43 characters.")],
) -> ExitCode:
    """Show what is on record of one letter: everything but its event."""
    from console.deployed.groups import moment
    from eventing.redrive.remedies import remedy_of

    found = deployment.ledger.letter(id)
    if found is None:
        raise Misuse(f"There is no letter {plain(id)}: `eventing letters --ids` lists them.")
    told: dict[str, Any] = dict(found)
    told["expires_at"] = moment(int(found["expires_at"]))
    remedy = remedy_of(str(found["code"]))
    chosen = ("--stage", str(found["stage"]))
    following = (
        [deployment.command("plan", *chosen, "--fingerprint", str(found["fingerprint"]))]
        if found["state"] == "open"
        else [deployment.command("plan", *chosen, "--letter-id", id)]
        if found["state"] == "parked"
        else []
    )
    screen.facts({"letter": id, **{k.replace("_", " "): v for k, v in told.items()}, "fix": remedy})
    screen.document({"letter": id, **told, "remedy": remedy, "next": following})
    screen.next(following)
    return ExitCode.DONE


def junk(
    screen: Screen,
    deployment: Deployment,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="So many, the latest first.")] = 20,
) -> ExitCode:
    """List messages of the dead-letter queues that are no dead letters, with the reasons."""
    found, total = deployment.objects.junk(limit)
    screen.document({"junk": [asdict(one) for one in found], "total": total, "next": []})
    screen.say(f"{counted(total, 'message')} that {'is' if total == 1 else 'are'} no dead letters")
    if found:
        screen.table(
            ("stage", "kept at", "reason", "object"),
            [(one.stage, f"{one.kept_at:%Y-%m-%d %H:%M:%S}", one.reason, one.key) for one in found],
        )
    return ExitCode.DONE
