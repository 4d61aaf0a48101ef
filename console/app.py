"""`eventing`: its commands, and how each of them ends."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import typer
from typer.main import get_command

from console.commands import (
    approvals,
    audit,
    catalogue,
    copies,
    deploy,
    erase,
    event,
    events,
    findings,
    letters,
    proofs,
    publishers,
    regions,
    runs,
    status,
    verify,
)
from console.shell.failure import ExitCode, Failure
from console.shell.surroundings import Surroundings

app = typer.Typer(
    name="eventing",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Operate a deployment of the eventing system, and work on its catalogue. "
    "Exit codes: 0 done, 1 failed, 2 usage, 3 partial or aborted.",
)
for module in (
    *(status, letters, runs, approvals, audit, findings, publishers, copies),
    *(regions, proofs, deploy, verify, event, events, erase, catalogue),
):
    module.add_to(app)


@cache
def _command() -> Callable[..., Any]:
    """All commands as the parser has them, which takes longer to build than most commands take to run."""
    return get_command(app)


def main(arguments: Sequence[str] | None = None, surroundings: Surroundings | None = None) -> int:
    """Run one command; its exit code."""
    try:
        _command()(
            list(sys.argv[1:] if arguments is None else arguments),
            prog_name="eventing",
            obj=surroundings,
        )
    except Failure as failure:
        print(f"eventing: {failure}", file=sys.stderr)
        return failure.code
    except SystemExit as ended:
        return int(ended.code or 0)
    return ExitCode.DONE
