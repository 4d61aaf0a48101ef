"""A page of a redrive: the task of the state machine in `workflows/redrive.asl.json`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from aws_lambda_powertools import Logger

from eventing.catalogue import Catalogue
from eventing.dead_letter import STAGES
from eventing.routing import Router
from functions.redrive.redrive import Redrive
from functions.shared.archive import Archive
from functions.shared.clients import Clients
from functions.shared.event_store import EventStore
from functions.shared.invocation import Context, trace_id
from functions.shared.metrics import Metrics
from functions.shared.topics import Topics

_CATALOGUE = Path(__file__).parents[2] / "catalogue"


@cache
def _redrive() -> Redrive:
    environment = os.environ
    clients = Clients()
    workers = ThreadPoolExecutor(2)
    return Redrive(
        client=clients.client("sqs"),
        urls={
            "ingest": environment["INGEST_DLQ_URL"],
            "publish": environment["PUBLISH_DLQ_URL"],
        },
        store=EventStore(
            clients.client("dynamodb"),
            table=environment["EVENTS_TABLE"],
            region=clients.region,
            retention_days=int(environment["EVENT_RETENTION_DAYS"]),
            workers=workers,
        ),
        archive=Archive(clients.client("s3"), bucket=environment["ARCHIVE_BUCKET"]),
        topics=Topics(clients.client("sns"), arn_prefix=environment["TOPIC_ARN_PREFIX"]),
        router=Router(Catalogue.read(_CATALOGUE)),
        workers=workers,
    )


def handle(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Take `{"stage", "started_at"}`; give the counts of this page and whether the queue is drained."""
    stage = event["stage"]
    if stage not in STAGES:
        raise ValueError(f"stage is one of {', '.join(STAGES)}, not {stage!r}")
    page = _redrive()(stage, started_at=datetime.fromisoformat(event["started_at"]))
    metrics = Metrics()
    metrics.write({"RedriveSucceeded": page.redriven, "RedriveFailed": page.failed})
    for minute, count in page.stored.items():
        metrics.write({"EventsStored": count}, at=minute)
    result = {
        "received": page.received,
        "redriven": page.redriven,
        "failed": page.failed,
        "drained": page.drained,
    }
    Logger().info("page", stage=stage, trace_id=trace_id(), counts=result)
    return result
