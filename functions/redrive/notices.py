"""Messages to operators: of an incident once, of each run how it went, and the question for approval."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from eventing.cause import OWN_FAULT
from eventing.dead_letter import Stage
from eventing.foreign_text import within
from eventing.redrive.plan import Plan
from functions.contract import Dimension, Metric, Objects
from functions.redrive.root_causes import RootCauses
from functions.redrive.run import Run
from functions.redrive.texts import (
    approval_text,
    counted,
    headline,
    incident_text,
    not_in_ledger_text,
    parked_text,
    run_text,
)
from functions.shared.clock import Clock
from functions.shared.incidents import Incidents, Told, left, name_of
from functions.shared.locks import Held, Lease, Locks, lock_name
from functions.shared.metrics import Metrics
from functions.shared.operations import OperationsBucket, OpsTopic

# A mail that people read: SNS would take 256 KiB.
_MAIL_BYTES = 16 * 1024
# To wait for another execution that is telling, and to hold others up.
_TURN_SECONDS = 20


class Notices:
    """Sends messages to the ops topic."""

    def __init__(
        self,
        *,
        root_causes: RootCauses,
        incidents: Incidents,
        locks: Locks,
        bucket: OperationsBucket,
        ops: OpsTopic,
        metrics: Metrics,
        deployment: str,
        runbook: str,
        clock: Clock,
    ) -> None:
        self._root_causes = root_causes
        self._incidents = incidents
        self._locks = locks
        self._bucket = bucket
        self._ops = ops
        self._metrics = metrics
        self._deployment = deployment
        self._runbook = runbook
        self._clock = clock

    def tell_of_incident(self, run: Run, output: Mapping[str, Any]) -> None:
        """Tell operators of root causes that they have not been told of, and count that per stage.

        Told first, remembered after: a process that dies in between tells twice. Executions take
        turns, so that two that find the same cause tell once.
        """
        for stage in run.request.stages:
            with self._turn(stage, run.execution):
                told = self._tell_of_stage(stage, output)
            if told.of_system:
                self._metrics.write({Metric.INCIDENT_REPORTED: 1}, of={Dimension.STAGE: stage})
            if told.of_events:
                self._metrics.write({Metric.ATTENTION_REPORTED: 1})

    def tell_of_run(self, run: Run, output: Mapping[str, Any]) -> None:
        """A short, readable message on how a redrive or discard went."""
        subject = f"{self._deployment}: {run.request.action} {output['outcome']}"
        lines = [run_text(run, output, runbook=self._runbook), *self._parked(output)]
        self._ops.tell(subject, "\n".join(lines))

    def ask(
        self,
        run: Run,
        *,
        plan: Plan,
        groups: Sequence[Mapping[str, Any]],
        uri: str,
        because: str,
    ) -> None:
        """Ask for the approval of a plan, with the commands to give and to refuse it."""
        letters = counted(len(plan.letters), "letter")
        self._ops.tell(
            f"{self._deployment}: approve {run.request.action} of {letters}?",
            approval_text(run, plan=plan, groups=groups, uri=uri, because=because),
        )

    def _tell_of_stage(self, stage: Stage, output: Mapping[str, Any]) -> Told:
        by_fingerprint = self._root_causes.find([stage], ["open", "redriving"])
        triaged = output.get("triage", {}).get(stage, {})
        letters = sum(group.letters for group in by_fingerprint.values())
        own = sum(g.letters for g in by_fingerprint.values() if g.first.code in OWN_FAULT)
        # At once: the counter looks once a minute, and says 0 until then.
        self._metrics.open_letters(stage, {"event": own, "system": letters - own})
        present = {name_of(f, group.first.code) for f, group in by_fingerprint.items()}
        present |= {left(code) for code in triaged.get("causes", ())}
        known = self._incidents.told(stage).names
        if gone := known - present:
            self._incidents.forget(stage, gone)
        new, junk = present - known, triaged.get("junk", 0)
        if not new and not junk:
            return Told()
        lines = not_in_ledger_text(triaged, self._bucket.uri(f"{Objects.JUNK}{stage}/"))
        if letters:
            groups = self._root_causes.describe(by_fingerprint)
            lines = [*incident_text(stage, letters, len(by_fingerprint), groups), *lines]
        # Before all that may be long.
        next = [
            f"What to do: {self._runbook}#{'plan' if letters else 'junk' if junk else 'triage'}",
            *self._parked(output),
            f"report: {output['report']}",
        ]
        text = within([lines[0], *next, *lines[1:]] if lines else next, _MAIL_BYTES)
        self._ops.tell(f"{self._deployment}: {headline(stage, letters, junk)}", text)
        if new:
            self._incidents.add(stage, new)
        return Told(frozenset(new))

    def _parked(self, output: Mapping[str, Any]) -> list[str]:
        parked = output.get("parked", {}).items()
        return [parked_text(stage, found, self._runbook) for stage, found in parked]

    @contextmanager
    def _turn(self, stage: Stage, execution: str) -> Iterator[None]:
        lease: Lease | None = None
        for _ in range(_TURN_SECONDS):
            try:
                lease = self._locks.acquire(
                    lock_name("tell", stage),
                    execution,
                    seconds=_TURN_SECONDS,
                    now=self._clock.now(),
                )
                break
            except Held:
                self._clock.sleep(1)
        # Without a turn it is told all the same: twice is better than never.
        try:
            yield
        finally:
            if lease:
                self._locks.release(lease)
