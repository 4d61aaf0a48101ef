"""A stream of events, and the publish function as it is in Lambda, with an AWS in memory."""

from __future__ import annotations

import json
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from datetime import UTC, datetime
from io import StringIO
from math import inf
from pathlib import Path
from typing import Any, TypeVar

from aws_lambda_powertools import Logger

from eventing.catalogue import Catalogue
from eventing.timestamps import timestamp
from functions.publish.handler import THREADS, Handler, make_handler
from functions.shared.clients import Clients
from functions.shared.clock import Clock
from functions.shared.parts import Parts
from tests.faults.aws import FakeAws
from tests.faults.memory import QUEUE_URL, REGION, TOPIC_PREFIX
from tests.proofs import proven
from tests.unit.invocations import Context

T = TypeVar("T")

ACCEPTED = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)

CATALOGUE = Catalogue.read(Path("catalogue"))
ENVIRONMENT = {
    "TOPIC_ARN_PREFIX": TOPIC_PREFIX,
    "PUBLISH_DLQ_URL": QUEUE_URL + "publish-dlq",
    "RECEIPTS_TABLE": "receipts",
    "EVENT_RETENTION_DAYS": "90",
    "POWERTOOLS_SERVICE_NAME": "shop",
    "POWERTOOLS_METRICS_NAMESPACE": "Eventing",
}


@dataclass
class Stream:
    """Hands records to the function as an event source mapping would."""

    aws: FakeAws
    handler: Handler
    log: StringIO
    clock: StreamClock

    def deliver(self, *records: dict[str, Any], seconds: float = 60.0) -> list[str]:
        """The sequence numbers that the function wants again."""
        response = self.handler({"Records": list(records)}, Context(seconds))
        return [failure["itemIdentifier"] for failure in response["batchItemFailures"]]

    def arrived(self, topic: str) -> list[str]:
        """The ids of the events that arrived at a topic."""
        return [json.loads(entry["Message"])["id"] for entry in self.aws.topics.get(topic, [])]

    @property
    def receipts(self) -> list[dict[str, Any]]:
        """The items of the receipts' table."""
        return list(self.aws.tables.get("receipts", {}).values())

    def published_by_receipt(self, number: int, *, publisher: str = "acme") -> str | None:
        """The topic that a receipt says an event was published to."""
        return proven(self.receipts, f"{publisher}#{number}", accepted_at=ACCEPTED, region=REGION)

    @property
    def letters(self) -> list[dict[str, Any]]:
        return self.aws.letters("publish-dlq")

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What the function has written into its log."""
        return [json.loads(line) for line in self.log.getvalue().splitlines()]


class StreamClock(Clock):
    """Counts pauses instead of making them, and goes on by them."""

    def __init__(self, aws: FakeAws) -> None:
        self._aws = aws
        self.patience = inf
        """Nobody waits for a call beyond this moment."""

    def monotonic(self) -> float:
        return super().monotonic() + self._aws.slept

    def sleep(self, seconds: float) -> None:
        self._aws.slept += seconds

    def result_by(self, deadline: float, call: Future[T], otherwise: T) -> T:
        return super().result_by(min(deadline, self.patience), call, otherwise)


def new_function(clients: Clients, workers: Executor, log: StringIO, clock: StreamClock) -> Handler:
    """The function as it is after its initialisation."""
    return make_handler(
        Parts(
            ENVIRONMENT,
            threads=THREADS,
            clients=clients,
            clock=clock,
            workers=workers,
            catalogue=CATALOGUE,
            logger=Logger(service=f"shop-{id(log)}", stream=log),
        )
    )


def record(
    number: int, type: str = "order.placed.v1", *, publisher: str = "acme", **data: Any
) -> dict[str, Any]:
    event = {
        "specversion": "1.0",
        "id": str(number),
        "source": "/shop",
        "type": f"com.example.shop.{type}",
        "data": data or {"total": 20},
    }
    return {
        "eventID": f"e{number}",
        "eventName": "INSERT",
        "dynamodb": {
            "SequenceNumber": f"s{number}",
            "NewImage": {
                "pk": {"S": f"{publisher}#{number}"},
                "publisher": {"S": publisher},
                "event": {"S": json.dumps(event)},
                "accepted_at": {"S": timestamp(ACCEPTED)},
            },
        },
    }
