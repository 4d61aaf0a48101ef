"""The Events table's stream in; SNS topics and, failing these, the dead-letter queue out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Logger

from eventing.foreign_text import plain
from eventing.timestamps import timestamp
from functions.contract import Dimension, Metric
from functions.publish.publish import Publish, Report
from functions.shared.clock import Clock
from functions.shared.entry import entry
from functions.shared.invocation import Context, trace_id
from functions.shared.metrics import VALUES_PER_LINE, Metrics
from functions.shared.parts import Parts

# PublishBatch calls under way at once.
THREADS = 8


class Handler:
    """Turns stream batches into calls of `Publish`, and reports what could not be settled."""

    def __init__(self, *, publish: Publish, logger: Logger, metrics: Metrics, clock: Clock) -> None:
        self._publish = publish
        self._logger = logger
        self._metrics = metrics
        self._clock = clock

    def __call__(self, event: Mapping[str, Any], context: Context) -> dict[str, Any]:
        """The partial batch response of an event source mapping (AWS Lambda, DynamoDB Streams)."""
        began = self._clock.monotonic()
        deadline = self._clock.deadline(context)
        report = self._publish(event["Records"], deadline=deadline)
        self._count(report)
        for letter in report.letters:
            self._logger.warning(
                "dead letter",
                publisher=letter.publisher,
                topic=letter.topic,
                step=letter.step,
                accepted_at=letter.accepted_at,
                cause=letter.cause.code,
                message_of_cause=plain(letter.cause.message),
                fingerprint=letter.fingerprint,
            )
        for one in report.unsettled:
            self._logger.warning(
                "unsettled",
                publisher=one.record.publisher,
                topic=one.record.topic,
                accepted_at=timestamp(one.record.accepted_at),
                cause=one.cause.code,
                message_of_cause=plain(one.cause.message),
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
            milliseconds=round((self._clock.monotonic() - began) * 1000, 2),
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
                    {Metric.EVENTS_PUBLISHED: len(run)},
                    milliseconds={Metric.PUBLISH_LAG: run},
                    of={Dimension.TOPIC: topic},
                )
        for minute, count in report.settled.items():
            self._metrics.write({Metric.EVENTS_SETTLED: count}, at=minute)
        self._metrics.dead_lettered(report.letters)


def make_publish(parts: Parts) -> Publish:
    """The function's rule, put together from these parts."""
    return Publish(
        catalogue=parts.catalogue,
        topics=parts.topics,
        queue=parts.publish_queue,
        receipts=parts.receipts,
        workers=parts.workers,
        clock=parts.clock,
    )


def make_handler(parts: Parts) -> Handler:
    """The function, put together from these parts."""
    return Handler(
        publish=make_publish(parts),
        logger=parts.logger,
        metrics=parts.metrics,
        clock=parts.clock,
    )


handle = entry(lambda: make_handler(Parts(threads=THREADS)))
