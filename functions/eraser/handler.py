"""The eraser function: does the task that the state machine of erasures names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from aws_lambda_powertools import Logger

from functions.eraser.erasing import Erasing
from functions.eraser.places import places
from functions.eraser.surveyor import Surveyor
from functions.eraser.sweep import Sweep
from functions.eraser.tasks import Tasks
from functions.shared.clock import Clock
from functions.shared.entry import entry
from functions.shared.invocation import Context
from functions.shared.parts import Parts
from functions.shared.task_calls import call_task

THREADS = 16
# Of an object of 128 MiB that is written back.
READ_SECONDS = 30


class Handler:
    """Calls tasks by their names, and logs how they went: names and numbers, and no more."""

    def __init__(self, *, tasks: Tasks, logger: Logger, clock: Clock) -> None:
        self._logger = logger
        self._clock = clock
        self._pages: Mapping[str, Callable[..., Any]] = {
            "survey": tasks.survey,
            "erase": tasks.erase,
        }
        self._tasks: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
            "begin": tasks.begin,
            "ask": tasks.ask,
            "answer": tasks.answer,
            "report": tasks.report,
            "ended": tasks.ended,
        }

    def __call__(self, task: Mapping[str, Any], context: Context) -> Any:
        """The task's result; raises ValueError where there is no such task."""
        deadline = self._clock.deadline(context)
        pages = {name: partial(page, deadline=deadline) for name, page in self._pages.items()}
        tasks: Mapping[str, Callable[..., Any]] = {**self._tasks, **pages}
        return call_task(tasks, task, logger=self._logger, told=_told)


def _told(result: Any) -> dict[str, Any]:
    """The part of a result that goes into the log."""
    told = ("outcome", "counts", "left", "wait", "more_failures")
    return {name: result[name] for name in told if name in result} if result else {}


def make_handler(parts: Parts) -> Handler:
    """The function, put together from these parts."""
    versions = {"archive": parts.archive_versions, "operations": parts.operations_versions}
    where = places(**versions)
    surveyor = Surveyor(
        tombstones=parts.tombstones,
        letters=parts.erased_letters,
        places=where,
        catalogue=parts.catalogue,
        clock=parts.clock,
    )
    erasing = Erasing(
        tombstones=parts.tombstones,
        letters=parts.erased_letters,
        places=where,
        sweeps={name: Sweep(one.versions, workers=parts.workers) for name, one in where.items()},
        open_days=parts.open_letter_days,
        retention_days=parts.event_retention_days,
        clock=parts.clock,
    )
    tasks = Tasks(
        surveyor=surveyor,
        erasing=erasing,
        audit=parts.audit,
        bucket=parts.bucket,
        ops=parts.ops,
        metrics=parts.metrics,
        other_regions=[region for region in parts.regions if region != parts.clients.region],
        backup_days=parts.backup_days,
        clock=parts.clock,
    )
    return Handler(tasks=tasks, logger=parts.logger, clock=parts.clock)


handle = entry(lambda: make_handler(Parts(threads=THREADS, read_seconds=READ_SECONDS)))
