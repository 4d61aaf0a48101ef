"""`eventing catalogue`: a catalogue in words, checked, documented."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.commands.command import command
from console.shell.failure import ExitCode, Failure, Misuse
from eventing.foreign_text import plain
from eventing.words import counted

if TYPE_CHECKING:
    from console.shell.screen import Screen
    from eventing.catalogue import Catalogue, UsagePlan

Folder = Annotated[Path, typer.Option("--catalogue", help="The catalogue's folder.")]
CATALOGUE = Path("catalogue")
DOCS = Path("docs") / "generated"


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    made = typer.Typer(no_args_is_help=True, help="List, check and document a catalogue.")
    command(made, "list")(listed)
    command(made, "check")(check)
    command(made, "docs")(docs)
    app.add_typer(made, name="catalogue", rich_help_panel="Events and catalogue")


def loaded(folder: Path) -> Catalogue:
    """The catalogue in a folder; raises `Failure` with the file, entry and reason when it is faulty."""
    from eventing.catalogue import CatalogueError
    from eventing.catalogue_check import load_catalogue

    if not folder.is_dir():
        raise Misuse(f"There is no folder {plain(folder)}: see --catalogue.")
    try:
        return load_catalogue(folder)
    except CatalogueError as error:
        raise Failure(f"faulty catalogue: {plain(error, most=2000)}") from error


def listed(screen: Screen, catalogue: Folder = CATALOGUE) -> ExitCode:
    """List topics, event types and usage plans."""
    found = loaded(catalogue)
    screen.document(
        {
            "topics": [
                {
                    "name": topic.name,
                    "description": topic.description,
                    "events": [{"type": rule.type, "when": rule.when} for rule in topic.rules],
                }
                for topic in found.topics
            ],
            "event_types": [
                {
                    "type": entry.type,
                    "description": entry.description,
                    "schema": entry.schema_file,
                    "mode": entry.mode,
                }
                for entry in found.event_types
            ],
            "usage_plans": {name: _limits(plan) for name, plan in found.usage_plans.items()},
            "next": [],
        }
    )
    screen.say("topics, in the order in which they are asked:")
    for topic in found.topics:
        screen.say(f"  {topic.name}: {topic.description}")
        for rule in topic.rules:
            screen.say(f"    {rule.type}" + (f"  when {rule.when}" if rule.when else ""))
    screen.say("event types:")
    for entry in found.event_types:
        schema = f"{entry.schema_file} ({entry.mode})" if entry.schema_file else "no schema"
        screen.say(f"  {entry.type}: {entry.description}; {schema}")
    screen.say("usage plans:")
    for name, plan in found.usage_plans.items():
        screen.say(f"  {name}: {_limits(plan)}")
    return ExitCode.DONE


def check(screen: Screen, catalogue: Folder = CATALOGUE) -> ExitCode:
    """Check a catalogue: fails with the file, the entry and the reason."""
    from eventing.catalogue_check import warnings

    found = loaded(catalogue)
    minded = list(warnings(found))
    screen.document(
        {"topics": len(found.topics), "digest": found.digest, "warnings": minded, "next": []}
    )
    screen.say(
        f"the catalogue is sound: {counted(len(found.topics), 'topic')}, digest {found.digest}"
    )
    for warning in minded:
        screen.say(f"  mind: {warning}")
    return ExitCode.DONE


def docs(
    screen: Screen,
    catalogue: Folder = CATALOGUE,
    into: Annotated[
        Path, typer.Option(help="The folder to write; what else is in it goes.")
    ] = DOCS,
) -> ExitCode:
    """Write the pages of event types and the OpenAPI description, in a clone of the project."""
    try:
        from console.documents.pages import write
    except ModuleNotFoundError as error:
        # Some are made of what is deployed, which is not installed with this command.
        raise Misuse("The documents are made in a clone of the project, by `make docs`.") from error

    count = write(loaded(catalogue), into)
    screen.document({"documents": count, "folder": str(into), "next": []})
    screen.say(f"{counted(count, 'document')} in {into}")
    return ExitCode.DONE


def _limits(plan: UsagePlan) -> str:
    quota = f", {plan.quota.limit} a {plan.quota.period.lower()}" if plan.quota else ""
    return f"{plan.rate_per_second} a second, bursts of {plan.burst}{quota}"
