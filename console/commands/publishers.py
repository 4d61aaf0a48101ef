"""Commands about publishers: register, throttle, suspend, rotate, revoke, show, and the value of a key."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.commands import publishers_top
from console.commands.asked import Asked
from console.commands.command import command
from console.commands.publisher_tables import show_failures, show_publisher
from console.shell.failure import ExitCode, Misuse
from eventing.foreign_text import plain
from eventing.publishers.request import ACTIONS, Action

if TYPE_CHECKING:
    from console.deployed.deployment import Deployment
    from console.shell.screen import Screen
    from console.shell.surroundings import Surroundings

_PANEL = "Publishers"
Name = Annotated[str, typer.Argument(metavar="NAME", help="The publisher.")]
Yes = Annotated[bool, typer.Option("--yes", help="Don't ask, begin.")]
ShowAws = Annotated[
    bool,
    typer.Option(
        "--show-aws", help="Print the command of the AWS CLI that does the same, and do nothing."
    ),
]

_HELP: Mapping[Action, str] = {
    "register": "Register a publisher: a key with the same value in every region, a usage plan of its own.",
    "update": "Change contact, plan or types; with no option, make every region as it should be.",
    "rotate": "Make a second key; the first one works until it is retired, or its date comes.",
    "retire-key": "Retire a key, the older one unless it is said: whoever sends with it is answered 403.",
    "suspend": "Shut a publisher out, within seconds. What it has sent before is published.",
    "resume": "Let a suspended publisher in again.",
    "throttle": "Put other limits in the place of its own, which are remembered.",
    "restore": "Give a throttled publisher its own limits back.",
    "revoke": "Delete all keys of a publisher, for good. Nobody gets its name while an event is kept.",
    "show": "Show what is on record of a publisher, and what differs from that in any region.",
}
_LIMITS = ("rate_per_second", "burst", "quota", "max_events", "max_body_bytes")
_OPTIONS: Mapping[str, tuple[Any, str]] = {
    "contact": (str, "Whom to call about it."),
    "usage_plan": (str, "A plan of the catalogue."),
    "rate_per_second": (float, "Requests a second, in place of a plan's."),
    "burst": (int, "Requests at once; as many as a second's, rounded up, if left out."),
    "quota": (str, "Requests a period, such as 1000/DAY, WEEK or MONTH."),
    "max_events": (int, "Events of one request."),
    "max_body_bytes": (int, "Bytes of one request."),
    "types": (
        list[str],
        "Only these event types, or patterns of them; `*` for all. Several times.",
    ),
    "key": (int, "The number of the key."),
    "retire_at": (str, "When the older key is retired by itself, 2026-12-24T09:30:00Z."),
    "elsewhere": (bool, "In this region, because the primary one is down."),
    "reason": (str, "Why; for the mail and the audit."),
    "started_by": (str, "Who asks; the ARN of your credentials if left out."),
}


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(
        no_args_is_help=True,
        help="Register, throttle, suspend, rotate, revoke publishers; list them.",
    )
    app.add_typer(group, name="publishers", rich_help_panel=_PANEL)
    for action, rules in ACTIONS.items():
        if action == "list":
            continue
        made = _changing(action) if rules.changes else show
        options = list(_options(action)) if rules.changes else []
        command(group, action, options=options, help=_HELP[action])(made)
    command(group, "list")(list_all)
    command(group, "key")(key)
    publishers_top.add_to(group)


def show(
    screen: Screen, deployment: Deployment, surroundings: Surroundings, name: Name
) -> ExitCode:
    """Show what is on record of a publisher, and what differs from that in any region."""
    shown = Asked(screen, deployment, surroundings).result({"action": "show", "name": name})
    screen.document(shown)
    show_publisher(screen, shown["publisher"])
    screen.table(
        ("region", "requests a second", "burst", "keys"),
        [
            (
                region,
                (found["rates"] or {}).get("per_second", "none"),
                (found["rates"] or {}).get("burst", "none"),
                ", ".join(f"{number} {state}" for number, state in found["keys"].items()),
            )
            for region, found in shown["regions"].items()
        ],
    )
    for difference in shown["differences"]:
        screen.say(f"Differs: {plain(difference)}")
    show_failures(screen, shown["failures"])
    if not shown["differences"]:
        screen.say("Every region is as it should be.")
        return ExitCode.DONE
    screen.next([deployment.command("publishers", "update", name)])
    return ExitCode.PARTIAL


def list_all(screen: Screen, deployment: Deployment, surroundings: Surroundings) -> ExitCode:
    """List all publishers, with the tombstones of those that were revoked."""
    everybody = Asked(screen, deployment, surroundings).everybody()
    found = sorted(everybody, key=lambda publisher: str(publisher["name"]))
    screen.document({"publishers": found})
    screen.table(
        ("publisher", "status", "usage plan", "throttled", "keys", "types", "contact"),
        [
            (
                publisher["name"],
                publisher["status"],
                publisher["usage_plan"] or "its own limits",
                publisher["throttle"] is not None,
                sum(key["state"] == "live" for key in publisher["keys"]),
                "all" if publisher["types"] is None else len(publisher["types"]),
                publisher["contact"],
            )
            for publisher in found
        ],
    )
    return ExitCode.DONE


def key(
    screen: Screen,
    deployment: Deployment,
    surroundings: Surroundings,
    name: Name,
    number: Annotated[int | None, typer.Option("--key", help="The newest if left out.")] = None,
) -> ExitCode:
    """Print the value of a publisher's key, to be handed over. It needs a right of its own."""
    asked = Asked(screen, deployment, surroundings)
    publisher = asked.result({"action": "show", "name": name})["publisher"]
    live = {one["number"]: one for one in publisher["keys"] if one["state"] == "live"}
    chosen = live.get(number or max(live, default=0))
    if chosen is None or deployment.region not in chosen["ids"]:
        raise Misuse(f"{plain(name)} has no such key in {deployment.region}.")
    value = deployment.key_value(chosen["ids"][deployment.region])
    url = deployment.urls[0]
    screen.document({"publisher": name, "key": chosen["number"], "value": value, "url": url})
    screen.note(f"For {url}")
    screen.command(value)
    return ExitCode.DONE


def _changing(action: Action) -> Callable[..., ExitCode]:
    """The command that does this."""

    def run(
        screen: Screen,
        deployment: Deployment,
        surroundings: Surroundings,
        given: Mapping[str, Any],
        name: Name,
        yes: Yes = False,
        show_aws: ShowAws = False,
    ) -> ExitCode:
        asked = Asked(screen, deployment, surroundings)
        return asked.change({"action": action, "name": name, **_members(given)}, yes, show_aws)

    return run


def _options(action: Action) -> Sequence[inspect.Parameter]:
    rules = ACTIONS[action]
    names = [*rules.needs, *rules.takes, "elsewhere", "reason", "started_by"]
    if "limits" in names:
        place = names.index("limits")
        names[place : place + 1] = _LIMITS
    return [_option(name) for name in names]


def _option(name: str) -> inspect.Parameter:
    kind, help = _OPTIONS[name]
    spelled = f"--{name.removesuffix('s') if name == 'types' else name}".replace("_", "-")
    option = typer.Option(spelled, help=help, show_default=False)
    return inspect.Parameter(
        name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None,
        annotation=Annotated[kind | None, option],
    )


def _members(given: Mapping[str, Any]) -> dict[str, Any]:
    """The input in the options that were given, as its JSON has it."""
    members = {name: value for name, value in given.items() if value not in (None, [], ())}
    limits = {name: members.pop(name) for name in _LIMITS if name in members}
    if "quota" in limits:
        limit, _, period = limits["quota"].partition("/")
        if not limit.isdecimal():
            raise Misuse(f"{plain(limits['quota'])} is no quota, such as 1000/DAY.")
        limits["quota"] = {"limit": int(limit), "period": period.upper()}
    return members | ({"limits": limits} if limits else {})
