"""The adopter: does the task that the state machine of adoption names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from aws_lambda_powertools import Logger

from eventing.adoption.reading import THREADS
from functions.adopter.finder import Finder
from functions.adopter.tasks import Tasks
from functions.shared.clients import READ_SECONDS
from functions.shared.clock import Clock
from functions.shared.entry import entry
from functions.shared.invocation import Context
from functions.shared.parts import Parts
from functions.shared.task_calls import call_task


class Handler:
    """Calls tasks by their names, and logs how they went."""

    def __init__(self, *, tasks: Tasks, logger: Logger, clock: Clock) -> None:
        self._find = tasks.find
        self._tasks: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
            "begin": tasks.begin,
            "report": tasks.report,
            "give_up": tasks.give_up,
        }
        self._logger = logger
        self._clock = clock

    def __call__(self, task: Mapping[str, Any], context: Context) -> Any:
        """The task's result; raises ValueError where there is no such task."""
        find = partial(self._find, deadline=self._clock.deadline(context))
        return call_task({**self._tasks, "find": find}, task, logger=self._logger, told=_told)


def _told(result: Any) -> dict[str, Any]:
    """The part of a result that goes into the log."""
    content = result if isinstance(result, dict) else {}
    found = content.get("position") or content
    told = {name: content[name] for name in ("outcome", "wait", "done", "plan") if name in content}
    return {**told, **({"counts": found["counts"]} if "counts" in found else {})}


def make_handler(parts: Parts) -> Handler:
    """The function, put together from these parts."""
    finder = Finder(
        scan=parts.event_scan,
        walk=parts.table_walk,
        receipts=parts.receipt_reader,
        letters=parts.new_letters,
        forecaster=parts.forecaster,
        open_days=parts.open_letter_days,
        clock=parts.clock,
    )
    tasks = Tasks(
        scan=parts.event_scan,
        receipts=parts.receipt_reader,
        finder=finder,
        incidents=parts.incidents,
        audit=parts.audit,
        ops=parts.ops,
        here=parts.clients.region,
        regions=parts.regions,
        clock=parts.clock,
    )
    return Handler(tasks=tasks, logger=parts.logger, clock=parts.clock)


# An answer of a scan is 1 MB: it may take longer than those of all else.
handle = entry(lambda: make_handler(Parts(threads=THREADS, read_seconds=READ_SECONDS + 3)))
