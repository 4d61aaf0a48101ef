"""The command that proves that each event was published by one region."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.commands.command import command
from console.commands.executed import executed
from console.commands.regions import ShowAws, StartedBy, Yes
from console.shell.failure import ExitCode, Failure, Misuse
from eventing.foreign_text import plain
from eventing.words import counted

if TYPE_CHECKING:
    from console.deployed.deployment import Deployment, Target
    from console.shell.screen import Screen
    from console.shell.surroundings import Surroundings

_PANEL = "Regions"
_SHOWN = 20
_CALLED_OFF = "Called off; the counts are above."
_COLUMNS = (
    *("stored", "proven", "letters", "unproven", "differing_minutes", "twice", "in_two_regions"),
)

From = Annotated[
    str | None,
    typer.Option(
        "--from", help="Accepted then or later, 2026-11-24T09:30:00Z; yesterday if left out."
    ),
]
To = Annotated[str | None, typer.Option("--to", help="Accepted before that, a day later at most.")]
Now = Annotated[
    bool, typer.Option("--now", help="Also of the last quarter of an hour, on its way or not.")
]


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    command(app, "prove", panel=_PANEL)(prove)


def prove(
    screen: Screen,
    target: Target,
    surroundings: Surroundings,
    start: From = None,
    end: To = None,
    now: Now = False,
    started_by: StartedBy = None,
    yes: Yes = False,
    show_aws: ShowAws = False,
) -> ExitCode:
    """Prove that each event was published by one region, or is a dead letter; name those that were not.

    Each region counts what it took, all regions unless --region names one. Where something is missing it asks
    before it looks for the events, which reads the whole table. Nothing is changed.
    """
    from console.deployed.deployment import find

    first = find(target, surroundings)
    request: dict[str, Any] = {"action": "count"}
    request |= {name: value for name, value in (("from", start), ("to", end)) if value}
    request |= {"now": True} if now else {}
    request["started_by"] = started_by or first.aws.asker()
    if show_aws:
        shown = first.start_command(first.proofs, request)
        screen.command(shown)
        screen.document({"aws": shown})
        return ExitCode.DONE
    proofs = dict(_counted(screen, first, surroundings, request, alone=bool(target.region)))
    _show_counts(screen, proofs)
    if _looks(screen, first, surroundings, proofs, yes=yes):
        for region, proof in proofs.items():
            if proof["outcome"] == "differs":
                there = first if region == first.region else _in(first, region, surroundings)
                # The same window, also past midnight.
                window = {name: proof["request"][name] for name in ("from", "to")}
                asked = {**request, **window, "action": "find"}
                proofs[region] = _proof(screen, there, surroundings, asked)
                _show_found(screen, proofs[region])
    following = list(_next(first, proofs))
    outcome = _outcome(proofs)
    screen.document({"outcome": outcome, "regions": list(proofs.values()), "next": following})
    screen.say(_SAID[outcome], style="green" if outcome == "proven" else "red")
    screen.next(following)
    return ExitCode.DONE if outcome == "proven" else ExitCode.PARTIAL


_SAID: Mapping[str, str] = {
    "proven": "Proven: each event was published by one region, or is a dead letter.",
    "differs": "Not all is proven.",
    "unknown": "Not all is known: a region could not be asked.",
}


def _outcome(proofs: Mapping[str, Mapping[str, Any]]) -> str:
    outcomes = {proof["outcome"] for proof in proofs.values()}
    return next((one for one in ("differs", "unknown") if one in outcomes), "proven")


def _counted(
    screen: Screen,
    first: Deployment,
    surroundings: Surroundings,
    request: Mapping[str, Any],
    *,
    alone: bool,
) -> Iterator[tuple[str, dict[str, Any]]]:
    """By region, its proof by counts; of one that can't be asked, why."""
    from console.deployed.aws import explained

    proof = _proof(screen, first, surroundings, request)
    yield first.region, proof
    # All of the same window, also past midnight.
    same = {**request, **{name: proof["request"][name] for name in ("from", "to")}}
    for region in proof["regions"]:
        if alone or region == first.region:
            continue
        try:
            with explained():
                there = _in(first, region, surroundings)
                yield region, _proof(screen, there, surroundings, same)
        except Failure as failure:
            screen.note(f"{region}: {failure}")
            yield region, {"outcome": "unknown", "region": region, "why": str(failure)}


def _in(first: Deployment, region: str, surroundings: Surroundings) -> Deployment:
    from console.deployed.deployment import elsewhere

    return elsewhere(first, region, surroundings)


def _proof(
    screen: Screen, deployment: Deployment, surroundings: Surroundings, request: Mapping[str, Any]
) -> dict[str, Any]:
    output = dict(executed(screen, deployment, surroundings, deployment.proofs, request).output)
    if output["outcome"] == "refused":
        raise Misuse(plain(output["cause"], most=2000))
    return output


def _looks(
    screen: Screen,
    first: Deployment,
    surroundings: Surroundings,
    proofs: Mapping[str, Mapping[str, Any]],
    *,
    yes: bool,
) -> bool:
    """True when events are to be looked for: something differs, and whoever asks wants to pay for it."""
    differing = [proof for proof in proofs.values() if proof["outcome"] == "differs"]
    if not differing or yes:
        return bool(differing)
    plans = [proof["plan"] for proof in differing]
    screen.say()
    screen.say("To find the events, the whole table is read in each region that differs.")
    screen.facts(
        {
            "size": f"{sum(plan['gigabytes'] for plan in plans):,} GiB",
            "price": f"${sum(plan['dollars'] for plan in plans):,.4f}",
            "time": f"{sum(plan['minutes'] for plan in plans):,} minutes at most",
        }
    )
    if screen.as_json or not surroundings.at_terminal():
        return False
    try:
        return surroundings.agrees(f"Look for the events, on {first}?")
    except KeyboardInterrupt:
        raise Failure(_CALLED_OFF, ExitCode.PARTIAL) from None


def _show_counts(screen: Screen, proofs: Mapping[str, Mapping[str, Any]]) -> None:
    known = [proof for proof in proofs.values() if "totals" in proof]
    screen.table(
        ["region", *(name.replace("_", " ") for name in _COLUMNS), "outcome"],
        [
            [proof["region"], *(proof["totals"][name] for name in _COLUMNS), proof["outcome"]]
            for proof in known
        ],
    )
    minutes = [(proof["region"], minute) for proof in known for minute in proof["minutes"]]
    if minutes:
        screen.say()
        screen.table(
            ["region", "minute", "stored", "published", "letters", "unproven", "twice"],
            [
                [
                    region,
                    minute["at"][:16] + "Z",
                    *(minute[name] for name in ("stored", "published", "letters")),
                    *(minute[name] for name in ("unproven", "twice")),
                ]
                for region, minute in minutes[:_SHOWN]
            ],
        )
        all_minutes = sum(proof["totals"]["differing_minutes"] for proof in known)
        if all_minutes > _SHOWN:
            screen.say(f"and {counted(all_minutes - _SHOWN, 'minute')} more: --json has a hundred.")


def _show_found(screen: Screen, proof: Mapping[str, Any]) -> None:
    found = proof["found"]
    screen.facts(
        {
            "region": proof["region"],
            **{
                name.replace("_", " "): found[name]
                for name in ("unproven", "twice", "erased", "not_there")
            },
            "price of reading": f"${found['read']['dollars']:.4f}",
        }
    )
    for kind in ("unproven", "twice"):
        _show_named(screen, kind, found["named"][kind], found[kind])


def _show_named(screen: Screen, kind: str, named: Sequence[Mapping[str, Any]], count: int) -> None:
    if not named:
        return
    screen.say()
    screen.table(
        [f"{kind}: key in the Events table", "publisher", "accepted"],
        [[one["key"], one["publisher"], one["accepted_at"]] for one in named[:_SHOWN]],
    )
    if count > _SHOWN:
        screen.say(f"and {counted(count - _SHOWN, 'event')} more: --json has the first hundred.")
    if kind == "unproven":
        screen.say(
            "They have no receipt and no letter. Subscribers may have them: where a receipt could not be "
            "written, say. Adopting them sends them again."
        )


def _next(first: Deployment, proofs: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """The commands that come next."""
    for region, proof in proofs.items():
        if proof["outcome"] != "differs":
            continue
        window = ("--from", proof["request"]["from"], "--to", proof["request"]["to"])
        found = proof.get("found")
        if found is None:
            now = ("--now",) if proof["request"]["now"] else ()
            yield first.command_in(region, "prove", *window, *now, "--yes")
        elif found["unproven"]:
            others = [one for one in proof["regions"] if one != region]
            for other in others[:1]:
                yield first.command_in(other, "regions", "adopt", region, *window)
    yield first.command("status")
