"""The triage task of the state machine in `workflows/redrive.asl.json`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Logger

from eventing.cause import naming_dependencies
from eventing.dead_letter import Stage
from eventing.timestamps import minute_of, read_moment
from functions.contract import Metric
from functions.shared.clients import READ_SECONDS
from functions.shared.clock import Clock
from functions.shared.entry import entry
from functions.shared.invocation import Context
from functions.shared.locks import Held, Locks, lock_name
from functions.shared.metrics import Metrics
from functions.shared.operations import OperationsBucket, run_key
from functions.shared.parts import Parts
from functions.triage.triage import Counts, Triage

RECEIVERS = 8
_PAGE_SECONDS = 45.0
# Of these, left for the letters that are at hand when no more are begun.
_LETTER_SECONDS = 10.0
# To put on record what a page did.
_RECORD_SECONDS = 12.0
# Longer than a page and the pause before the next one; a holder that died keeps triage from running
# for this long at most.
_LEASE_SECONDS = 150


class Handler:
    """Drains the dead-letter queues of an execution, one page a call."""

    def __init__(
        self,
        *,
        triage: Triage,
        locks: Locks,
        bucket: OperationsBucket,
        logger: Logger,
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self._triage = triage
        self._locks = locks
        self._bucket = bucket
        self._logger = logger
        self._metrics = metrics
        self._clock = clock

    def __call__(self, task: Mapping[str, Any], context: Context) -> dict[str, Any]:
        """`{"drained", "skipped"}`; skipped when another execution is at the triage of every stage.

        What keeps a stage from being drained is raised when the others have been worked on, and what
        was done until then is on record; an error of AWS as `DependencyDown`.
        """
        with naming_dependencies():
            return self._page(task, context)

    def _page(self, task: Mapping[str, Any], context: Context) -> dict[str, Any]:
        execution: str = task["execution"]
        stages: list[Stage] = task["stages"]
        deadline = self._clock.deadline(context)
        last = min(self._clock.monotonic() + _PAGE_SECONDS, deadline.less(_RECORD_SECONDS))
        last -= _LETTER_SECONDS
        counts: dict[str, Any] = {}
        drained, skipped = True, True
        failure: Exception | None = None
        for number, stage in enumerate(stages):
            try:
                lease = self._locks.acquire(
                    lock_name("triage", stage),
                    execution,
                    seconds=_LEASE_SECONDS,
                    now=self._clock.now(),
                )
            except Held as held:
                counts[stage] = {"skipped": f"{held.owner} is at it"}
                continue
            skipped = False
            now = self._clock.monotonic()
            ends = now + (last - now) / (len(stages) - number)
            found, empty = self._triage.page(stage, ends=ends)
            drained = drained and empty
            counts[stage] = self._observe(stage, found, execution)
            if found.failure:
                failure = found.failure
            if empty:
                self._locks.release(lease)
        # Of this very invocation: a page that is tried again does not hide what it did before.
        key = run_key(execution, f"triage-{context.aws_request_id}.json")
        self._bucket.put(key, json.dumps(counts))
        if failure:
            raise failure
        return {"drained": drained, "skipped": skipped, "counts": counts}

    def _observe(self, stage: Stage, counts: Counts, execution: str) -> dict[str, Any]:
        # The publish function did not live to say that these are settled, and why.
        self._metrics.dead_lettered(counts.crashed)
        minutes = Counter(minute_of(read_moment(one.accepted_at)) for one in counts.crashed)
        for minute, count in minutes.items():
            self._metrics.write({Metric.EVENTS_SETTLED: count}, at=minute)
        result = {
            "recorded": counts.recorded,
            "known": counts.known,
            "junk": counts.junk,
            "records": counts.records,
            "left": counts.left,
            "causes": dict(counts.causes),
            "junk_kinds": dict(counts.junk_kinds),
        }
        failure = type(counts.failure).__name__ if counts.failure else None
        self._logger.info(
            "triage", stage=stage, execution=execution, counts=result, failure=failure
        )
        return result


def make_triage(parts: Parts) -> Triage:
    """The function's rule, put together from these parts."""
    return Triage(
        queues=parts.queues,
        letters=parts.letters,
        bucket=parts.bucket,
        forecaster=parts.forecaster,
        receivers=parts.workers,
        receiver_count=parts.threads,
        poll_seconds=parts.poll_seconds,
        open_days=parts.open_letter_days,
        clock=parts.clock,
    )


def make_handler(parts: Parts) -> Handler:
    """The function, put together from these parts."""
    return Handler(
        triage=make_triage(parts),
        locks=parts.locks,
        bucket=parts.bucket,
        logger=parts.logger,
        metrics=parts.metrics,
        clock=parts.clock,
    )


handle = entry(lambda: make_handler(Parts(threads=RECEIVERS, read_seconds=READ_SECONDS + 2)))
