"""`eventing publishers top`: who sends how much, what is refused, and what it costs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Set
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.commands.asked import Asked
from console.commands.command import command
from console.shell.failure import ExitCode, Misuse
from eventing.foreign_text import plain
from eventing.words import counted

if TYPE_CHECKING:
    from console.deployed.deployment import Deployment
    from console.shell.screen import Screen
    from console.shell.surroundings import Surroundings
    from eventing.publishers.log_queries import Sent

# A month; queries are charged for what they read.
_MOST_HOURS = 31 * 24
# How the access log says that a request had no key, or one that is not valid.
_NO_KEY = "-"


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

    By the logs of the ingest function and of the gateway in this region, with list prices.
    """
    from eventing.publishers.log_queries import BY_PUBLISHER, REFUSALS, nothing_sent, sent_in

    if deployment.laptop:
        raise Misuse("The emulator has no Logs Insights, which this asks: see the log of ingest.")
    until = surroundings.now()
    since = until - timedelta(hours=hours)
    insights = deployment.insights(deployment.ingest_log, surroundings.sleep)
    sent = [sent_in(row) for row in insights.rows(BY_PUBLISHER, since=since, until=until)]
    refusals: dict[str, dict[str, int]] = defaultdict(dict)
    for row in insights.rows(REFUSALS, since=since, until=until):
        kind = row.get("problem", "unknown")
        refusals[row.get("publisher", "")][kind] = int(float(row["refused"]))
    by_key = _refused_by_gateway(deployment, surroundings, since, until)
    names = _names(
        Asked(screen, deployment, surroundings), deployment.region, {*by_key} - {_NO_KEY}
    )
    by_gateway: dict[str, Counter[str]] = defaultdict(Counter)
    for key, kinds in by_key.items():
        if key in names:
            by_gateway[names[key]].update(kinds)
    sent += [nothing_sent(name) for name in by_gateway.keys() - {one.publisher for one in sent}]
    regions = deployment.regions
    sent.sort(key=lambda one: (-one.dollars(regions=regions), one.publisher))
    found = [
        _entry(one, refusals[one.publisher], by_gateway[one.publisher], regions) for one in sent
    ]
    unknown: list[dict[str, Any]] = [
        {"key_id": None if key == _NO_KEY else key, "refused_by_gateway": dict(kinds)}
        for key, kinds in by_key.items()
        if key not in names
    ]
    whole = sum(entry["dollars"] for entry in found)
    screen.document(
        {
            "hours": hours,
            "publishers": found,
            "unknown_keys": unknown,
            "dollars": whole,
            "next": [],
        }
    )
    if not found and not unknown:
        screen.say(f"Nobody sent anything in the last {counted(hours, 'hour')}.")
        return ExitCode.DONE
    screen.table(
        (
            *("publisher", "requests", "accepted", "accepted before", "refused"),
            *("refused by gateway", "dead letters", "MB", "dollars", "share"),
        ),
        [
            (
                entry["publisher"],
                entry["requests"],
                entry["accepted"],
                entry["accepted_before"],
                _counts(entry["refused"]),
                _counts(entry["refused_by_gateway"]),
                entry["dead_letters"],
                f"{entry['bytes'] / 1e6:.1f}",
                f"{entry['dollars']:.4f}",
                f"{entry['dollars'] / whole:.0%}" if whole else "",
            )
            for entry in found
        ]
        + [
            (
                f"key {plain(one['key_id'])}" if one["key_id"] else "no valid key",
                *("", "", "", "", _counts(one["refused_by_gateway"]), "", "", "", ""),
            )
            for one in unknown
        ],
    )
    screen.say(
        f"${whole:.4f} in {counted(hours, 'hour')}, by list prices, without subscribers, storage and Macie."
    )
    return ExitCode.DONE


def _refused_by_gateway(
    deployment: Deployment, surroundings: Surroundings, since: datetime, until: datetime
) -> Mapping[str, Mapping[str, int]]:
    """Requests that never got to the function: by the id of their key, by the kind of problem."""
    from eventing.gateway_answers import SLUGS
    from eventing.publishers.log_queries import BY_KEY

    insights = deployment.insights(deployment.access_log, surroundings.sleep)
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for row in insights.rows(BY_KEY, since=since, until=until):
        kind = row.get("error_type", "unknown")
        found[row.get("api_key_id", _NO_KEY)][SLUGS.get(kind, kind)] += int(float(row["refused"]))
    return found


def _names(asked: Asked, region: str, ids: Set[str]) -> Mapping[str, str]:
    """The publishers of these keys, as far as the registry has them; it is read no further than needed."""
    found: dict[str, str] = {}
    if not ids:
        return found
    for publisher in asked.everybody():
        here = {key["ids"].get(region) for key in publisher["keys"]}
        found |= dict.fromkeys(ids & here, publisher["name"])
        if len(found) == len(ids):
            break
    return found


def _counts(kinds: Mapping[str, int]) -> str:
    return ", ".join(f"{plain(kind)} {number}" for kind, number in kinds.items())


def _entry(
    sent: Sent, refused: Mapping[str, int], by_gateway: Mapping[str, int], regions: int
) -> dict[str, Any]:
    return {
        "publisher": sent.publisher,
        "requests": int(sent.usage.requests),
        "accepted": sent.accepted,
        "accepted_before": sent.accepted_before,
        "refused": dict(refused),
        "refused_by_gateway": dict(by_gateway),
        "dead_letters": sent.dead_letters,
        "bytes": sent.bytes,
        "dollars": sent.dollars(regions=regions),
    }
