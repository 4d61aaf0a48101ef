"""The Events table's stream in; SNS topics and, failing these, the dead-letter queue out."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any

from aws_lambda_powertools import Logger

from eventing.catalogue import Catalogue
from eventing.timestamps import timestamp
from functions.publish.publish import Publish, Report
from functions.shared.clients import Clients
from functions.shared.dead_letter_queue import DeadLetterQueue
from functions.shared.invocation import Context, trace_id
from functions.shared.metrics import VALUES_PER_LINE, Metrics
from functions.shared.topics import Topics

_CATALOGUE = Path(__file__).parents[2] / "catalogue"
# PublishBatch calls under way at once; each has a connection of its own that is kept.
_WORKERS = 8


class Handler:
    """Turns stream batches into calls of `Publish`, and reports what could not be settled."""

    def __init__(self, *, publish: Publish, logger: Logger, metrics: Metrics) -> None:
        self._publish = publish
        self._logger = logger
        self._metrics = metrics

    def __call__(self, event: Mapping[str, Any], context: Context) -> dict[str, Any]:
        """The partial batch response of an event source mapping (AWS Lambda, DynamoDB Streams)."""
        began = monotonic()
        report = self._publish(
            event["Records"], seconds_left=context.get_remaining_time_in_millis() / 1000
        )
        self._count(report)
        for letter in report.letters:
            self._logger.warning(
                "dead letter",
                publisher=letter.publisher,
                topic=letter.topic,
                step=letter.step,
                accepted_at=letter.accepted_at,
                cause=letter.cause.code,
                message_of_cause=letter.cause.message,
                fingerprint=letter.fingerprint,
            )
        for one in report.unsettled:
            self._logger.warning(
                "unsettled",
                publisher=one.record.publisher,
                topic=one.record.topic,
                accepted_at=timestamp(one.record.accepted_at),
                cause=one.cause.code,
                message_of_cause=one.cause.message,
                cause_of_queue=one.queue_cause and one.queue_cause.code,
                sequence_number=one.record.sequence_number,
            )
        self._logger.info(
            "batch",
            records=len(event["Records"]),
            published=report.by_topic,
            dead_lettered=len(report.letters),
            unsettled=len(report.unsettled),
            settled_before=report.skipped,
            rounds=report.rounds,
            milliseconds=round((monotonic() - began) * 1000, 2),
            trace_id=trace_id(),
        )
        failures = [{"itemIdentifier": one.record.sequence_number} for one in report.unsettled]
        return {"batchItemFailures": failures}

    def _count(self, report: Report) -> None:
        lags: dict[str, list[float]] = defaultdict(list)
        for published in report.published:
            lags[published.topic].append(published.lag_milliseconds)
        for topic, values in lags.items():
            for start in range(0, len(values), VALUES_PER_LINE):
                run = values[start : start + VALUES_PER_LINE]
                self._metrics.write(
                    {"EventsPublished": len(run)},
                    milliseconds={"PublishLag": run},
                    by=({}, {"topic": topic}),
                )
        for minute, count in report.settled.items():
            self._metrics.write({"EventsSettled": count}, at=minute)
        self._metrics.dead_lettered(report.letters)


@cache
def _handler() -> Handler:
    clients = Clients(connections=_WORKERS)
    workers = ThreadPoolExecutor(_WORKERS)
    return Handler(
        publish=Publish(
            catalogue=Catalogue.read(_CATALOGUE),
            topics=Topics(clients.client("sns"), arn_prefix=os.environ["TOPIC_ARN_PREFIX"]),
            queue=DeadLetterQueue(
                clients.client("sqs"), url=os.environ["PUBLISH_DLQ_URL"], workers=workers
            ),
            workers=workers,
        ),
        logger=Logger(),
        metrics=Metrics(),
    )


def handle(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """The function's entry point."""
    return _handler()(event, context)


if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    # In Lambda, made while the function initialises: that time has a whole processor, and the first
    # batch does not wait for it.
    _handler()
