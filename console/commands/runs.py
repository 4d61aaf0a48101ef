"""Commands about executions: start, follow, stop, continue, report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from console.commands.command import command
from console.deployed.groups import summed
from console.shell.failure import ExitCode, Failure, Misuse
from console.shell.options import request_of, request_options
from eventing.erasure.action import is_erasure
from eventing.foreign_text import plain
from eventing.redrive.actions import ACTIONS, Action

if TYPE_CHECKING:
    from console.deployed.deployment import Deployment
    from console.shell.screen import Screen
    from console.shell.surroundings import Surroundings

PANEL = "Dead letters"
EXECUTIONS = "Executions"

Yes = Annotated[bool, typer.Option("--yes", help="Don't ask, begin.")]
Detach = Annotated[bool, typer.Option("--detach", help="Start it, and don't follow it.")]
ShowAws = Annotated[
    bool,
    typer.Option(
        "--show-aws", help="Print the command of the AWS CLI that does the same, and do nothing."
    ),
]
Name = Annotated[str, typer.Argument(metavar="EXECUTION", help="Its name, or its ARN.")]
# A stopped execution has its report a moment after that.
_REPORT_LOOKS = 60
_FAILED_LISTED = 10

_HELP: Mapping[Action, str] = {
    "triage": "Move what is in the queues into the ledger, and group it. It also starts by itself.",
    "plan": "Tell what a redrive would do by what is deployed now. Changes nothing.",
    "redrive": "Take letters up again: shows the plan, asks, begins with ten, follows to the end.",
    "discard": "Drop letters that nobody wants any more: shows the plan, asks, follows to the end.",
    "resubmit": "Take in the dead letters in junk, by its ids once looked at, or by its kind.",
}


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    for action, rules in ACTIONS.items():
        # Whoever starts what operators are told of is asked first.
        made = asking(action) if rules.reports_to_operators else at_once(action)
        options = request_options(action)
        command(app, action, panel=PANEL, options=options, help=_HELP.get(action))(made)
    command(app, "follow", panel=EXECUTIONS)(follow)
    command(app, "stop", panel=EXECUTIONS)(stop)
    command(app, "continue", panel=EXECUTIONS, options=request_options())(resume)
    command(app, "report", panel=EXECUTIONS)(report)


def at_once(action: Action) -> Callable[..., ExitCode]:
    """The command that starts this action."""

    def run(
        screen: Screen,
        deployment: Deployment,
        surroundings: Surroundings,
        given: Mapping[str, Any],
        detach: Detach = False,
        show_aws: ShowAws = False,
    ) -> ExitCode:
        from console.commands.starting import Starter

        starter = Starter(screen, deployment, surroundings, show_aws=show_aws, detach=detach)
        return starter.at_once(action, request_of(given))

    return run


def asking(action: Action) -> Callable[..., ExitCode]:
    """The command that shows the plan of this action, asks and starts it."""

    def run(
        screen: Screen,
        deployment: Deployment,
        surroundings: Surroundings,
        given: Mapping[str, Any],
        yes: Yes = False,
        detach: Detach = False,
        show_aws: ShowAws = False,
    ) -> ExitCode:
        from console.commands.starting import Starter

        starter = Starter(screen, deployment, surroundings, show_aws=show_aws, detach=detach)
        return starter.asked(action, request_of(given), yes=yes)

    return run


def follow(
    screen: Screen, deployment: Deployment, surroundings: Surroundings, execution: Name
) -> ExitCode:
    """Follow an execution to its end. Ctrl-C ends the following, not the execution."""
    from console.commands.following import conclude, show_conclusion
    from console.commands.following import follow as until_end

    name = deployment.executions.name(execution)
    ended = until_end(deployment, screen, name, sleep=surroundings.sleep)
    conclusion = conclude(deployment, ended)
    show_conclusion(screen, conclusion)
    return conclusion.code


def stop(
    screen: Screen,
    deployment: Deployment,
    surroundings: Surroundings,
    execution: Name,
    reason: Annotated[str, typer.Option(help="Why; for its history.")] = "stopped by an operator",
    show_aws: ShowAws = False,
) -> ExitCode:
    """Stop an execution. No letter is lost or half done; what it has not taken up stays open."""
    executions = deployment.executions
    name = executions.name(execution)
    words = ["--execution-arn", executions.arn(name), "--cause", reason]
    shown = deployment.aws_command("stepfunctions", "stop-execution", *words)
    if show_aws:
        screen.command(shown)
        screen.document({"aws": shown})
        return ExitCode.DONE
    if not executions.describe(name).is_running:
        raise Misuse(f"{name} has ended: {deployment.command('report', name)} tells how.")
    try:
        executions.stop(name, cause=reason)
        screen.note(f"stopped {name}; its letters are being let go of")
        if found := _awaited_report(deployment, name, surroundings):
            return _show_report(screen, deployment, name, found)
    except KeyboardInterrupt:
        raise Failure(
            f"Interrupted while it was being stopped: {deployment.command('follow', name)} tells "
            "whether it has ended.",
            ExitCode.PARTIAL,
        ) from None
    following = [deployment.command("report", name)]
    screen.say(f"Stopped {name}.")
    screen.document({"execution": name, "status": "ABORTED", "next": following})
    screen.next(following)
    return ExitCode.DONE


def _awaited_report(
    deployment: Deployment, name: str, surroundings: Surroundings
) -> Mapping[str, Any] | None:
    """The report of an execution that was stopped just now; None when it makes none."""
    action = deployment.executions.describe(name).request.get("action", "triage")
    if not ACTIONS[cast("Action", action)].reports_to_operators:
        return None  # it leaves nothing behind
    for _ in range(_REPORT_LOOKS):
        if found := deployment.objects.report(name):
            return found
        surroundings.sleep(1)
    return None


def resume(
    screen: Screen,
    deployment: Deployment,
    surroundings: Surroundings,
    given: Mapping[str, Any],
    execution: Name,
    yes: Yes = False,
    detach: Detach = False,
    show_aws: ShowAws = False,
) -> ExitCode:
    """Start an execution with the letters that a stopped one has not taken up."""
    from console.commands.starting import Starter

    name = deployment.executions.name(execution)
    found = deployment.objects.report(name)
    if found is None:
        raise Misuse(f"{name} has no report: {deployment.command('follow', name)} tells how it is.")
    rest = found.get("continue_with")
    if not rest:
        raise Misuse(f"{name} has left nothing over: {deployment.command('report', name)}")
    added = request_of(given)
    wanted = {**rest.get("filter", {}), **added.pop("filter", {})}
    members = {k: v for k, v in rest.items() if k not in ("action", "started_by")} | added
    members |= {"filter": wanted} if wanted else {}
    starter = Starter(screen, deployment, surroundings, show_aws=show_aws, detach=detach)
    return starter.asked(cast("Action", rest["action"]), members, yes=yes)


def report(screen: Screen, deployment: Deployment, execution: Name) -> ExitCode:
    """Show the report of an execution that has ended."""
    name = deployment.executions.name(execution)
    found = deployment.objects.report(name)
    if found is None and is_erasure(name):
        status = deployment.erasures.describe(name).status.lower()
        raise Failure(f"{name} has no report (yet): it is {status}.")
    if found is None:
        raise Failure(
            f"{name} has no report: {deployment.command('follow', name)} tells how it is."
        )
    return _show_report(screen, deployment, name, found)


def _show_report(
    screen: Screen, deployment: Deployment, name: str, found: Mapping[str, Any]
) -> ExitCode:
    from console.commands.erasure_tables import show_report
    from console.commands.plan_table import show_warnings

    if is_erasure(name):
        return show_report(screen, deployment, name, found)
    request: Mapping[str, Any] = found["request"]
    again = found.get("failed_again", [])
    following = [deployment.command("continue", name)] if found.get("continue_with") else []
    following.append(deployment.command("status"))
    screen.say(
        f"{request['action']} of {request['stage']}: {plain(found['outcome'])}", style="bold"
    )
    screen.facts(
        {
            "letters": summed(found.get("counts", {})),
            "not taken up": found.get("not_taken_up"),
            "cause": found.get("cause"),
            "asked by": request.get("started_by"),
            "reason": request.get("reason"),
            "approved by": found.get("approver"),
            "because": found.get("approval_reason"),
            "began": found["started_at"],
            "ended": found["finished_at"],
        }
    )
    show_warnings(screen, found.get("plan") or {})
    if again:
        screen.say()
        screen.table(
            ("failed again", "step", "cause", "message"),
            [(f["letter"], f["step"], f["code"], f["message"]) for f in again[:_FAILED_LISTED]],
        )
    if len(again) > _FAILED_LISTED:
        screen.say(f"and {len(again) - _FAILED_LISTED:,} more: --json lists them")
    screen.document({"execution": name, **found, "next": following})
    screen.next(following)
    return ExitCode.DONE
