"""Follows an execution to its end, and tells how it ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from console.commands.plan_table import show_warnings
from console.deployed.aws import is_passing
from console.deployed.deployment import Deployment
from console.deployed.executions import Execution, Executions, Progress
from console.deployed.groups import summed
from console.deployed.progress import progress_of
from console.shell.failure import ExitCode, Failure
from console.shell.options import words_of
from console.shell.screen import Screen
from eventing.foreign_text import plain
from eventing.redrive.junk import left_over

_PAUSE = 1.0
# So many looks in a row may fail before the following ends; the execution goes on either way.
_FAILED_LOOKS = 30
_DOING = {"redrive": "redriving", "discard": "discarding"}


class _Shown(Protocol):
    """Where progress is shown."""

    def show(self, progress: Progress) -> None:
        """Show how far the execution is."""


class _Lines:
    """A line for each change, where nobody watches."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._last = ""

    def show(self, progress: Progress) -> None:
        line = progress.state or "started"
        if progress.letters:
            line += (
                f": {progress.done:,} of {progress.letters:,} letters, {progress.failed:,} failed"
            )
        if line != self._last:
            self._screen.note(line)
        self._last = line


class _Bars:
    """A bar, at a terminal."""

    def __init__(self, bar: Bar, action: str) -> None:
        self._bar = bar
        self._action = _DOING.get(action, action)
        self._task = bar.add_task(self._action, total=None, failed=0, rate="")

    def show(self, progress: Progress) -> None:
        working = bool(progress.letters) and self._action in _DOING.values()
        if progress.waits_for_approval:
            text = "waiting for approval"
        else:
            text = self._action if progress.done else (progress.state or self._action).lower()
        (task,) = self._bar.tasks
        speed = task.speed or progress.rate
        self._bar.update(
            self._task,
            description=text,
            total=progress.letters if working else None,
            completed=progress.done,
            failed=progress.failed,
            rate=f"{speed:,.0f}/s" if speed else "",
        )


def follow(
    deployment: Deployment, screen: Screen, name: str, *, sleep: Callable[[float], None]
) -> Execution:
    """The execution when it has ended; Ctrl-C ends the following, and the execution goes on.

    Raises `Failure` then, which names the commands that follow and stop it.
    """
    execution = None
    try:
        execution = _look(deployment, name, sleep)
        action = str(execution.request.get("action", "triage"))
        if not execution.is_running:
            return execution
        if not screen.notes.is_terminal:
            return _until_end(deployment, name, _Lines(screen), sleep)
        with Bar(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[failed]} failed", markup=False),
            TextColumn("{task.fields[rate]}", markup=False),
            TimeRemainingColumn(),
            console=screen.notes,
            transient=True,
        ) as bar:
            return _until_end(deployment, name, _Bars(bar, action), sleep)
    except KeyboardInterrupt:
        raise Failure(
            f"Not followed any more. It goes on: {deployment.command('follow', name)} follows it, "
            f"{deployment.command('stop', name)} stops it.",
            ExitCode.PARTIAL,
        ) from None


def _until_end(
    deployment: Deployment, name: str, shown: _Shown, sleep: Callable[[float], None]
) -> Execution:
    letters: int | None = None
    while True:
        execution = _look(deployment, name, sleep)
        if not execution.is_running:
            return execution
        try:
            progress = progress_of(deployment, execution, letters=letters)
        except Exception as error:
            if not is_passing(error):
                raise
        else:
            letters = progress.letters
            shown.show(progress)
        sleep(_PAUSE)


def until_ended(
    executions: Executions, name: str, *, sleep: Callable[[float], None], wait: Callable[[], None]
) -> Execution:
    """The execution when it has ended; `wait` is called before each look but the first."""
    while (execution := _described(executions, name, sleep)) is not None and execution.is_running:
        wait()
        sleep(_PAUSE)
    if execution is None:
        raise Failure(f"AWS has not answered for too long. The execution {name} goes on.")
    return execution


def _look(deployment: Deployment, name: str, sleep: Callable[[float], None]) -> Execution:
    execution = _described(deployment.executions, name, sleep)
    if execution is None:
        raise Failure(
            f"AWS has not answered for too long. The execution goes on: "
            f"{deployment.command('follow', name)} follows it."
        )
    return execution


def _described(
    executions: Executions, name: str, sleep: Callable[[float], None]
) -> Execution | None:
    """The execution; None when AWS has not answered for too long."""
    for _ in range(_FAILED_LOOKS):
        try:
            return executions.describe(name)
        except Exception as error:
            if not is_passing(error):
                raise
        sleep(_PAUSE)
    return None


@dataclass(frozen=True)
class Conclusion:
    """How an execution ended, as it is told, and the exit code that says so."""

    code: ExitCode
    outcome: str
    content: Mapping[str, Any]
    next: list[str]


def conclude(deployment: Deployment, execution: Execution) -> Conclusion:
    """What an execution that has ended means to whoever started it."""
    output = execution.output
    outcome = str(output.get("outcome") or execution.error or execution.status.lower())
    counts: Mapping[str, int] = output.get("counts", {})
    code = _code(execution, outcome, counts)
    content = {
        "execution": execution.name,
        "action": execution.request.get("action", "triage"),
        "status": execution.status,
        "outcome": outcome,
        "cause": output.get("cause") or execution.cause,
        "counts": counts,
        "junk": output.get("junk"),
        "plan": output.get("plan"),
        "not_taken_up": output.get("not_taken_up", 0),
        "seconds": output.get("seconds"),
        "report": output.get("report"),
        "started_by": execution.request.get("started_by"),
        "reason": execution.request.get("reason"),
        "next": _next(deployment, execution, outcome, counts),
    }
    return Conclusion(code, outcome, content, content["next"])


def _code(execution: Execution, outcome: str, counts: Mapping[str, int]) -> ExitCode:
    if execution.status == "ABORTED":
        return ExitCode.PARTIAL
    if execution.status != "SUCCEEDED":
        return ExitCode.USAGE if outcome == "InvalidInput" else ExitCode.FAILED
    if outcome in ("done", "triaged", "planned", "nothing", "skipped", "resubmitted"):
        # Each was taken up, and these are not done with all the same.
        left = sum(counts.get(kind, 0) for kind in ("failed", "parked", "left", "unrecorded"))
        return (
            ExitCode.PARTIAL
            if left or left_over(execution.output.get("junk") or {})
            else ExitCode.DONE
        )
    return ExitCode.PARTIAL


def _next(
    deployment: Deployment, execution: Execution, outcome: str, counts: Mapping[str, int]
) -> list[str]:
    stage = str(execution.request.get("stage", "all"))
    letters = deployment.command("letters", *(["--stage", stage] if stage != "all" else []))
    match outcome:
        case "triaged" | "skipped":
            return [letters]
        case "done" | "nothing":
            left = any(counts.get(kind) for kind in ("failed", "left", "unrecorded"))
            parked = [deployment.command("letters", "--parked")] if counts.get("parked") else []
            return [*([letters] if left else []), *parked, deployment.command("status")]
        case "partial" | "aborted":
            resume = deployment.command("continue", execution.name)
            return [resume if outcome == "partial" else letters]
        case _ if execution.status == "ABORTED":
            return [deployment.command("report", execution.name)]
        case "planned" if execution.output.get("plan", {}).get("letters"):
            return [deployment.command("redrive", *words_of(execution.request))]
        case _:
            return [deployment.command("status")]


def show_conclusion(screen: Screen, conclusion: Conclusion) -> None:
    """Show how an execution ended, and what comes next."""
    content = conclusion.content
    style = "green" if conclusion.code is ExitCode.DONE else "red"
    screen.say(f"{content['action']}: {plain(conclusion.outcome)}", style=style)
    screen.facts(
        {
            "letters": summed(content["counts"]),
            "junk": summed(content["junk"] or {}),
            "not taken up": content["not_taken_up"] or None,
            "cause": content["cause"],
            "seconds": content["seconds"],
            "execution": content["execution"],
        }
    )
    if conclusion.outcome != "planned":  # its table has told them
        show_warnings(screen, content["plan"] or {})
    screen.document(content)
    screen.next(conclusion.next)
