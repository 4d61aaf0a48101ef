"""Starts executions: what is asked for is checked first, shown, agreed to, and followed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from console.commands.following import conclude, follow, show_conclusion
from console.commands.plan_table import show_plan
from console.deployed.deployment import Deployment
from console.deployed.executions import Execution
from console.shell.failure import ExitCode, Failure, Misuse
from console.shell.options import checked
from console.shell.screen import Screen
from console.shell.surroundings import Surroundings
from console.shell.text import counted
from eventing.redrive.actions import Action
from eventing.redrive.request import RedriveRequest
from eventing.timestamps import timestamp

_MOST_STARTED_BY = 256


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
        """Show the plan and ask, unless `yes`; then start it, and follow it to its end.

        What fails while the plan is looked at is left out: no more is taken up than was shown.
        """
        request = self._checked(action, members)
        if self.show_aws:
            return self._shown(request)
        if yes:
            return self._start_and_tell(request)
        if not self.surroundings.at_terminal():
            raise Misuse(f"{action} asks before it begins, and nobody is there: give --yes.")
        # A plan forecasts a redrive; a discard needs its letters counted all the same.
        planned = self._followed(self._start(replace(request, action="plan")))
        summary = planned.output.get("plan")
        if planned.status != "SUCCEEDED" or not summary or not summary["letters"]:
            return self._tell(planned)
        show_plan(self.screen, summary)
        letters = counted(summary["letters"], "letter")
        of = "" if request.stage == "all" else f" of {request.stage}"
        if not self._agreed(f"{action.capitalize()} {letters}{of} on {self.deployment}?"):
            raise Failure("Called off; nothing was begun.", ExitCode.PARTIAL)
        return self._start_and_tell(_no_later(request, planned.started_at))

    def _agreed(self, question: str) -> bool:
        try:
            return self.surroundings.ask(question)
        except KeyboardInterrupt:
            return False

    def _checked(self, action: Action, members: Mapping[str, Any]) -> RedriveRequest:
        request = checked({**members, "action": action})
        if "started_by" in members:
            return request
        return replace(request, started_by=self.deployment.aws.caller()[:_MOST_STARTED_BY])

    def _shown(self, request: RedriveRequest) -> ExitCode:
        executions = self.deployment.executions
        shown = self.deployment.aws_command(
            "stepfunctions",
            "start-execution",
            "--state-machine-arn",
            executions.state_machine_arn,
            "--input",
            json.dumps(request.members()),
        )
        self.screen.command(shown)
        self.screen.document({"aws": shown})
        return ExitCode.DONE

    def _start_and_tell(self, request: RedriveRequest) -> ExitCode:
        name = self._start(request)
        if not self.detach:
            return self._tell(self._followed(name))
        following = self.deployment.command("follow", name)
        self.screen.say(f"Started {name}.")
        self.screen.document({"execution": name, "status": "RUNNING", "next": [following]})
        self.screen.next([following])
        return ExitCode.DONE

    def _start(self, request: RedriveRequest) -> str:
        executions = self.deployment.executions
        # Chosen before it is asked for: whatever happens to the answer, it can be looked up.
        name = executions.new_name(request.action, self.surroundings.now())
        try:
            executions.start(name, request.members())
        except KeyboardInterrupt:
            raise Failure(
                f"Interrupted while it was being started: {self.deployment.command('follow', name)} "
                "tells whether it has begun.",
                ExitCode.PARTIAL,
            ) from None
        self.screen.note(f"{request.action} {name} on {self.deployment}")
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


def _no_later(request: RedriveRequest, moment: datetime) -> RedriveRequest:
    """The request without what failed at or after this moment."""
    cut, given = timestamp(moment), request.filter.failed_before
    before = min(cut, given) if given else cut
    return replace(request, filter=replace(request.filter, failed_before=before))
