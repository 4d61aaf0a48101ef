"""The publishers function: does the task that the state machine names, and looks for due keys once a day."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit

from eventing.input import InvalidInput
from functions.contract import Metric
from functions.publishers.regions import Planes
from functions.publishers.tasks import SETTLE_SECONDS, Tasks
from functions.shared.control_plane import ControlPlane
from functions.shared.entry import entry
from functions.shared.invocation import Context
from functions.shared.locks import Locked
from functions.shared.metrics import Metrics
from functions.shared.parts import Parts
from functions.shared.task_calls import call_task
from functions.shared.turns import Places

READ_SECONDS = 5


class Handler:
    """Calls tasks by their names, and logs how they went: actions, names and outcomes, and no more."""

    def __init__(self, *, tasks: Tasks, metrics: Metrics, logger: Logger) -> None:
        self._due = tasks.due
        self._metrics = metrics
        self._logger = logger
        self._tasks: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
            "begin": tasks.begin,
            "work": tasks.work,
            "finish": tasks.finish,
            "give_up": tasks.give_up,
            "show": tasks.show,
            "due": lambda _: self._look(),
        }

    def __call__(self, task: Mapping[str, Any], context: Context) -> Any:
        """The task's result; raises ValueError where there is no such task."""
        return call_task(
            self._tasks, task, logger=self._logger, told=_told, refusals=(InvalidInput, Locked)
        )

    def _look(self) -> dict[str, Any]:
        found = self._due()
        # Written also when it is 0: the alarm on it tells as well that nobody looks any more.
        gauges = {Metric.KEYS_OVERDUE: (found["overdue"], MetricUnit.Count)}
        self._metrics.write(gauges=gauges)
        return found


def _told(result: Any) -> dict[str, Any]:
    """The part of a result that goes into the log."""
    if not isinstance(result, dict):
        return {}
    told = (
        "action",
        "outcome",
        "wait",
        "tries",
        "done",
        "failures",
        "started",
        "warned",
        "overdue",
    )
    return {name: result[name] for name in told if name in result}


def planes(parts: Parts, places: Places) -> Planes:
    """The control planes of all regions of the deployment that have an API by now."""
    turns = parts.turns.holding(places)
    apis = {region: parts.registry.api(region) for region in parts.regions}
    return {
        region: ControlPlane(
            parts.clients.api_gateway(region),
            deployment=parts.deployment,
            region=region,
            api=api,
            turns=turns,
        )
        for region, api in apis.items()
        if api
    }


def make_handler(parts: Parts) -> Handler:
    """The function, put together from these parts."""
    for region in parts.regions:
        parts.clients.api_gateway(region)  # made while the function initialises
    tasks = Tasks(
        registry=parts.registry,
        planes=partial(planes, parts),
        entropy=parts.entropy,
        locks=parts.registry_locks,
        audit=parts.audit,
        ops=parts.ops,
        executions=parts.executions,
        plans=parts.catalogue.usage_plans,
        region=parts.clients.region,
        primary_region=parts.regions[0],
        longest_kept_days=parts.longest_kept_days,
        settle_seconds=SETTLE_SECONDS if parts.control_plane_limited else 0,
        clock=parts.clock,
    )
    return Handler(tasks=tasks, metrics=parts.metrics, logger=parts.logger)


handle = entry(lambda: make_handler(Parts(threads=2, read_seconds=READ_SECONDS)))
