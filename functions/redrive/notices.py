"""Messages to operators: of an incident once, of each run how it went, and the question for approval."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from eventing.cause import OWN_FAULT
from eventing.dead_letter import Stage
from eventing.redrive.plan import Plan
from functions.contract import Dimension, Metric, Objects
from functions.redrive.root_causes import RootCauses
from functions.redrive.run import Run
from functions.redrive.texts import approval_mail, incident_mail, run_mail
from functions.shared.clock import Clock
from functions.shared.incidents import Incidents, Told, left, name_of
from functions.shared.locks import Held, Lease, Locks, lock_name
from functions.shared.metrics import Metrics
from functions.shared.operations import OperationsBucket, OpsTopic

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
        clock: Clock,
    ) -> None:
        self._root_causes = root_causes
        self._incidents = incidents
        self._locks = locks
        self._bucket = bucket
        self._ops = ops
        self._metrics = metrics
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
        self._ops.tell(run_mail(run, output))

    def ask(self, run: Run, *, token: str, plan: Plan, uri: str) -> None:
        """Ask operators to approve a plan, with the exact commands to do so and to refuse."""
        groups = self._root_causes.with_messages(plan.groups)
        self._ops.tell(approval_mail(run, token=token, plan=plan, groups=groups, uri=uri))

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
        self._ops.tell(
            incident_mail(
                stage,
                letters=letters,
                root_causes=len(by_fingerprint),
                groups=self._root_causes.describe(by_fingerprint),
                triaged=triaged,
                junk=self._bucket.uri(f"{Objects.JUNK}{stage}/"),
                output=output,
            )
        )
        if new:
            self._incidents.add(stage, new)
        return Told(frozenset(new))

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
