"""Commands about sensitive data: the cases of findings, one of them, and a finding that nobody took up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.commands import simulation
from console.commands.case_tables import show_case
from console.commands.command import command
from console.shell.failure import ExitCode, Failure, Misuse
from eventing.foreign_text import plain

if TYPE_CHECKING:
    from console.deployed.cases import Case
    from console.deployed.deployment import Deployment
    from console.shell.screen import Screen
    from console.shell.surroundings import Surroundings

_PANEL = "Sensitive data"
_MOST = 20
# A finding that is begun by hand has its case within seconds.
_LOOKS = 60

Reason = Annotated[str, typer.Option(help="Why; for the case and the audit.")]
ShowAws = Annotated[
    bool,
    typer.Option(
        "--show-aws", help="Print the command of the AWS CLI that does the same, and do nothing."
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    group = typer.Typer(
        no_args_is_help=True,
        help="Cases of sensitive data that Macie found: list them, show one, take a finding up.",
    )
    app.add_typer(group, name="findings", rich_help_panel=_PANEL)
    command(group, "list")(list_cases)
    command(group, "show")(show)
    command(group, "open")(open_finding)
    simulation.add_to(group)


def list_cases(
    screen: Screen,
    deployment: Deployment,
    most: Annotated[int, typer.Option(help="So many at most.", min=1)] = _MOST,
) -> ExitCode:
    """List the cases of findings, those with the latest events first."""
    found, total = deployment.cases.latest(most)
    following = [deployment.command("approve", one.question) for one in found if one.question]
    entries = [_entry(one) for one in found]
    screen.document({"cases": entries, "total": total, "next": following})
    if not found:
        screen.say("There is no case of sensitive data.")
        return ExitCode.DONE
    screen.table(
        ("case", "state", "severity", "publisher", "events", "kinds"),
        [
            (
                one["case"],
                one["state"],
                one["severity"],
                one["publisher"],
                one["events"],
                ", ".join(map(plain, one["kinds"])),
            )
            for one in entries
        ],
    )
    if total > len(found):
        screen.say(f"and {total - len(found):,} more: --most {total} lists them")
    screen.next(following)
    return ExitCode.DONE


def show(
    screen: Screen,
    deployment: Deployment,
    case: Annotated[str, typer.Argument(metavar="CASE", help="Its id.")],
) -> ExitCode:
    """Show a case: the publisher, the events, who got them, what was done, and ready texts."""
    found = deployment.cases.find(case)
    following = [deployment.command("approve", found.question)] if found.question else []
    screen.document(
        {
            **_entry(found),
            "found": found.examined,
            "closed": found.closed,
            "findings": found.findings,
            "next": following,
        }
    )
    screen.say(f"{found.id}: {plain(found.state)}", style="bold")
    if found.examined:
        show_case(screen, found.examined)
    if found.closed:
        _show_end(screen, found.closed)
    screen.next(following)
    return ExitCode.DONE


def open_finding(
    screen: Screen,
    deployment: Deployment,
    surroundings: Surroundings,
    finding: Annotated[str, typer.Argument(metavar="FINDING_ID", help="Its id in Macie.")],
    reason: Reason = "",
    show_aws: ShowAws = False,
) -> ExitCode:
    """Take up a finding that nobody took up, or once more; Macie is asked for it."""
    from eventing.input import InvalidInput
    from eventing.sensitive_data.request import read_request

    caller = deployment.aws.asker()
    request: dict[str, Any] = {"finding_id": finding, "started_by": caller, "reason": reason}
    try:
        read_request(request)
    except InvalidInput as error:
        raise Misuse(plain(str(error), most=2000)) from error
    executions = deployment.followed
    if show_aws:
        shown = deployment.start_command(executions, request)
        screen.command(shown)
        screen.document({"aws": shown})
        return ExitCode.DONE
    name = executions.new_name("finding", surroundings.now())
    executions.start(name, request)
    screen.note(f"{name} on {deployment}")
    for _ in range(_LOOKS):
        execution = executions.describe(name)
        if execution.error:
            why = plain(execution.cause or execution.error, most=2000)
            raise (Misuse(why) if execution.error == "InvalidInput" else Failure(why))
        if case := deployment.cases.of_finding(finding):
            return tell_case(screen, deployment, finding, case)
        surroundings.sleep(1)
    raise Failure(f"{name} has no case yet: {deployment.command('findings', 'list')} lists cases.")


def tell_case(screen: Screen, deployment: Deployment, finding: str, case: str) -> ExitCode:
    """Tell which case a finding belongs to."""
    following = [deployment.command("findings", "show", case)]
    screen.say(f"The finding {plain(finding)} is in the case {case}.")
    screen.document({"finding": finding, "case": case, "next": following})
    screen.next(following)
    return ExitCode.DONE


def _entry(case: Case) -> dict[str, Any]:
    found = case.examined or {}
    return {
        "case": case.id,
        "state": case.state,
        "severity": found.get("severity"),
        "publisher": found.get("publisher"),
        "events": found.get("count"),
        "kinds": list(found.get("kinds", ())),
        "round": case.round,
    }


def _show_end(screen: Screen, closed: Any) -> None:
    screen.say()
    screen.facts(
        {
            "outcome": closed["outcome"],
            "cause": closed["cause"],
            "asked by": closed["started_by"],
            "reason": closed["reason"],
            "approved by": closed.get("approver"),
            "because": closed.get("approval_reason"),
            "quarantined": "yes" if closed.get("quarantined") else "",
            "ended": closed["closed_at"],
        }
    )
    texts = closed["texts"]
    for text in (texts.get("publisher"), *texts.get("topics", {}).values()):
        if text:
            screen.say()
            for line in text.split("\n"):
                screen.say(line)
