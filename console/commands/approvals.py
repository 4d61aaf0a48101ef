"""Commands of approvers: what waits for an answer, and the answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.commands.case_questions import (
    OnlyQuarantine,
    Throttle,
    case_entry,
    choice_of,
    measure_of,
    show_case_questions,
)
from console.commands.case_tables import show_case
from console.commands.command import command
from console.commands.erasure_tables import (
    erasure_entry,
    show_erasure_question,
    show_erasure_questions,
)
from console.commands.run_questions import run_entry, show_run_question, show_run_questions
from console.commands.runs import EXECUTIONS, Name, ShowAws
from console.shell.failure import ExitCode, Failure, Misuse
from eventing.erasure.action import is_erasure
from eventing.foreign_text import plain
from eventing.sensitive_data.case import asked_about
from eventing.words import counted

if TYPE_CHECKING:
    from console.deployed.approvals import Approvals, Question
    from console.deployed.deployment import Deployment
    from console.shell.screen import Screen
    from console.shell.surroundings import Surroundings

Reason = Annotated[
    str | None, typer.Option(help="Why; for the report and the audit.", show_default=False)
]
Yes = Annotated[bool, typer.Option("--yes", help="Don't ask, answer.")]

_CALLED_OFF = "Called off; nothing was answered."
_APPROVE = (
    "Let an execution carry out its plan, or stop a case's publisher: shows it, asks, answers. Not for who "
    "asked for it."
)
_REFUSE = "Refuse an execution its plan, or a case: shows it, asks, answers. Nothing is touched."
# An answer is read within a second or two.
_LOOKS = 60
# Standard input is what was asked, of which this is the token.
_TAKE_OUT = """python3 -c 'import json, sys; print(json.load(sys.stdin)["token"])'"""


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    command(app, "approvals", panel=EXECUTIONS)(approvals)
    command(app, "approve", panel=EXECUTIONS, help=_APPROVE)(approve)
    command(app, "refuse", panel=EXECUTIONS, help=_REFUSE)(refuse)


def approvals(screen: Screen, deployment: Deployment, surroundings: Surroundings) -> ExitCode:
    """List what waits for an approval."""
    runs, of_cases = deployment.approvals.waiting(), deployment.case_approvals.waiting()
    erasures = deployment.erasure_approvals.waiting()
    waiting = (*runs, *of_cases, *erasures)
    following = [deployment.command("approve", one.execution) for one in waiting]
    entries = [
        *map(run_entry, runs),
        *map(case_entry, of_cases),
        *map(erasure_entry, erasures),
    ]
    screen.document({"approvals": entries, "next": following})
    now = surroundings.now()
    if runs:
        show_run_questions(screen, runs, now)
    if of_cases:
        show_case_questions(screen, of_cases, now)
    if erasures:
        show_erasure_questions(screen, erasures, now)
    if not entries:
        screen.say("Nothing waits for an approval.")
    screen.next(following)
    return ExitCode.DONE


def approve(
    screen: Screen,
    deployment: Deployment,
    surroundings: Surroundings,
    execution: Name,
    reason: Reason = None,
    throttle: Throttle = None,
    only_quarantine: OnlyQuarantine = False,
    yes: Yes = False,
    show_aws: ShowAws = False,
) -> ExitCode:
    """Let an execution carry out its plan, or have the publisher of a case stopped."""
    choice = choice_of(execution, throttle, only_quarantine=only_quarantine)
    made = _Answer(screen, deployment, surroundings, approved=True, choice=choice)
    return made.give(execution, reason, yes=yes, show_aws=show_aws)


def refuse(
    screen: Screen,
    deployment: Deployment,
    surroundings: Surroundings,
    execution: Name,
    reason: Reason = None,
    yes: Yes = False,
    show_aws: ShowAws = False,
) -> ExitCode:
    """Refuse an execution its plan, or a case its measure: nothing is touched."""
    made = _Answer(screen, deployment, surroundings, approved=False)
    return made.give(execution, reason, yes=yes, show_aws=show_aws)


class _Answer:
    """An answer of whoever the credentials are of."""

    def __init__(
        self,
        screen: Screen,
        deployment: Deployment,
        surroundings: Surroundings,
        *,
        approved: bool,
        choice: Mapping[str, Any] | None = None,
    ) -> None:
        self._choice = choice
        self._screen = screen
        self._deployment = deployment
        self._surroundings = surroundings
        self._approved = approved
        self._verb = "approve" if approved else "refuse"

    def give(self, execution: str, reason: str | None, *, yes: bool, show_aws: bool) -> ExitCode:
        from eventing.redrive.approval import same_person

        name = self._deployment.executions.name(execution)
        question = self._approvals(name).find(name)
        approver = self._deployment.aws.asker()
        asked_by = str(question.request.get("started_by", ""))
        if self._approved and same_person(approver, asked_by):
            raise Misuse(
                f"{plain(asked_by)} asked for this run, and that is you: somebody else has to approve it."
            )
        if yes or show_aws:
            output = self._output(question, approver, reason or "")
        else:
            output = self._agreed(question, approver, reason)
        if show_aws:
            return self._show(question, output)
        return self._send(question, output)

    def _agreed(self, question: Question, approver: str, reason: str | None) -> dict[str, Any]:
        """The answer once whoever sits there has seen the plan and said yes."""
        if self._screen.as_json or not self._surroundings.at_terminal():
            raise Misuse(f"{self._verb} asks before it answers, and nobody is there: give --yes.")
        wording = f"{self._verb.capitalize()} {self._shown(question)} on {self._deployment}?"
        try:
            if not self._surroundings.agrees(wording):
                raise Failure(_CALLED_OFF, ExitCode.PARTIAL)
            if reason is None:
                reason = self._surroundings.answer("Why? For the report and the audit:")
        except KeyboardInterrupt:
            raise Failure(_CALLED_OFF, ExitCode.PARTIAL) from None
        return self._output(question, approver, reason)

    def _shown(self, question: Question) -> str:
        """What is asked for, in a few words, once it is on the screen."""
        if asked_about(question.execution):
            show_case(self._screen, question.summary)
            measure = measure_of(self._choice) if self._approved else "measure"
            return f"the {measure} of {plain(question.summary['publisher'])}"
        if is_erasure(question.execution):
            show_erasure_question(self._screen, question)
            whose = str(question.request["key"]).partition("#")[0]
            return f"the erasure of an event of {plain(whose)}"
        show_run_question(self._screen, question)
        return (
            f"the {question.request['action']} of {counted(question.summary['letters'], 'letter')}"
        )

    def _approvals(self, name: str) -> Approvals:
        if is_erasure(name):
            return self._deployment.erasure_approvals
        of_case = asked_about(name) is not None
        return self._deployment.case_approvals if of_case else self._deployment.approvals

    def _output(self, question: Question, approver: str, reason: str) -> dict[str, Any]:
        from eventing.input import MAX_REASON
        from eventing.redrive.statement import said

        why = said(reason, most=MAX_REASON)
        if why is None:
            raise Misuse(
                f"reason: must say why, in one line of at most {MAX_REASON} characters and words of your own."
            )
        told = {"approver": approver, "reason": why, "hash": question.hash}
        chosen = {"choice": self._choice} if self._choice else {}
        return {"approved": self._approved, **told, **chosen}

    def _show(self, question: Question, output: Mapping[str, Any]) -> ExitCode:
        """Print the command that answers; the token is read when it is run, and stands nowhere."""
        key = next(iter(question.tokens))
        where = f"s3://{self._deployment.objects.bucket}/{key}"
        read = f"{self._deployment.aws_command('s3', 'cp', where, '-')} | {_TAKE_OUT}"
        words = ["stepfunctions", "send-task-success", "--task-output", json.dumps(output)]
        shown = f'{self._deployment.aws_command(*words)} --task-token "$({read})"'
        self._screen.command(shown)
        self._screen.document({"aws": shown})
        return ExitCode.DONE

    def _send(self, question: Question, output: Mapping[str, Any]) -> ExitCode:
        name, case = question.execution, asked_about(question.execution)
        found = self._approvals(name)
        words = ("findings", "show", case) if case else ("follow", name)
        words = ("report", name) if is_erasure(name) else words
        following = [self._deployment.command(*words)]
        try:
            taken = found.answer(question, output)
            outcome = self._awaited(name) if taken else found.outcome(name)
        except KeyboardInterrupt:
            raise Failure(
                f"Interrupted while it was being answered: {following[0]} tells whether it was.",
                ExitCode.PARTIAL,
            ) from None
        if outcome is None and taken:
            raise Failure(
                f"The answer was taken and not read yet: {following[0]} tells what becomes of it.",
                ExitCode.PARTIAL,
            )
        if outcome is None or not (taken or _is_of(outcome, output)):
            found.find(name)
            raise Failure(f"No task of {name} takes an answer: {following[0]} tells why.")
        if bool(outcome.get("approved")) is not self._approved:
            raise Failure(f"The answer did not count: {plain(outcome.get('cause'))}")
        done = "approved" if self._approved else "refused"
        self._screen.say(f"{name}: {done}", style="green")
        self._screen.document(
            {"execution": name, "outcome": done, "reason": output["reason"], "next": following}
        )
        self._screen.next(following)
        return ExitCode.DONE

    def _awaited(self, name: str) -> Mapping[str, Any] | None:
        """What has become of the question; None when the answer is not read in time."""
        for _ in range(_LOOKS):
            if (outcome := self._approvals(name).outcome(name)) is not None:
                return outcome
            self._surroundings.sleep(0.5)
        return None


def _is_of(outcome: Mapping[str, Any], output: Mapping[str, Any]) -> bool:
    """True when this very answer was taken, and only its confirmation got lost."""
    told: tuple[object, object] = (outcome.get("approver"), outcome.get("cause"))
    refusal = f"Refused by {output['approver']}: {output['reason']}"
    return told == ((output["approver"], None) if output["approved"] else (None, refusal))
