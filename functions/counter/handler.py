"""Every minute: what is open, unaccounted for, unread, unheard or stuck, and triage where it is due."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aws_lambda_powertools import Logger

from functions.contract import Variable
from functions.counter.count import Count
from functions.shared.clock import Clock
from functions.shared.entry import entry
from functions.shared.invocation import Context
from functions.shared.parts import Parts
from functions.shared.summary_keeper import SummaryKeeper

THREADS, LOOKS = 16, 4


class Handler:
    """Counts, and reports what was found."""

    def __init__(self, *, count: Count, logger: Logger, clock: Clock) -> None:
        self._clock = clock
        self._count = count
        self._logger = logger

    def __call__(self, event: Mapping[str, Any], context: Context) -> dict[str, Any]:
        """The findings of each look; raises the first error of one that failed when all are done."""
        found = self._count(self._clock.deadline(context))
        self._logger.info("count", found=found.by_look)
        if found.failures:
            raise found.failures[0]  # the function's error metric tells of it
        return dict(found.by_look)


def make_handler(parts: Parts) -> Handler:
    """The function, put together from these parts."""
    return Handler(
        count=Count(
            queues=parts.queues,
            letters=parts.letters,
            incidents=parts.incidents,
            locks=parts.locks,
            executions=parts.executions,
            metric_reader=parts.metric_reader,
            topics=parts.expecting_subscribers,
            stream_mapping=parts.stream_mapping,
            archive=parts.archive if Variable.ARCHIVE_BUCKET in parts.environment else None,
            window=parts.conservation_window,
            metrics=parts.metrics,
            summary=SummaryKeeper(
                parts.summary_row, metrics=parts.metrics, logger=parts.logger, sees_letters=False
            ),
            # Not the threads that the looks use themselves: calls that hang would hold up all that follow.
            lookers=ThreadPoolExecutor(LOOKS),
            clock=parts.clock,
        ),
        logger=parts.logger,
        clock=parts.clock,
    )


handle = entry(lambda: make_handler(Parts(threads=THREADS)))
