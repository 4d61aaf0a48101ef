"""`eventing audit`: who redrove and discarded what, why, and how it ended."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.commands.command import command
from console.shell.failure import ExitCode, Misuse
from eventing.erasure.action import ACTION
from eventing.foreign_text import plain
from eventing.redrive.actions import ACTIONS
from eventing.timestamps import read_moment

if TYPE_CHECKING:
    from console.deployed.deployment import Deployment
    from console.shell.screen import Screen
    from console.shell.surroundings import Surroundings

_LENGTH = re.compile(r"(\d{1,4})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
# Reports are kept for 200 days.
_MOST = timedelta(days=200)
_CHANGING = (*(action for action, rules in ACTIONS.items() if rules.decides), ACTION)


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    command(app, "audit", panel="Executions")(audit)


def audit(
    screen: Screen,
    deployment: Deployment,
    surroundings: Surroundings,
    since: Annotated[
        str, typer.Option(help="Such as 12h, 30d or 2026-11-24T09:30:00Z; at most 200 days.")
    ] = "7d",
    everything: Annotated[bool, typer.Option("--all", help="Triages and plans as well.")] = False,
) -> ExitCode:
    """List what was redriven, discarded, resubmitted and erased: when, by whom, why, and how it ended.

    Who asked and who approved is what they claimed; AWS CloudTrail has the proof.
    """
    from console.deployed.groups import summed

    now = surroundings.now()
    found = [
        report
        for report in deployment.objects.reports(_moment(since, now), now)
        if everything or report["request"]["action"] in _CHANGING
    ]
    entries = [_entry(report) for report in found]
    screen.document({"audit": entries, "next": []})
    if not entries:
        screen.say(f"Nothing was redriven, discarded or erased since {plain(since)}.")
        return ExitCode.DONE
    screen.table(
        (
            *("ended", "action", "stage", "outcome", "letters"),
            *("asked by", "approved by", "reason", "execution"),
        ),
        [
            (
                entry["finished_at"],
                entry["action"],
                entry["stage"],
                entry["outcome"],
                summed({k: v for k, v in entry["counts"].items() if isinstance(v, int)}),
                entry["started_by"],
                entry["approver"] or "",
                entry["reason"],
                entry["execution"],
            )
            for entry in entries
        ],
    )
    screen.say("Who asked and who approved is what they claimed: AWS CloudTrail has the proof.")
    return ExitCode.DONE


def _entry(report: Mapping[str, Any]) -> dict[str, Any]:
    request: Mapping[str, Any] = report["request"]
    return {
        "execution": str(report["execution"]).rpartition(":")[2],
        "finished_at": report["finished_at"],
        "outcome": report["outcome"],
        "counts": report.get("counts", {}),
        "approver": report.get("approver"),
        "approval_reason": report.get("approval_reason"),
        "claimed": report.get("claimed", []),
        "cause": report.get("cause"),
        **{
            name: request.get(name)
            for name in ("action", "stage", "filter", "reason", "started_by")
        },
    }


def _moment(since: str, now: datetime) -> datetime:
    if length := _LENGTH.fullmatch(since):
        moment = now - timedelta(**{_UNITS[length[2]]: int(length[1])})
    else:
        try:
            moment = read_moment(since)
        except ValueError:
            raise Misuse(
                f"--since {plain(since)}: must be like 12h, 30d or 2026-11-24T09:30:00Z."
            ) from None
    return max(moment, now - _MOST)
