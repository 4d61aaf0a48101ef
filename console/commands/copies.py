"""`eventing copies`: copies of events that did not get into the archive are written there again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from console.commands.command import command
from console.shell.failure import ExitCode, Misuse
from eventing.foreign_text import plain
from eventing.timestamps import read_timestamp
from eventing.words import counted

if TYPE_CHECKING:
    from console.deployed.deployment import Deployment
    from console.shell.screen import Screen


def add_to(app: typer.Typer) -> None:
    """Add these commands, as a group of their own."""
    group = typer.Typer(
        no_args_is_help=True, help="Write copies of events into the archive again (administrators)."
    )
    command(group, "recover")(recover)
    command(group, "rewrite")(rewrite)
    app.add_typer(group, name="copies", rich_help_panel="Sensitive data")


def recover(screen: Screen, deployment: Deployment) -> ExitCode:
    """Put copies that Firehose could not deliver where they belong, and remove what held them.

    An object with anything else in it stays as it is.
    """
    from console.deployed.copies import Copies
    from eventing.archive_line import InvalidLine

    copies = Copies(deployment.aws, bucket=deployment.output("ArchiveBucket"))
    events = 0
    left: list[str] = []
    for key in copies.undelivered():
        try:
            # All of an object is read before any of it is written.
            written, _ = copies.write([*copies.lines(key)])
        except InvalidLine:
            left.append(key)
            continue
        copies.remove(key)
        events += written
    screen.document({"events": events, "left": left, "next": []})
    screen.say(f"{counted(events, 'copy', 'copies')} put where they belong.")
    for key in left:
        screen.say(f"Left as it is, since not all of it is events: {plain(key)}")
    return ExitCode.PARTIAL if left else ExitCode.DONE


def rewrite(
    screen: Screen,
    deployment: Deployment,
    since: Annotated[str, typer.Option(help="From when on, such as 2026-11-24T09:30:00Z.")],
    until: Annotated[str, typer.Option(help="Until when; this moment is left out.")],
) -> ExitCode:
    """Write copies of all events that this region accepted in a time, from the Events table.

    It reads the whole table. Copies that are there already stay, so that these are there twice.
    """
    from console.deployed.copies import Copies

    copies = Copies(deployment.aws, bucket=deployment.output("ArchiveBucket"))
    times = _moment("since", since), _moment("until", until)
    lines = copies.accepted(deployment.output("EventsTable"), *times)
    events, objects = copies.write(lines)
    screen.document({"events": events, "objects": objects, "next": []})
    screen.say(
        f"{counted(events, 'copy', 'copies')} written, in {counted(objects, 'object', 'objects')}."
    )
    return ExitCode.DONE


def _moment(option: str, given: str) -> str:
    try:
        return read_timestamp(given)
    except ValueError:
        raise Misuse(f"--{option} {plain(given)}: must be like 2026-11-24T09:30:00Z.") from None
