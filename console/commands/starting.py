"""Starts executions: what is asked for is checked first, shown, agreed to, and followed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from console.commands.following import conclude, follow, show_conclusion
from console.commands.plan_table import show_plan, show_warnings
from console.deployed.deployment import Deployment
from console.deployed.executions import Execution
from console.shell.failure import ExitCode, Failure, Misuse
from console.shell.options import checked
from console.shell.screen import Screen
from console.shell.surroundings import Surroundings
from eventing.redrive.actions import ACTIONS, Action
from eventing.timestamps import read_timestamp, timestamp
from eventing.words import counted

_CALLED_OFF = "Called off; nothing was begun."


@dataclass(frozen=True)
class Starter:
    """Starts executions for one command."""

    screen: Screen
    deployment: Deployment
    surroundings: Surroundings
    show_aws: bool = False
    """Print the command of the AWS CLI instead of starting anything."""
    detach: bool = False

    def at_once(self, action: Action, members: Mapping[str, Any]) -> ExitCode:
        """Start it, and follow it to its end."""
        request = self._checked(action, members)
        return self._shown(request) if self.show_aws else self._start_and_tell(request)

    def asked(self, action: Action, members: Mapping[str, Any], *, yes: bool) -> ExitCode:
        """Show the plan and ask, for the reason as well; then start it, and follow it to its end.

        With `yes` nothing is asked. What fails while the plan is looked at is left out: no more is taken up
        than was shown.
        """
        if yes or self.show_aws:
            return self.at_once(action, members)
        if self.screen.as_json or not self.surroundings.at_terminal():
            raise Misuse(f"{action} asks before it begins, and nobody is there: give --yes.")
        self._checked(action, {"reason": "asked for after the plan", **members})
        # A plan forecasts a redrive; a discard needs its letters counted all the same.
        planned = self._followed(self._start(self._checked("plan", members)))
        if planned.status != "SUCCEEDED":
            return self._tell(planned)
        summary = planned.output["plan"]
        if not ACTIONS[action].makes_steps:
            summary = _with_withheld(summary, limit=members.get("limit"))
        if not summary["letters"]:
            show_warnings(self.screen, summary)
            self.screen.say(f"No {'other ' if summary['withheld'] else ''}letter is open.")
            return ExitCode.DONE
        show_plan(self.screen, summary)
        stage = members.get("stage", "all")
        of = "" if stage == "all" else f" of {stage}"
        letters = f"{counted(summary['letters'], 'letter')}{of}"
        chosen = _no_later(members, planned.started_at)
        try:
            if not self.surroundings.agrees(
                f"{action.capitalize()} {letters} on {self.deployment}?"
            ):
                raise Failure(_CALLED_OFF, ExitCode.PARTIAL)
            if "reason" not in members:
                chosen["reason"] = self.surroundings.answer("Why? For the report and the audit:")
        except KeyboardInterrupt:
            raise Failure(_CALLED_OFF, ExitCode.PARTIAL) from None
        return self._start_and_tell(self._checked(action, chosen))

    def _checked(self, action: Action, members: Mapping[str, Any]) -> dict[str, Any]:
        """The input of an execution; raises `Misuse` when it is none."""
        request = {**members, "action": action}
        if "started_by" not in members:
            request["started_by"] = self.deployment.aws.asker()
        checked(request)
        return request

    def _shown(self, request: Mapping[str, Any]) -> ExitCode:
        shown = self.deployment.start_command(self.deployment.executions, request)
        self.screen.command(shown)
        self.screen.document({"aws": shown})
        return ExitCode.DONE

    def _start_and_tell(self, request: Mapping[str, Any]) -> ExitCode:
        name = self._start(request)
        if not self.detach:
            return self._tell(self._followed(name))
        following = self.deployment.command("follow", name)
        self.screen.say(f"Started {name}.")
        self.screen.document({"execution": name, "status": "RUNNING", "next": [following]})
        self.screen.next([following])
        return ExitCode.DONE

    def _start(self, request: Mapping[str, Any]) -> str:
        executions = self.deployment.executions
        # Chosen before it is asked for: whatever happens to the answer, it can be looked up.
        name = executions.new_name(request["action"], self.surroundings.now())
        try:
            executions.start(name, request)
        except KeyboardInterrupt:
            raise Failure(
                f"Interrupted while it was being started: {self.deployment.command('follow', name)} "
                "tells whether it has begun.",
                ExitCode.PARTIAL,
            ) from None
        self.screen.note(f"{request['action']} {name} on {self.deployment}")
        return name

    def _followed(self, name: str) -> Execution:
        return follow(self.deployment, self.screen, name, sleep=self.surroundings.sleep)

    def _tell(self, execution: Execution) -> ExitCode:
        conclusion = conclude(self.deployment, execution)
        summary = execution.output.get("plan")
        if conclusion.outcome == "planned" and summary:
            show_plan(self.screen, summary)
        show_conclusion(self.screen, conclusion)
        return conclusion.code


def _no_later(members: Mapping[str, Any], moment: datetime) -> dict[str, Any]:
    """The members without what failed at or after this moment."""
    cut, wanted = timestamp(moment), members.get("filter", {})
    before = min(cut, read_timestamp(wanted.get("failed_before", cut)))
    # Which letters are meant is said by the time then.
    others = {name: value for name, value in members.items() if name != "everything"}
    return {**others, "filter": {**wanted, "failed_before": before}}


def _with_withheld(summary: Mapping[str, Any], *, limit: int | None) -> Mapping[str, Any]:
    """A plan's summary for an action that takes the letters of suspended publishers as well."""
    if not summary["withheld"]:
        return summary
    letters = summary["letters"] + summary["withheld"]
    return {
        **summary,
        "letters": min(letters, limit or letters),
        "warnings": ["Letters of suspended publishers are discarded as well."],
    }
