"""The cases function: does the task that the state machine names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools import Logger

from eventing.routing import Router
from functions.cases.case_store import Cases
from functions.cases.closing import Closing
from functions.cases.examiner import Examiner
from functions.cases.measures import Measures
from functions.cases.questions import Questions
from functions.cases.tasks import Tasks
from functions.shared.entry import entry
from functions.shared.invocation import Context
from functions.shared.parts import Parts
from functions.shared.task_calls import call_task

READ_SECONDS = 5
# Of a result, what goes into the log: ids, numbers and outcomes.
_TOLD = ("case", "round", "mine", "outcome", "asks", "done", "approved", "quarantined")


class Handler:
    """Calls tasks by their names, and logs how they went: cases and outcomes, and no more."""

    def __init__(self, *, tasks: Tasks, logger: Logger) -> None:
        self._logger = logger
        self._tasks: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
            "open": tasks.open,
            "examine": tasks.examine,
            "tell": tasks.tell,
            "ask": tasks.ask,
            "answer": tasks.answer,
            "act": tasks.act,
            "quarantine": tasks.quarantine,
            "close": tasks.close,
            "give_up": tasks.give_up,
        }

    def __call__(self, task: Mapping[str, Any], context: Context) -> Any:
        """The task's result; raises ValueError where there is no such task."""
        return call_task(self._tasks, task, logger=self._logger, told=_told)


def _told(result: Any) -> dict[str, Any]:
    return {member: result[member] for member in _TOLD if member in (result or {})}


def make_handler(parts: Parts) -> Handler:
    """The function, put together from these parts."""
    cases = Cases(parts.bucket)
    tasks = Tasks(
        cases=cases,
        examiner=Examiner(
            archive=parts.archive_objects,
            topics=parts.topics,
            registry=parts.registry,
            router=Router(parts.catalogue),
            policy=parts.findings_policy,
            detection=parts.detection,
            deployment=parts.deployment,
            clock=parts.clock,
        ),
        archive=parts.archive_objects,
        macie=parts.macie,
        questions=Questions(bucket=parts.bucket, ops=parts.ops, clock=parts.clock),
        measures=Measures(parts.changes),
        closing=Closing(cases=cases, audit=parts.audit, ops=parts.ops, clock=parts.clock),
        executions=parts.executions,
        ops=parts.ops,
        account=parts.account,
        gather_seconds=parts.gather_seconds,
        clock=parts.clock,
    )
    return Handler(tasks=tasks, logger=parts.logger)


handle = entry(lambda: make_handler(Parts(threads=2, read_seconds=READ_SECONDS)))
