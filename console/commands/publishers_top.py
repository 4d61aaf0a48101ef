"""`eventing publishers top`: who sends how much, what is refused, and what it costs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.commands.command import command
from console.shell.failure import ExitCode, Misuse
from eventing.words import counted

if TYPE_CHECKING:
    from console.deployed.deployment import Deployment
    from console.shell.screen import Screen
    from console.shell.surroundings import Surroundings
    from eventing.publishers.log_queries import Sent

# A month; queries are charged for what they read.
_MOST_HOURS = 31 * 24


def add_to(group: typer.Typer) -> None:
    """Add this command to those about publishers."""
    command(group, "top")(top)


def top(
    screen: Screen,
    deployment: Deployment,
    surroundings: Surroundings,
    hours: Annotated[int, typer.Option(min=1, max=_MOST_HOURS, help="So many, until now.")] = 24,
) -> ExitCode:
    """Show who sent how much in the last hours, what was refused and why, and what it cost.

    By the log of the ingest function in this region, with list prices; what the gateway refused is not in it.
    """
    from eventing.publishers.log_queries import BY_PUBLISHER, REFUSALS, sent_in

    if deployment.laptop:
        raise Misuse("The emulator has no Logs Insights, which this asks: see the log of ingest.")
    until = surroundings.now()
    since = until - timedelta(hours=hours)
    insights, regions = deployment.insights(surroundings.sleep), deployment.regions
    sent = [sent_in(row) for row in insights.rows(BY_PUBLISHER, since=since, until=until)]
    refusals: dict[str, dict[str, int]] = defaultdict(dict)
    for row in insights.rows(REFUSALS, since=since, until=until):
        kind = row.get("problem", "unknown")
        refusals[row.get("publisher", "")][kind] = int(float(row["refused"]))
    sent.sort(key=lambda one: (-one.dollars(regions=regions), one.publisher))
    found = [_entry(one, refusals[one.publisher], regions) for one in sent]
    whole = sum(entry["dollars"] for entry in found)
    screen.document({"hours": hours, "publishers": found, "dollars": whole, "next": []})
    if not found:
        screen.say(f"Nobody sent anything in the last {counted(hours, 'hour')}.")
        return ExitCode.DONE
    screen.table(
        (
            *("publisher", "requests", "accepted", "accepted before", "refused", "dead letters"),
            *("MB", "dollars", "share"),
        ),
        [
            (
                entry["publisher"],
                entry["requests"],
                entry["accepted"],
                entry["accepted_before"],
                ", ".join(f"{kind} {number}" for kind, number in entry["refused"].items()),
                entry["dead_letters"],
                f"{entry['bytes'] / 1e6:.1f}",
                f"{entry['dollars']:.4f}",
                f"{entry['dollars'] / whole:.0%}" if whole else "",
            )
            for entry in found
        ],
    )
    screen.say(
        f"${whole:.4f} in {counted(hours, 'hour')}, by list prices, without subscribers, storage and Macie."
    )
    return ExitCode.DONE


def _entry(sent: Sent, refused: Mapping[str, int], regions: int) -> dict[str, Any]:
    return {
        "publisher": sent.publisher,
        "requests": int(sent.usage.requests),
        "accepted": sent.accepted,
        "accepted_before": sent.accepted_before,
        "refused": dict(refused),
        "dead_letters": sent.dead_letters,
        "bytes": sent.bytes,
        "dollars": sent.dollars(regions=regions),
    }
