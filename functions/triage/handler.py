"""The triage task of the state machine in `workflows/redrive.asl.json`."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from aws_lambda_powertools import Logger

from eventing.catalogue import Catalogue
from eventing.dead_letter import Stage
from eventing.redrive.forecast import Judge
from functions.shared.clients import READ_SECONDS, Clients
from functions.shared.invocation import Context
from functions.shared.ledger import Ledger
from functions.shared.locks import Held, Locks
from functions.shared.metrics import Metrics
from functions.shared.operations import OperationsBucket
from functions.triage.triage import Counts, Triage

_CATALOGUE = Path(__file__).parents[2] / "catalogue"
_RECEIVERS = 8
_PAGE_SECONDS = 45.0
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
    ) -> None:
        self._triage = triage
        self._locks = locks
        self._bucket = bucket
        self._logger = logger
        self._metrics = metrics

    def __call__(self, task: Mapping[str, Any], context: Context) -> dict[str, Any]:
        """`{"drained", "skipped"}`; skipped when another execution is at the triage of every stage.

        What keeps a stage from being drained is raised when the others have been worked on, and what
        was done until then is on record.
        """
        execution: str = task["execution"]
        stages: list[Stage] = task["stages"]
        seconds = min(_PAGE_SECONDS, context.get_remaining_time_in_millis() / 1000 - 10)
        counts: dict[str, Any] = {}
        drained, skipped = True, True
        failure: Exception | None = None
        for stage in stages:
            try:
                lease = self._locks.acquire(
                    f"triage#{stage}", execution, seconds=_LEASE_SECONDS, now=datetime.now(UTC)
                )
            except Held as held:
                counts[stage] = {"skipped": f"{held.owner} is at it"}
                continue
            skipped = False
            found, empty = self._triage.page(stage, seconds=seconds / len(stages))
            drained = drained and empty
            counts[stage] = self._observe(stage, found, execution)
            if found.failure:
                failure = found.failure
            if empty:
                self._locks.release(lease)
        # Of this very invocation: a page that is tried again does not hide what it did before.
        key = f"redrive/{execution}/triage-{context.aws_request_id}.json"
        self._bucket.put(key, json.dumps(counts))
        if failure:
            raise failure
        return {"drained": drained, "skipped": skipped, "counts": counts}

    def _observe(self, stage: Stage, counts: Counts, execution: str) -> dict[str, Any]:
        # The publish function did not live to say that these are settled, and why.
        self._metrics.dead_lettered(counts.crashed)
        accepted = [datetime.fromisoformat(letter.accepted_at) for letter in counts.crashed]
        minutes = Counter(moment.replace(second=0, microsecond=0) for moment in accepted)
        for minute, count in minutes.items():
            self._metrics.write({"EventsSettled": count}, at=minute)
        result = {
            "recorded": counts.recorded,
            "known": counts.known,
            "junk": counts.junk,
            "records": counts.records,
            "left": counts.left,
            "causes": dict(counts.causes),
            "junk_reasons": dict(counts.junk_reasons.most_common(10)),
        }
        failure = type(counts.failure).__name__ if counts.failure else None
        self._logger.info(
            "triage", stage=stage, execution=execution, counts=result, failure=failure
        )
        return result


@cache
def _handler() -> Handler:
    environment = os.environ
    clients = Clients(connections=_RECEIVERS, read_seconds=READ_SECONDS + 2)
    dynamodb, bucket = (
        clients.client("dynamodb"),
        OperationsBucket(clients.client("s3"), bucket=environment["OPERATIONS_BUCKET"]),
    )
    table = environment["LEDGER_TABLE"]
    receivers = ThreadPoolExecutor(_RECEIVERS)
    return Handler(
        triage=Triage(
            client=clients.client("sqs"),
            urls={
                "ingest": environment["INGEST_DLQ_URL"],
                "publish": environment["PUBLISH_DLQ_URL"],
            },
            ledger=Ledger(dynamodb, table=table, workers=receivers),
            bucket=bucket,
            judge=Judge(Catalogue.read(_CATALOGUE)),
            receivers=receivers,
            receiver_count=_RECEIVERS,
        ),
        locks=Locks(dynamodb, table=table),
        bucket=bucket,
        logger=Logger(),
        metrics=Metrics(),
    )


def handle(task: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """The function's entry point."""
    return _handler()(task, context)
