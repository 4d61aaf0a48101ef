"""The command that tells what became of one event: the event store, the receipts, the ledger."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.commands.command import command
from console.commands.events import PANEL
from console.shell.failure import ExitCode, Misuse

if TYPE_CHECKING:
    from console.deployed.deployment import Deployment
    from console.shell.screen import Screen

_SOURCE = typer.Argument(metavar="SOURCE", help="The event's source, as its publisher sent it.")
_ID = typer.Argument(metavar="ID", help="The event's id.")
_PUBLISHER = typer.Option(help="The name of the publisher that sent it.")


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    # An id is any text.
    command(app, "event", panel=PANEL, dashes=True)(event)


def event(
    screen: Screen,
    deployment: Deployment,
    source: Annotated[str, _SOURCE],
    id: Annotated[str, _ID],
    publisher: Annotated[str, _PUBLISHER],
) -> ExitCode:
    """Tell what became of an event: what its publisher is told, its receipts and its dead letters."""
    from console.deployed.groups import moment
    from eventing.event import event_key
    from eventing.publishers.inquiry import Asked, told

    key, records = event_key(publisher, source, id), deployment.event_records
    item, letters = records.item(key), records.letters(key)
    stored = item.stored if item else None
    proofs = records.proofs(key, stored) if stored else []
    answer = told(
        Asked(source, id),
        here=deployment.region,
        stored=stored,
        letters=list(letters.values()),
        proof=proofs[0] if proofs else None,
    )
    if answer is None and not letters:
        raise Misuse(
            "There is no such event here: it was not sent by this publisher, is not stored and recorded as "
            "a dead letter yet, or has expired."
        )
    runs = {id: found.get("run") for id in letters if (found := deployment.ledger.letter(id))}
    following = [
        *(deployment.command("letter", letter) for letter in letters),
        *(deployment.command("report", str(run)) for run in dict.fromkeys(runs.values()) if run),
    ]
    facts: dict[str, Any] = {
        "publisher": publisher,
        **(answer or {}),
        **({"type": item.type, "expires_at": moment(item.expires_at)} if item else {}),
    }
    screen.document(
        {
            **facts,
            "receipts": [asdict(proof) for proof in proofs],
            "letters": [
                {"letter": id, **asdict(letter), "run": runs.get(id)}
                for id, letter in letters.items()
            ],
            "next": following,
        }
    )
    screen.facts({name.replace("_", " "): value for name, value in facts.items() if value})
    if proofs:
        screen.table(
            ("published to", "at"), [(proof.topic, proof.published_at) for proof in proofs]
        )
    if letters:
        screen.table(
            ("letter", "stage", "step", "state", "cause", "failed", "run"),
            [
                (id, one.stage, one.step, one.state, one.code, one.failed_at, runs.get(id) or "")
                for id, one in letters.items()
            ],
        )
    screen.next(following)
    return ExitCode.DONE
