"""The walk of `eventing verify`: an event of the canary's type, all the way, and a dead letter."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from urllib3.exceptions import HTTPError

from console.commands.guarded import guarded
from console.deployed.account import Account
from console.deployed.deployment import Deployment
from console.deployed.executions import Execution
from console.deployed.front_door import Answer, FrontDoor
from console.deployed.temporary_queue import TemporaryQueue
from console.shell.surroundings import Surroundings
from eventing.archive_line import folder
from eventing.canary import PUBLISHER
from eventing.foreign_text import plain
from eventing.timestamps import timestamp
from eventing.verification.check import Check, failed, ok, skipped
from eventing.verification.events import SentEvent
from functions.contract import Objects

# An event is in each of these places within a second or two; a function that is called for the first time
# takes some more.
_ARRIVAL_SECONDS = 20.0
# Firehose waits for 15 minutes, then it writes.
_COPY_SECONDS = 20 * 60.0
_RUN_SECONDS = 120.0
_PAUSE = 0.3
_WAIT_SECONDS = 2
# Clocks differ, and S3 tells whole seconds.
_BEFORE = timedelta(minutes=1)
_TRIAGES = 3
# Of the form of a key, and nobody's.
WRONG_KEY = "nobodys0key0" * 3


class _NoAnswer(Exception):  # noqa: N818 - a finding
    """No answer, or no end of a run."""

    def __init__(self, detail: str, fix: str) -> None:
        super().__init__(detail)
        self.detail, self.fix = detail, fix


class Walk:
    """Of one verification, while its queue is there. Its checks raise what the SDK raises."""

    def __init__(
        self,
        deployment: Deployment,
        surroundings: Surroundings,
        *,
        door: FrontDoor,
        queue: TemporaryQueue,
        run: str,
        waits_for_copies: bool,
    ) -> None:
        self._deployment = deployment
        self._surroundings = surroundings
        self._account = Account(deployment.aws)
        self._door = door
        self._queue = queue
        self._run = run
        self._waits_for_copies = waits_for_copies
        self.event = SentEvent(run, "walk")
        self.letter = SentEvent(run, "letter")
        self._came: list[tuple[str, bool]] = []
        self._accepted_at = ""
        """As the first answer says."""
        self._late = 0.0
        """When what was accepted should have arrived everywhere."""
        self._key = ""
        """Of the injected letter in the ledger."""
        self._resolved = False

    def checks(self) -> Iterator[Check]:
        """Each step when it is done; those that need one which has failed are left out."""
        accepted = self._timed("accepted", self._accept)
        yield accepted
        if accepted.outcome == "ok":
            yield self._timed("stored", self._stored)
            if self._copied_at_once:
                yield self._timed("archived", self._archived)
            yield self._timed("delivered", self._delivered)
            yield self._timed("duplicate", self._duplicate)
            yield self._timed("conflict", self._conflict)
        yield self._timed("refused key", self._refused)
        triaged = self._timed("dead letter triaged", self._triage)
        yield triaged
        if triaged.outcome == "ok":
            planned = self._timed("dead letter planned", self._plan)
            yield planned
            if planned.outcome == "ok":
                yield self._timed("dead letter redriven", self._redrive)
        # Triage has taken in what became of the other event, if it was left on the way.
        if accepted.outcome == "ok":
            yield self._timed("no other dead letters", self._others)
            if not self._copied_at_once:
                yield self._copied_later()

    def stays(self) -> list[str]:
        """What is there afterwards, so far as it is known without another look."""
        found = [
            f"events of the source {self.event.source}: in the Events table, the archive and the logs until "
            "they expire"
        ]
        if self._resolved:
            found.append("the injected dead letter, resolved, and the reports of its runs")
        elif self._key:
            taken_up = self._deployment.command("redrive", "--letter-id", self._key)
            found.append(f"the injected dead letter, perhaps open: {taken_up}")
        return found

    def _timed(self, name: str, make: Callable[[], tuple[str, str]]) -> Check:
        """The check that this makes, which returns what it has found, and what to do if that is a fault."""
        began = time.monotonic()

        def check() -> Check:
            try:
                detail, fix = make()
            except _NoAnswer as error:
                detail, fix = error.detail, error.fix
            return failed(name, detail, fix=fix) if fix else ok(name, detail)

        return replace(guarded(name, check), seconds=time.monotonic() - began)

    def _accept(self) -> tuple[str, str]:
        answer = self._post(self.event)
        if answer.status != 202 or answer.content.get("status") != "accepted":
            return _told(answer), "the log of the ingest function says why; see the runbook"
        self._accepted_at = str(answer.content["accepted_at"])
        self._late = time.monotonic() + _ARRIVAL_SECONDS
        return f"202, at {self._accepted_at}", ""

    def _stored(self) -> tuple[str, str]:
        table = self._deployment.output("EventsTable")
        if self._until(lambda: self._account.is_stored(table, self.event.key)):
            return "in the Events table", ""
        return "not in the Events table", _LETTERS.format("ingest")

    def _archived(self) -> tuple[str, str]:
        bucket = self._deployment.output("ArchiveBucket")
        at = datetime.fromisoformat(self._accepted_at)
        prefix = f"{Objects.EVENTS}{folder(PUBLISHER, self._accepted_at)}"
        if self._until(
            lambda: any(
                self.event.is_in(line.event_text)
                for line in self._account.archived(bucket, prefix, at - _BEFORE)
            )
        ):
            return "where Macie looks", ""
        return f"not below {prefix} of the archive", _LETTERS.format("ingest")

    @property
    def _copied_at_once(self) -> bool:
        """Firehose keeps a copy for a while; that of a laptop for a second."""
        deployment = self._deployment
        return bool(deployment.laptop) or not deployment.has("DeliveryStream")

    def _copied_later(self) -> Check:
        if not self._waits_for_copies:
            return skipped("archived", "Firehose brings it within 15 minutes: --wait-for-copies")
        self._late = time.monotonic() + _COPY_SECONDS
        return self._timed("archived", self._archived)

    def _delivered(self) -> tuple[str, str]:
        if self._until(lambda: self._has_come(self.event)):
            return "unchanged, at a queue of its own", ""
        return "not at the queue", _LETTERS.format("publish")

    def _duplicate(self) -> tuple[str, str]:
        answer = self._post(self.event)
        expected = {"status": "duplicate", "accepted_at": self._accepted_at}
        if answer.status == 202 and expected.items() <= answer.content.items():
            return "the same event again is 202, duplicate", ""
        return _told(answer), "the table has not the event that was accepted: see `stored`"

    def _conflict(self) -> tuple[str, str]:
        answer = self._post(SentEvent(self._run, self.event.name, note="another content"))
        if answer.status == 409:
            return "another event with its id is 409", ""
        return _told(answer), "the table has not the event that was accepted: see `stored`"

    def _refused(self) -> tuple[str, str]:
        answer = self._post(SentEvent(self._run, "refused"), key=WRONG_KEY)
        if answer.status == 403:
            return "a wrong key is 403", ""
        return _told(answer), "the method of the API asks for no key: deploy again"

    def _triage(self) -> tuple[str, str]:
        letter = self.letter.injected(timestamp(self._surroundings.now()))
        self._key = letter.key
        self._deployment.aws.client("sqs").send_message(
            QueueUrl=self._deployment.output("PublishDlqUrl"), MessageBody=letter.text()
        )
        # One that is under way may have looked at the queue before.
        last = ""
        for _ in range(_TRIAGES):
            ended = self._execute({"action": "triage"})
            if self._state(self._key) == "open":
                return "injected into publish, and open in the ledger", ""
            last = _how(ended)
        return f"not in the ledger after {_TRIAGES} triages: {last}", _RUNS

    def _plan(self) -> tuple[str, str]:
        ended = self._execute({**self._chosen(), "action": "plan"})
        plan: Any = ended.output.get("plan") or {}
        if (plan.get("letters"), plan.get("will_go_through")) == (1, 1):
            return "it will go through", ""
        return f"{_how(ended)}, of {plan.get('letters', 0)} letters", _RUNS

    def _redrive(self) -> tuple[str, str]:
        ended = self._execute(
            {**self._chosen(), "action": "redrive", "reason": "eventing verify redrives its own"}
        )
        if self._state(self._key) != "resolved":
            return f"{_how(ended)}; it is {self._state(self._key)}", _RUNS
        self._resolved = True
        self._late = time.monotonic() + _ARRIVAL_SECONDS
        if self._until(lambda: self._has_come(self.letter, redriven=True)):
            return "by its id, and delivered", ""
        return "done, and not at the queue", _LETTERS.format("publish")

    def _others(self) -> tuple[str, str]:
        ledger = self._deployment.ledger
        looked_up = ((key, ledger.letter(key)) for key in self.event.letters(self._accepted_at))
        letters = {key: letter for key, letter in looked_up if letter}
        if not letters:
            return "the event has become none", ""
        told = [
            f"{letter['stage']} could not {letter['step']}: {letter['code']}: {plain(letter['message'])}"
            for letter in letters.values()
        ]
        ids = [word for key in letters for word in ("--letter-id", key)]
        return "; ".join(told), f"put that right, then {self._deployment.command('redrive', *ids)}"

    def _chosen(self) -> dict[str, Any]:
        return {"stage": "publish", "filter": {"letter_ids": [self._key]}}

    def _state(self, key: str) -> str | None:
        found = self._deployment.ledger.letter(key)
        return str(found["state"]) if found else None

    def _post(self, event: SentEvent, *, key: str | None = None) -> Answer:
        """The answer; raises `_NoAnswer`."""
        try:
            return self._door.post(event.text, key=key)
        except HTTPError as error:
            raise _NoAnswer(f"no answer ({type(error).__name__})", _UNREACHED) from error

    def _has_come(self, event: SentEvent, *, redriven: bool = False) -> bool:
        self._came += self._queue.receive_redriven(seconds=_WAIT_SECONDS)
        return any(event.is_in(body) and by == redriven for body, by in self._came)

    def _execute(self, members: dict[str, Any]) -> Execution:
        """Run it to its end; raises `_NoAnswer`."""
        executions = self._deployment.executions
        name = executions.new_name(f"verify-{members['action']}", self._surroundings.now())
        executions.start(name, {**members, "started_by": self._deployment.aws.asker()})
        deadline = time.monotonic() + _RUN_SECONDS
        while (found := executions.describe(name)).is_running:
            if time.monotonic() > deadline:
                executions.stop(name, cause="eventing verify waits no longer")
                raise _NoAnswer(f"{name} has not ended within {_RUN_SECONDS:.0f} s", _RUNS)
            self._surroundings.sleep(_PAUSE)
        return found

    def _until(self, holds: Callable[[], bool]) -> bool:
        """Look until it holds or it is late, once at least."""
        while not holds():
            if time.monotonic() > self._late:
                return False
            self._surroundings.sleep(_PAUSE)
        return True


_UNREACHED = "is the URL right, and is there a network?"
_LETTERS = "`eventing letters --stage {}` says what is in the way"
_RUNS = "`eventing status` tells of runs and letters; the runbook has the rest"


def _told(answer: Answer) -> str:
    """Status and reason of an answer that is not as it should be."""
    members = (answer.content.get(name) for name in ("title", "detail", "request_id"))
    return ": ".join([str(answer.status), *(plain(member) for member in members if member)])


def _how(ended: Execution) -> str:
    """How an execution has ended, in words."""
    why = ended.error or ended.output.get("outcome")
    return f"{ended.name} ended {ended.status}, {plain(why)} {plain(ended.cause or '')}".strip()
