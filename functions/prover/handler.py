"""The prover: does the task that the state machine of proofs names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from aws_lambda_powertools import Logger

from eventing.adoption.reading import THREADS
from functions.prover.counting import Counting
from functions.prover.naming import Naming
from functions.prover.tasks import Tasks
from functions.shared.clients import READ_SECONDS
from functions.shared.clock import Clock
from functions.shared.entry import entry
from functions.shared.invocation import Context
from functions.shared.parts import Parts
from functions.shared.task_calls import call_task


class Handler:
    """Calls tasks by their names, and logs how they went."""

    def __init__(self, *, tasks: Tasks, logger: Logger, clock: Clock) -> None:
        self._logger = logger
        self._clock = clock
        self._pages: Mapping[str, Callable[..., Any]] = {"count": tasks.count, "find": tasks.find}
        self._tasks: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
            "begin": tasks.begin,
            "judge": tasks.judge,
            "report": tasks.report,
            "ended": tasks.ended,
        }

    def __call__(self, task: Mapping[str, Any], context: Context) -> Any:
        """The task's result; raises ValueError where there is no such task."""
        deadline = self._clock.deadline(context)
        pages = {name: partial(page, deadline=deadline) for name, page in self._pages.items()}
        return call_task({**self._tasks, **pages}, task, logger=self._logger, told=_told)


def _told(result: Any) -> dict[str, Any]:
    """The part of a result that goes into the log."""
    content = result if isinstance(result, dict) else {}
    return {name: content[name] for name in ("outcome", "totals", "done") if name in content}


def make_handler(parts: Parts) -> Handler:
    """The function, put together from these parts."""
    here = parts.clients.region
    counting = Counting(
        receipts=parts.receipt_reader,
        letters=parts.letters,
        here=here,
        regions=parts.regions,
        workers=parts.workers,
        clock=parts.clock,
    )
    naming = Naming(
        walk=parts.table_walk, receipts=parts.receipt_reader, letters=parts.letters, here=here
    )
    tasks = Tasks(
        scan=parts.event_scan,
        counting=counting,
        naming=naming,
        metric_reader=parts.metric_reader,
        metrics=parts.metrics,
        here=here,
        regions=parts.regions,
        clock=parts.clock,
    )
    return Handler(tasks=tasks, logger=parts.logger, clock=parts.clock)


# An answer of a scan is 1 MB: it may take longer than those of all else.
handle = entry(lambda: make_handler(Parts(threads=THREADS, read_seconds=READ_SECONDS + 3)))
