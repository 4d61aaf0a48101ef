"""The redrive function: does the task that the state machine names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from aws_lambda_powertools import Logger

from eventing.input import InvalidInput
from functions.redrive.approvals import ApprovalNeeded, Approvals
from functions.redrive.custody import Custody
from functions.redrive.dependencies import make_dependencies
from functions.redrive.notices import Notices
from functions.redrive.pages import Pages
from functions.redrive.planner import PlanChanged, Planner
from functions.redrive.reports import Reports
from functions.redrive.resubmission import Resubmission
from functions.redrive.root_causes import RootCauses
from functions.redrive.runner import Runner
from functions.redrive.summing_up import SummingUp
from functions.redrive.tasks import Tasks
from functions.shared.clients import READ_SECONDS
from functions.shared.clock import Clock
from functions.shared.entry import entry
from functions.shared.invocation import Context
from functions.shared.locks import Locked
from functions.shared.parts import Parts
from functions.shared.summary_keeper import SummaryKeeper
from functions.shared.task_calls import call_task

THREADS = 24
_REFUSALS = (ApprovalNeeded, InvalidInput, Locked, PlanChanged)


class Handler:
    """Calls tasks by their names, and logs how they went."""

    def __init__(
        self, *, tasks: Tasks, summing_up: SummingUp, logger: Logger, clock: Clock
    ) -> None:
        self._summing_up = summing_up
        self._logger = logger
        self._clock = clock
        self._page = tasks.page
        self._tasks: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
            "begin": tasks.begin,
            "resubmit": tasks.resubmit,
            "plan": tasks.plan,
            "ask": tasks.ask,
            "answer": tasks.answer,
            "lock": tasks.lock,
            "verify": tasks.verify,
            "probe": tasks.probe,
            "report": tasks.report,
            "finish": tasks.finish,
            "tell": tasks.tell,
            "release": tasks.release,
        }

    def __call__(self, task: Mapping[str, Any], context: Context) -> Any:
        """The task's result; raises ValueError where there is no such task."""
        page = partial(self._page, deadline=self._clock.deadline(context))
        tasks: Mapping[str, Callable[..., Any]] = {**self._tasks, "page": page}
        result = call_task(tasks, task, logger=self._logger, told=_told, refusals=_REFUSALS)
        self._summing_up.after(task["task"], task, result)
        return result


def _told(result: Any) -> dict[str, Any]:
    """The part of a result that goes into the log: of a report, who did what, and how it ended."""
    if not isinstance(result, dict) or "request" not in result:
        return {}
    request = result["request"]
    return {
        **{key: request[key] for key in ("action", "stage", "started_by")},
        "outcome": result["outcome"],
        "counts": result.get("counts", {}),
    }


def make_handler(parts: Parts) -> Handler:
    """The function, put together from these parts."""
    custody = Custody(letters=parts.letters, locks=parts.locks, clock=parts.clock)
    root_causes = RootCauses(parts.letters)
    dependencies = make_dependencies(parts)
    runner = Runner(
        letters=parts.letters,
        forecaster=parts.forecaster,
        dependencies=dependencies,
        open_days=parts.open_letter_days,
        closed_days=parts.closed_letter_days,
        clock=parts.clock,
    )
    notices = Notices(
        root_causes=root_causes,
        incidents=parts.incidents,
        locks=parts.locks,
        bucket=parts.bucket,
        ops=parts.ops,
        metrics=parts.metrics,
        clock=parts.clock,
    )
    tasks = Tasks(
        planner=Planner(
            topics=parts.topics,
            letters=parts.letters,
            store=parts.event_store,
            doorkeeper=parts.doorkeeper_row,
            forecaster=parts.forecaster,
        ),
        custody=custody,
        dependencies=dependencies,
        pages=Pages(
            runner=runner,
            custody=custody,
            bucket=parts.bucket,
            metrics=parts.metrics,
            page_seconds=parts.page_seconds,
            clock=parts.clock,
        ),
        reports=Reports(root_causes=root_causes, audit=parts.audit, bucket=parts.bucket),
        approvals=Approvals(
            ceilings=parts.ceilings,
            allowances=parts.allowances,
            root_causes=root_causes,
            notices=notices,
            bucket=parts.bucket,
            clock=parts.clock,
        ),
        notices=notices,
        resubmission=Resubmission(
            bucket=parts.bucket, queues=parts.queues, workers=parts.workers, clock=parts.clock
        ),
        executions=parts.executions,
        letters=parts.letters,
        bucket=parts.bucket,
        clock=parts.clock,
    )
    keeper = SummaryKeeper(
        parts.summary_row, metrics=parts.metrics, logger=parts.logger, sees_letters=True
    )
    summing_up = SummingUp(keeper=keeper, letters=parts.letters, clock=parts.clock)
    return Handler(tasks=tasks, summing_up=summing_up, logger=parts.logger, clock=parts.clock)


handle = entry(lambda: make_handler(Parts(threads=THREADS, read_seconds=READ_SECONDS + 2)))
