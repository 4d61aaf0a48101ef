"""`eventing status`: everything that matters on one screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

import typer

from console.commands.command import command
from console.shell.failure import ExitCode
from eventing.foreign_text import plain
from eventing.words import counted, duration

if TYPE_CHECKING:
    from console.deployed.alarms import Alarm
    from console.deployed.deployment import Deployment
    from console.deployed.groups import Group
    from console.deployed.health import Under
    from console.shell.screen import Screen
    from console.shell.surroundings import Surroundings

PANEL = "Dead letters"
# More would not fit on one screen; --json has all.
_ALARMS, _GROUPS, _EXECUTIONS = 3, 4, 2
# Of what an alarm says, its first sentence, this long at most.
_WHAT = 100
_TOPICS = 30
_STYLES = {"healthy": "bold green", "needs attention": "bold yellow", "unhealthy": "bold red"}


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    command(app, "status", panel=PANEL)(status)


def status(screen: Screen, deployment: Deployment, surroundings: Surroundings) -> ExitCode:
    """Healthy or not: alarms that are on, open and parked letters, executions under way, what comes next."""
    from console.deployed.groups import grouped
    from console.deployed.health import health, next_commands, next_for
    from console.deployed.progress import progress_of
    from eventing.dead_letter import STAGES
    from eventing.redrive.filter import Filter

    now = surroundings.now()
    alarms = deployment.alarms.on()
    letters = deployment.ledger.letters(STAGES, ("open", "redriving", "parked"), Filter())
    waiting = grouped(letter for letter in letters if letter.state != "parked")
    parked = grouped(letter for letter in letters if letter.state == "parked")
    executions = deployment.executions
    described = [executions.describe(name) for name in executions.running()]
    under = [(one, progress_of(deployment, one)) for one in described if one.is_running]
    word = health(alarms, waiting, parked, under)
    following = next_commands(
        deployment.command, alarms=alarms, waiting=waiting, parked=parked, under=under
    )
    next_of = {alarm.name: next_for(alarm, deployment.command) for alarm in alarms}
    screen.document(
        {
            "deployment": deployment.name,
            "region": deployment.region,
            "laptop": deployment.laptop is not None,
            "health": word,
            "alarms": [{**asdict(alarm), "next": next_of[alarm.name]} for alarm in alarms],
            "open": [asdict(group) for group in waiting],
            "parked": [asdict(group) for group in parked],
            "executions": [_execution(*one) for one in under],
            "next": following,
        }
    )
    screen.say(f"{deployment}: {word}", style=_STYLES[word])
    _show_alarms(screen, alarms, next_of, now)
    _show_letters(screen, waiting, parked, now)
    if alarms and not waiting:
        screen.say("An alarm on dead letters goes off within two minutes of the last one.")
    _show_executions(screen, under, now)
    screen.next(following)
    return ExitCode.DONE


def _show_alarms(
    screen: Screen, alarms: Sequence[Alarm], next_of: Mapping[str, str], now: datetime
) -> None:
    if not alarms:
        return
    screen.say()
    for alarm in alarms[:_ALARMS]:
        what = alarm.what.partition(". ")[0].removesuffix(".")
        screen.say(
            f"{plain(alarm.name)}, for {duration(now - alarm.since)}: {plain(what, most=_WHAT)}"
        )
        screen.command(f"  {next_of[alarm.name]}")
    _more(screen, len(alarms) - _ALARMS, "alarm")


def _show_letters(
    screen: Screen, waiting: Sequence[Group], parked: Sequence[Group], now: datetime
) -> None:
    total = sum(group.letters for group in waiting)
    set_aside = sum(group.letters for group in parked)
    screen.say()
    screen.say(f"{counted(total, 'open letter')}, {set_aside:,} parked")
    groups = [("open", group) for group in waiting] + [("parked", group) for group in parked]
    if not groups:
        return
    screen.table(
        ("letters", "state", "stage", "cause", "topics", "since", "expires in"),
        [
            (
                group.letters,
                state,
                group.stage,
                group.cause,
                plain(", ".join(group.topics), most=_TOPICS),
                f"{duration(now - datetime.fromisoformat(group.failed_first))} ago",
                _left(group, now),
            )
            for state, group in groups[:_GROUPS]
        ],
    )
    _more(screen, len(groups) - _GROUPS, "group")
    oldest = min((group for _, group in groups), key=lambda group: group.failed_first)
    screen.say(f"oldest letter: {plain(oldest.example)}, expires in {_left(oldest, now)}")


def _left(group: Group, now: datetime) -> str:
    return duration(datetime.fromisoformat(group.first_expires_at) - now)


def _show_executions(screen: Screen, under: Sequence[Under], now: datetime) -> None:
    if not under:
        return
    screen.say()
    screen.table(
        ("execution", "for", "state", "done", "letters", "failed"),
        [
            (
                execution.name,
                duration(now - execution.started_at),
                progress.state or "",
                progress.done,
                "" if progress.letters is None else f"{progress.letters:,}",
                progress.failed,
            )
            for execution, progress in under[:_EXECUTIONS]
        ],
    )
    _more(screen, len(under) - _EXECUTIONS, "execution")


def _execution(execution: Any, progress: Any) -> dict[str, Any]:
    seconds = None
    if progress.letters and progress.rate:
        seconds = round((progress.letters - progress.done) / progress.rate)
    return {
        "execution": execution.name,
        "action": execution.request.get("action", "triage"),
        "stage": execution.request.get("stage", "all"),
        "started_by": execution.request.get("started_by"),
        "started_at": execution.started_at.isoformat(),
        **asdict(progress),
        "seconds_left": seconds,
    }


def _more(screen: Screen, count: int, what: str) -> None:
    if count > 0:
        screen.say(f"and {counted(count, f'more {what}', f'more {what}s')}: --json lists them")
