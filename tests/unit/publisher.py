"""A publisher, and the ingest function as it is in Lambda, with an AWS in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from aws_lambda_powertools import Logger

from eventing.archive_line import ArchiveLine, read_line
from eventing.catalogue import Catalogue
from eventing.publishers.keys import ENTROPY_BYTES, key_value
from eventing.schemas import Schemas
from functions.ingest.handler import THREADS, Handler, make_handler
from functions.shared.clients import Clients
from functions.shared.clock import Clock
from functions.shared.parts import Parts
from tests.faults.aws import FakeAws
from tests.faults.memory import QUEUE_URL
from tests.unit.invocations import Context

_CATALOGUE = Catalogue.read(Path("catalogue"))
KEY = key_value("acme", bytes(ENTROPY_BYTES))
CANARY_KEY_ID = "key-of-the-canary"
ENVIRONMENT = {
    "EVENTS_TABLE": "events",
    "EVENT_RETENTION_DAYS": "90",
    "ARCHIVE_BUCKET": "archive",
    "DELIVERY_STREAM": "archive",
    "REGISTRY_TABLE": "registry",
    "INGEST_DLQ_URL": QUEUE_URL + "ingest-dlq",
    "CANARY_KEY_ID": CANARY_KEY_ID,
    "POWERTOOLS_SERVICE_NAME": "shop",
    "POWERTOOLS_METRICS_NAMESPACE": "Eventing",
}


@dataclass
class Publisher:
    """Posts to the function as API Gateway would."""

    aws: FakeAws
    handler: Handler
    log: StringIO
    requests: int = 0

    def post(
        self,
        body: Any,
        *,
        content_type: str = "application/cloudevents+json",
        key: str | None = KEY,
        key_id: str | None = "abcdef1234",
        headers: Mapping[str, str] | None = None,
        request_id: str = "",
        query: Mapping[str, Sequence[str]] | None = None,
        resource: str = "/events",
        seconds: float = 20.0,
    ) -> dict[str, Any]:
        """The response, its body read."""
        self.requests += 1
        event = {
            "resource": resource,
            "multiValueQueryStringParameters": query,
            "requestContext": {
                "requestId": request_id or "of-the-client",
                "extendedRequestId": f"r{self.requests}",
                "identity": {"apiKey": key, "apiKeyId": key_id},
            },
            "multiValueHeaders": {
                "Content-Type": [content_type],
                "x-api-key": [key],
                **{name: [value] for name, value in (headers or {}).items()},
            },
            "body": body if isinstance(body, str) else json.dumps(body),
            "isBase64Encoded": False,
        }
        response = self.handler(event, Context(seconds, f"invocation{self.requests}"))
        return {**response, "body": json.loads(response["body"])}

    @property
    def stored(self) -> dict[str, dict[str, Any]]:
        return self.aws.tables.get("events", {})

    @property
    def archived(self) -> dict[str, bytes]:
        """The objects that the function wrote."""
        return self.aws.buckets.get("archive", {})

    @property
    def streamed(self) -> list[bytes]:
        """The records that the delivery stream has."""
        return self.aws.records.get("archive", [])

    @property
    def copies(self) -> list[ArchiveLine]:
        """The lines of both."""
        written = b"".join([*self.archived.values(), *self.streamed])
        return [read_line(line.decode()) for line in written.splitlines()]

    @property
    def letters(self) -> list[dict[str, Any]]:
        return self.aws.letters("ingest-dlq")


def new_function(
    clients: Clients,
    schemas: Schemas,
    workers: Executor,
    log: StringIO,
    clock: Clock | None = None,
    catalogue: Catalogue | None = None,
) -> Handler:
    """The function as it is after its initialisation."""
    return make_handler(
        Parts(
            ENVIRONMENT,
            threads=THREADS,
            clients=clients,
            schemas=schemas,
            workers=workers,
            clock=clock or Clock(),
            catalogue=catalogue or _CATALOGUE,
            # Loggers of one name share what the first one writes to.
            logger=Logger(service=f"shop-{id(log)}", stream=log),
        )
    )


def event(number: int = 1, **members: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"{number}",
        "source": "/crm",
        "type": "com.example.shop.customer.registered.v1",
        "data": {"name": "Ada"},
        **members,
    }
