"""`eventing verify`: proves that a deployment works, after it was deployed or at any other time."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from secrets import token_hex
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from console.commands.command import command
from console.commands.deploy import PANEL
from console.shell.failure import ExitCode, Failure, Misuse
from eventing.foreign_text import plain

if TYPE_CHECKING:
    from console.commands.walk import Walk
    from console.deployed.deployment import Deployment
    from console.shell.screen import Screen
    from console.shell.surroundings import Surroundings
    from eventing.verification.check import Check
    from eventing.verification.load import Figures

_STYLES = {"ok": "green", "failed": "bold red", "skipped": "yellow"}
# A subscription is there at once, and may take a moment to be served.
_SUBSCRIBED_SECONDS = 3.0
_MOST_RATE, _MOST_SECONDS = 500, 3600
_NO_CANARY = "this deployment has no canary (`canary` in cdk.json), whose events walk"


def add_to(app: typer.Typer) -> None:
    """Add this command."""
    command(app, "verify", panel=PANEL)(verify)


def verify(
    screen: Screen,
    deployment: Deployment,
    surroundings: Surroundings,
    load: Annotated[
        tuple[int, int] | None,
        typer.Option(
            metavar="RATE SECONDS",
            help="Then send so many events a second for so long, and measure.",
            show_default=False,
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write what was found into a file.", show_default=False),
    ] = None,
    during_incident: Annotated[
        bool, typer.Option("--during-incident", help="Begin while an alarm is on.")
    ] = False,
    wait_for_copies: Annotated[
        bool,
        typer.Option(
            "--wait-for-copies",
            help="Wait for the event's copy in the archive: a quarter of an hour, by Firehose.",
        ),
    ] = False,
) -> ExitCode:
    """Prove that a deployment works: quotas, alarms, permissions; then an event and a dead letter walk.

    It sends events of the canary's type only, which nobody else is subscribed to, and tells operators first.
    """
    if load and not (1 <= load[0] <= _MOST_RATE and 1 <= load[1] <= _MOST_SECONDS):
        raise Misuse(
            f"--load: from 1 to {_MOST_RATE} events a second, for 1 to {_MOST_SECONDS} seconds."
        )
    verification = Verification(
        screen, deployment, surroundings, load=load, report=report, waits=wait_for_copies
    )
    if not during_incident:
        verification.refuse_incident()
    if report:
        _check_writable(report)
    with _terminated_as_interrupted():
        return verification.made()


class Verification:
    """One run of it."""

    def __init__(
        self,
        screen: Screen,
        deployment: Deployment,
        surroundings: Surroundings,
        *,
        load: tuple[int, int] | None,
        report: Path | None,
        waits: bool,
    ) -> None:
        from eventing.verification.events import new_run

        self._screen = screen
        self._deployment = deployment
        self._surroundings = surroundings
        self._load = load
        self._report = report
        self._waits = waits
        self._began = surroundings.now()
        self._run = new_run(self._began, token_hex(3))
        self._checks: list[Check] = []
        self._figures: Figures | None = None
        self._walk: Walk | None = None
        self._complete = False

    def refuse_incident(self) -> None:
        """Raise `Failure` while an alarm on the flow is on or a letter is open."""
        from console.deployed.groups import grouped
        from console.deployed.health import health
        from eventing.dead_letter import STAGES
        from eventing.redrive.filter import Filter
        from eventing.words import counted

        letters = self._deployment.ledger.letters(STAGES, ("open", "redriving"), Filter())
        # The alarms on dead letters go off two minutes after the last one.
        behind = () if letters else [f"{stage}-dead-letters" for stage in STAGES]
        alarms = [one for one in self._deployment.alarms.on() if one.name not in behind]
        found = [one.name for one in alarms] if health(alarms, (), (), ()) == "unhealthy" else []
        found += [
            f"{counted(one.letters, 'open letter')} ({one.cause})" for one in grouped(letters)
        ]
        if found:
            raise Failure(
                f"There is an incident: {plain(', '.join(found))}. End it first "
                f"({self._deployment.command('status')}), or give --during-incident."
            )

    def made(self) -> ExitCode:
        """Make all checks, tell each when it is done, and all of them at the end."""
        try:
            self._make()
            self._complete = True
        except KeyboardInterrupt:
            self._tell()
            raise Failure(
                "Interrupted; its queue and its subscription are removed, if there were any.",
                ExitCode.PARTIAL,
            ) from None
        except BaseException:
            self._tell()
            raise
        return self._tell()

    def _make(self) -> None:
        from console.commands.inspection import Inspection
        from eventing.verification.check import failed

        queues = f"{self._deployment.name}-verify-"
        for check in Inspection(self._deployment, queues=queues, now=self._began).checks():
            self._note(check)
        if not self._deployment.has("CanaryTopicArn"):
            self._note(failed("walk", _NO_CANARY, fix="switch it on and deploy"))
            return
        self._announce()
        self._send(queues)

    def _announce(self) -> None:
        from eventing.mail import Sender
        from eventing.verification.events import announcement

        mail = announcement(self._deployment.aws.caller(), run=self._run, load=self._load)
        sender = Sender(
            deployment=self._deployment.name,
            region=self._deployment.region,
            options="",
            runbook="",
            dashboard="",
        )
        self._deployment.aws.client("sns").publish(
            TopicArn=self._deployment.output("OpsTopicArn"),
            Subject=sender.subject(mail),
            Message=sender.text(mail),
        )

    def _send(self, queues: str) -> None:
        from console.commands.load import CONNECTIONS, Load
        from console.commands.walk import Walk
        from console.deployed.account import Account
        from console.deployed.front_door import FrontDoor
        from console.deployed.temporary_queue import TemporaryQueue

        deployment = self._deployment
        key = Account(deployment.aws).key(deployment.output("CanaryKeyId"))
        door = FrontDoor(deployment.api_url, key, connections=CONNECTIONS if self._load else 1)
        with TemporaryQueue(
            deployment.aws.client("sqs"),
            deployment.aws.client("sns"),
            name=f"{queues}{self._run}",
            topic_arn=deployment.output("CanaryTopicArn"),
        ) as queue:
            if not deployment.laptop:
                self._surroundings.sleep(_SUBSCRIBED_SECONDS)
            walk = Walk(
                deployment,
                self._surroundings,
                door=door,
                queue=queue,
                run=self._run,
                waits_for_copies=self._waits,
            )
            self._walk = walk
            for check in walk.checks():
                self._note(check)
            if self._load and all(check.outcome != "failed" for check in self._checks):
                rate, seconds = self._load
                self._screen.note(f"{rate} events a second for {seconds} s ...")
                self._figures = Load(
                    door, queue, run=self._run, rate=rate, seconds=seconds
                ).figures()
                self._note(self._figures.check(rate=rate))

    def _note(self, check: Check) -> None:
        self._checks.append(check)
        if self._screen.as_json:
            self._screen.note(check.line)
        else:
            self._screen.line(check.line, style=_STYLES[check.outcome])

    def _tell(self) -> ExitCode:
        from eventing.verification.check import verdict

        good, sentence = verdict(self._checks)
        if not self._complete:
            good, sentence = False, f"not ended; until then {sentence}"
        self._screen.say()
        self._screen.say(
            f"{self._deployment}: {sentence}", style=_STYLES["ok" if good else "failed"]
        )
        stays = self._walk.stays() if self._walk else []
        for one in stays:
            self._screen.say(f"stays: {one}")
        self._screen.document(
            {
                "deployment": self._deployment.name,
                "region": self._deployment.region,
                "run": self._run,
                "ok": good,
                "checks": [asdict(check) for check in self._checks],
                "load": asdict(self._figures) if self._figures else None,
                "stays": stays,
                "next": [] if good else [self._deployment.command("status")],
            }
        )
        if self._report:
            self._write(self._report, sentence, stays)
        return ExitCode.DONE if good else ExitCode.FAILED

    def _write(self, report: Path, sentence: str, stays: Sequence[str]) -> None:
        lines = [
            f"Verification of {self._deployment}",
            f"run {self._run}, {self._began:%Y-%m-%d %H:%M:%S} UTC, by {self._deployment.aws.caller()}",
            "",
            *(check.line for check in self._checks),
            "",
            sentence,
            *(f"stays: {one}" for one in stays),
        ]
        report.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _check_writable(report: Path) -> None:
    """Raise `Misuse` now, and not when all is done."""
    try:
        report.open("a", encoding="utf-8").close()
    except OSError as error:
        raise Misuse(f"{plain(report)} can't be written: {plain(error.strerror)}.") from error


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Meanwhile SIGTERM, by which pipelines end their steps, is Ctrl-C."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
