"""Writes receipts of what this region has published. It fails nothing else: what is missing is counted."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import inf
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from eventing.cause import Cause, Code, cause_of
from eventing.receipts import Receipt, Taken, receipts
from eventing.timestamps import timestamp
from functions.contract import Metric
from functions.shared.batch_answers import statement_cause
from functions.shared.clock import Clock
from functions.shared.metrics import Metrics
from functions.shared.resources import resource_of

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

WAIT_SECONDS = 4.0
"""For so long the writes of a batch are waited for: one attempt that hangs, and another."""
# Of DynamoDB (BatchExecuteStatement).
_STATEMENTS = 25
_PAUSE = 0.2
_MEMBERS = ("pk", "sk", "published_at", "topics", "expires_at")
_OUT_OF_TIME = Cause(Code.TIMEOUT, "OutOfTime", "the table did not answer in the time there was")


@dataclass(frozen=True)
class Writing:
    """Receipts that are being written, and until when they are waited for."""

    events: Sequence[Taken]
    call: Future[tuple[int, Cause | None]] | None
    by: float


class Receipts:
    """The receipts of this region.

    They are PartiQL INSERTs, which never overwrite and are all that IAM grants; a receipt that is there
    already is as good as one that is written now.
    """

    def __init__(
        self,
        client: DynamoDBClient,
        *,
        table: str,
        region: str,
        retention_days: int,
        workers: Executor,
        clock: Clock,
        metrics: Metrics,
        logger: Logger,
    ) -> None:
        self._client = client
        self._region = region
        self._retention = timedelta(days=retention_days)
        self._workers = workers
        self._clock = clock
        self._metrics = metrics
        self._logger = logger
        self._resource = resource_of({"TableName": table})
        members = ",".join(f"'{member}':?" for member in _MEMBERS)
        self._statement = f'INSERT INTO "{table}" VALUE {{{members}}}'

    def write(self, taken: Sequence[Taken]) -> None:
        """Write the receipts of these events, which SNS has taken just now, as `begin` and `settle` do."""
        self.settle(self.begin(taken))

    def begin(self, taken: Sequence[Taken], *, deadline: float = inf) -> Writing:
        """Begin to write the receipts of these events, which SNS has taken just now, in another thread.

        They are waited for until `deadline` (of the clock's `monotonic`), and for no longer than
        `WAIT_SECONDS`.
        """
        at, by = self._clock.now(), min(deadline, self._clock.monotonic() + WAIT_SECONDS)
        call = self._workers.submit(self._write, taken, at) if taken else None
        return Writing(taken, call, by)

    def settle(self, writing: Writing) -> None:
        """Wait for receipts; those that are not known to be written are logged and counted, and that is all.

        A write that is late may come to its end all the same.
        """
        if writing.call is None:
            return
        late = len(writing.events), replace(_OUT_OF_TIME, resource=self._resource)
        missing, cause = self._clock.result_by(writing.by, writing.call, late)
        if not missing:
            return
        self._metrics.write({Metric.RECEIPTS_MISSING: missing})
        self._logger.warning(
            "receipts missing",
            events=missing,
            accepted=sorted({timestamp(one.accepted_at)[:16] for one in writing.events}),
            cause=cause and cause.code,
            error=cause and cause.error_class,
        )

    def _write(self, taken: Sequence[Taken], at: datetime) -> tuple[int, Cause | None]:
        """The number of events that have no receipt, and why."""
        missing, last = 0, None
        try:
            made = receipts(taken, region=self._region)
            for start in range(0, len(made), _STATEMENTS):
                run = made[start : start + _STATEMENTS]
                failed, cause = self._insert(run, at)
                if failed and cause and cause.retryable:
                    self._clock.pause(_PAUSE)
                    failed, cause = self._insert(failed, at)
                missing += sum(one.events for one in failed)
                last = cause or last
        except Exception as error:
            # Whatever is wrong here, publication goes on.
            return len(taken), cause_of(error)
        return missing, last

    def _insert(self, run: Sequence[Receipt], at: datetime) -> tuple[list[Receipt], Cause | None]:
        """Write these in one call; those that failed, and why."""
        try:
            answer: Any = self._client.batch_execute_statement(
                Statements=[
                    {"Statement": self._statement, "Parameters": self._parameters(one, at)}
                    for one in run
                ]
            )
        except Exception as error:
            return list(run), cause_of(error)
        failed: list[Receipt] = []
        cause = None
        for one, entry in zip(run, answer["Responses"], strict=True):
            failure = entry.get("Error")
            if failure and failure.get("Code") != "DuplicateItem":
                failed.append(one)
                cause = statement_cause(failure, self._resource)
        return failed, cause

    def _parameters(self, one: Receipt, at: datetime) -> list[Any]:
        expires_at = int((one.minute + self._retention).timestamp())
        return [
            {"S": one.partition},
            {"S": one.sort},
            {"S": timestamp(at)},
            {"M": {topic: {"B": hashes} for topic, hashes in one.hashes.items()}},
            {"N": str(expires_at)},
        ]
