"""Commands of approvers: what waits for an answer, and the answers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from console.commands.command import command
from console.commands.runs import EXECUTIONS, Name, ShowAws
from console.deployed.groups import summed
from console.shell.failure import ExitCode, Failure, Misuse
from eventing.erasure.action import is_erasure
from eventing.foreign_text import plain
from eventing.words import counted, duration

if TYPE_CHECKING:
    from console.deployed.approvals import Question
    from console.deployed.deployment import Deployment
    from console.shell.screen import Screen
    from console.shell.surroundings import Surroundings

Reason = Annotated[
    str | None, typer.Option(help="Why; for the report and the audit.", show_default=False)
]
Yes = Annotated[bool, typer.Option("--yes", help="Don't ask, answer.")]

_CALLED_OFF = "Called off; nothing was answered."
_APPROVE = (
    "Let an execution carry out its plan: shows the plan, asks, answers. Not for who asked for it."
)
_REFUSE = "Refuse an execution its plan: shows the plan, asks, answers. Nothing is touched."
_GROUPS = 10
_MESSAGE = 100
# An answer is read within a second or two.
_LOOKS = 60
# Standard input is what was asked, of which this is the token.
_TAKE_OUT = """python3 -c 'import json, sys; print(json.load(sys.stdin)["token"])'"""


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    command(app, "approvals", panel=EXECUTIONS)(approvals)
    approve, refuse = _answering(approved=True), _answering(approved=False)
    command(app, "approve", panel=EXECUTIONS, help=_APPROVE)(approve)
    command(app, "refuse", panel=EXECUTIONS, help=_REFUSE)(refuse)


def approvals(screen: Screen, deployment: Deployment, surroundings: Surroundings) -> ExitCode:
    """List what waits for an approval."""
    found = [*deployment.approvals.waiting(), *deployment.erasure_approvals.waiting()]
    following = [deployment.command("approve", one.execution) for one in found]
    screen.document({"approvals": [_entry(one) for one in found], "next": following})
    if not found:
        screen.say("Nothing waits for an approval.")
        return ExitCode.DONE
    now = surroundings.now()
    screen.table(
        (
            *("execution", "action", "stage", "letters", "causes"),
            *("topics", "asked by", "since", "ends in"),
        ),
        [
            (
                entry["execution"],
                entry["action"],
                entry["stage"] or "",
                entry["letters"],
                summed(entry["causes"]),
                summed(entry["topics"]),
                entry["started_by"],
                f"{_since(entry['asked_at'], now)} ago",
                _since(now, entry["ends_at"]),
            )
            for entry in map(_entry, found)
        ],
    )
    screen.next(following)
    return ExitCode.DONE


def _answering(*, approved: bool) -> Callable[..., ExitCode]:
    """The command that gives this answer."""

    def answer(
        screen: Screen,
        deployment: Deployment,
        surroundings: Surroundings,
        execution: Name,
        reason: Reason = None,
        yes: Yes = False,
        show_aws: ShowAws = False,
    ) -> ExitCode:
        made = _Answer(screen, deployment, surroundings, approved=approved)
        return made.give(execution, reason, yes=yes, show_aws=show_aws)

    return answer


class _Answer:
    """An answer of whoever the credentials are of."""

    def __init__(
        self,
        screen: Screen,
        deployment: Deployment,
        surroundings: Surroundings,
        *,
        approved: bool,
    ) -> None:
        self._screen = screen
        self._deployment = deployment
        self._surroundings = surroundings
        self._approved = approved
        self._verb = "approve" if approved else "refuse"

    def give(self, execution: str, reason: str | None, *, yes: bool, show_aws: bool) -> ExitCode:
        from eventing.redrive.approval import same_person
        from eventing.redrive.request import MAX_NAME

        name = self._deployment.executions.name(execution)
        question = self._deployment.approvals_of(name).find(name)
        approver = self._deployment.aws.caller()[:MAX_NAME]
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
        _show_plan(self._screen, question)
        wording = f"{self._verb.capitalize()} the {_asked_for(question)} on {self._deployment}?"
        try:
            if not self._surroundings.agrees(wording):
                raise Failure(_CALLED_OFF, ExitCode.PARTIAL)
            if reason is None:
                reason = self._surroundings.answer("Why? For the report and the audit:")
        except KeyboardInterrupt:
            raise Failure(_CALLED_OFF, ExitCode.PARTIAL) from None
        return self._output(question, approver, reason)

    def _output(self, question: Question, approver: str, reason: str) -> dict[str, Any]:
        from eventing.redrive.request import MAX_REASON
        from eventing.redrive.statement import said

        why = said(reason, most=MAX_REASON)
        if why is None:
            raise Misuse(
                f"reason: must say why, in one line of at most {MAX_REASON} characters and words of your own."
            )
        told = {"approver": approver, "reason": why, "hash": question.hash}
        return {"approved": self._approved, **told}

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
        name = question.execution
        found = self._deployment.approvals_of(name)
        tells = "report" if is_erasure(name) else "follow"
        following = [self._deployment.command(tells, name)]
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
            if (outcome := self._deployment.approvals_of(name).outcome(name)) is not None:
                return outcome
            self._surroundings.sleep(0.5)
        return None


def _is_of(outcome: Mapping[str, Any], output: Mapping[str, Any]) -> bool:
    """True when this very answer was taken, and only its confirmation got lost."""
    told: tuple[object, object] = (outcome.get("approver"), outcome.get("cause"))
    refusal = f"Refused by {output['approver']}: {output['reason']}"
    return told == ((output["approver"], None) if output["approved"] else (None, refusal))


def _asked_for(question: Question) -> str:
    """What is approved or refused, in words."""
    request = question.request
    if is_erasure(question.execution):
        return f"erasure of an event of {plain(request['key']).partition('#')[0]}"
    return f"{request['action']} of {counted(question.summary['letters'], 'letter')}"


def _show_plan(screen: Screen, question: Question) -> None:
    from console.commands.erasure_tables import show_plan as show_erasure
    from console.commands.plan_table import show_plan

    request, erases = question.request, is_erasure(question.execution)
    of = request["key"] if erases else request["stage"]
    screen.say(f"{request['action']} of {plain(of)}: {question.execution}", style="bold")
    screen.facts(
        {
            "asked by": request.get("started_by"),
            "reason": request.get("reason"),
            "needs approval": question.because,
            "ends at": question.ends_at,
        }
    )
    if erases:
        show_erasure(screen, question.summary)
        return
    show_plan(screen, question.summary)
    screen.say()
    screen.table(
        ("letters", "stage", "cause", "topics", "publishers", "failed first", "message"),
        [
            (
                group["letters"],
                group["stage"],
                group["cause"],
                summed(group["topics"]),
                summed(group["publishers"]),
                group["failed_first"],
                plain(group["message"], most=_MESSAGE),
            )
            for group in question.groups[:_GROUPS]
        ],
    )
    if (more := len(question.groups) - _GROUPS) > 0:
        screen.say(f"and {counted(more, 'more group', 'more groups')}")


def _entry(question: Question) -> dict[str, Any]:
    """What is told of it: all but its token."""
    request, summary, causes = question.request, question.summary, Counter[str]()
    letters, topics = summary["letters"], summary["topics"]
    if is_erasure(question.execution):
        letters, topics = sum(letters.values()), dict.fromkeys(topics or (), 1)
    for group in question.groups:
        causes[str(group["cause"])] += int(group["letters"])
    return {
        "execution": question.execution,
        "action": request["action"],
        "stage": request.get("stage"),
        "letters": letters,
        "causes": dict(causes),
        "topics": topics,
        "because": question.because,
        "started_by": request.get("started_by"),
        "reason": request.get("reason"),
        "asked_at": question.asked_at,
        "ends_at": question.ends_at,
        "plan": question.summary,
    }


def _since(first: datetime | str, last: datetime | str) -> str:
    one, other = (
        datetime.fromisoformat(moment) if isinstance(moment, str) else moment
        for moment in (first, last)
    )
    return duration(other - one)
