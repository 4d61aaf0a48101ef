"""Every minute: what is open, unaccounted for or stuck, and triage where a queue is not empty."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit

from eventing.conservation import Window
from eventing.dead_letter import STAGES, Stage
from functions.counter import runs
from functions.counter.conservation import Conservation
from functions.shared.clients import Clients
from functions.shared.invocation import Context
from functions.shared.ledger import Ledger
from functions.shared.locks import Locks
from functions.shared.metrics import Metrics

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient
    from types_boto3_stepfunctions import SFNClient

_WORKERS = 16


class Counter:
    """Counts what only the whole tells: open letters, lost events, stuck executions.

    It starts triage of what has not got into the ledger.
    """

    def __init__(
        self,
        *,
        sqs: SQSClient,
        urls: Mapping[Stage, str],
        ledger: Ledger,
        locks: Locks,
        stepfunctions: SFNClient,
        state_machine_arn: str,
        conservation: Conservation,
        metrics: Metrics,
        logger: Logger,
    ) -> None:
        self._sqs = sqs
        self._urls = urls
        self._ledger = ledger
        self._locks = locks
        self._stepfunctions = stepfunctions
        self._state_machine_arn = state_machine_arn
        self._conservation = conservation
        self._metrics = metrics
        self._logger = logger

    def __call__(self) -> dict[str, Any]:
        """What was found; one thing that cannot be looked at does not hide the others."""
        looks: dict[str, Callable[[datetime], dict[str, Any]]] = {
            **{stage: partial(self._look, stage) for stage in STAGES},
            "conservation": self._look_for_lost_events,
            "runs": self._look_at_runs,
        }
        found: dict[str, Any] = {}
        failures: list[Exception] = []
        for name, look in looks.items():
            try:
                found[name] = look(datetime.now(UTC))
            except Exception as error:
                found[name] = {"error": type(error).__name__}
                failures.append(error)
        self._logger.info("count", found=found)
        if failures:
            raise failures[0]  # the function's error metric tells of it
        return found

    def _look(self, stage: Stage, now: datetime) -> dict[str, Any]:
        waiting = self._waiting(stage)
        # What a redrive is at may yet fail again: until it is done with, it is open.
        open_letters, oldest = self._ledger.count(stage, ["open", "redriving"])
        reported = bool(self._ledger.reported(stage))
        # Also when a triage died before it had told anybody.
        untold = waiting > 0 or (open_letters > 0 and not reported)
        triaged = untold and self._start_triage(stage, now)
        age = (now - datetime.fromisoformat(oldest)).total_seconds() if oldest else 0.0
        by = ({"stage": stage},)
        self._metrics.write(
            gauges={
                "OpenDeadLetters": (open_letters, MetricUnit.Count),
                "OldestDeadLetterAge": (age, MetricUnit.Seconds),
            },
            by=by,
        )
        if reported and (open_letters or waiting):
            self._metrics.write({"IncidentReported": 1}, by=by)
        elif reported:
            self._ledger.end_incident(stage)
        return {"waiting": waiting, "open": open_letters, "triage_started": triaged}

    def _look_for_lost_events(self, now: datetime) -> dict[str, Any]:
        lost = self._conservation.unaccounted(now)
        self._metrics.write(gauges={"EventsUnaccounted": (lost, MetricUnit.Count)})
        return {"unaccounted": lost}

    def _look_at_runs(self, now: datetime) -> dict[str, Any]:
        seen = runs.look(self._stepfunctions, self._state_machine_arn, now)
        self._metrics.write(
            gauges={
                "RedriveRunsFailed": (seen.failed, MetricUnit.Count),
                "RedriveRunSeconds": (seen.seconds, MetricUnit.Seconds),
            }
        )
        return {"failed": seen.failed, "seconds": round(seen.seconds)}

    def _waiting(self, stage: Stage) -> int:
        attributes: Any = self._sqs.get_queue_attributes(
            QueueUrl=self._urls[stage], AttributeNames=["ApproximateNumberOfMessages"]
        )["Attributes"]
        return int(attributes["ApproximateNumberOfMessages"])

    def _start_triage(self, stage: Stage, now: datetime) -> bool:
        if self._locks.holder(f"triage#{stage}", now=now):
            return False
        self._stepfunctions.start_execution(
            stateMachineArn=self._state_machine_arn,
            input=json.dumps({"stage": stage, "action": "triage", "started_by": "counter"}),
        )
        return True


@cache
def _counter() -> Counter:
    environment = os.environ
    clients = Clients(connections=_WORKERS)
    dynamodb, table = clients.client("dynamodb"), environment["LEDGER_TABLE"]
    return Counter(
        sqs=clients.client("sqs"),
        urls={
            "ingest": environment["INGEST_DLQ_URL"],
            "publish": environment["PUBLISH_DLQ_URL"],
        },
        ledger=Ledger(dynamodb, table=table, workers=ThreadPoolExecutor(_WORKERS)),
        locks=Locks(dynamodb, table=table),
        stepfunctions=clients.client("stepfunctions"),
        state_machine_arn=environment["STATE_MACHINE_ARN"],
        conservation=Conservation(
            clients.client("cloudwatch"),
            namespace=environment["POWERTOOLS_METRICS_NAMESPACE"],
            service=environment["POWERTOOLS_SERVICE_NAME"],
            window=Window(
                int(environment["CONSERVATION_FROM_MINUTES"]),
                int(environment["CONSERVATION_UNTIL_MINUTES"]),
            ),
        ),
        metrics=Metrics(),
        logger=Logger(),
    )


def handle(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """The function's entry point."""
    return _counter()()
