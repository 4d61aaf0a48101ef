"""The cases function: does the task that the state machine names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools import Logger

from eventing.cause import DependencyDown, naming_dependencies
from eventing.input import InvalidInput
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
        name, execution = task["task"], task.get("execution")
        if name not in self._tasks:
            raise ValueError(f"there is no task {name!r}")
        try:
            with naming_dependencies():
                result = self._tasks[name](task)
        except InvalidInput:
            # An operator's error: no failure of ours.
            self._logger.info(name, execution=execution, refused="InvalidInput")
            raise
        except DependencyDown as down:
            resource, code = down.cause.resource, down.cause.code
            self._logger.error(name, execution=execution, resource=resource, code=code)
            raise
        told = {member: result[member] for member in _TOLD if member in (result or {})}
        self._logger.info(name, execution=execution, **told)
        return result


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
