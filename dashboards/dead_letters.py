"""Graphs of dead letters, which more than one dashboard shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.widgets import Row, graph
from infrastructure.constructs.dead_letters import QUEUED_TOO_LONG

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import aws_cloudwatch as cloudwatch

    from eventing.cause import Fault
    from infrastructure.constructs.dead_letters import DeadLetterQueue


def flow_graphs(queue: DeadLetterQueue, *, width: int) -> Row:
    """The dead letters of a stage on their way: how many come, wait for triage, and are open."""
    return [
        graph(
            f"New dead letters of {queue.stage}",
            _by_fault(queue.arrivals_by_fault),
            unit="dead letters",
            above=0,
            width=width,
        ),
        graph(
            f"Wait of the oldest in the {queue.stage} dead-letter queue",
            {"waits for": queue.waited},
            unit="seconds",
            above=QUEUED_TOO_LONG.to_seconds(),
            width=width,
        ),
        graph(
            f"Dead letters of {queue.stage} that are open in the ledger",
            _by_fault(queue.open_by_fault),
            unit="dead letters",
            above=0,
            width=width,
        ),
    ]


def parked_graphs(queue: DeadLetterQueue, *, width: int) -> Row:
    """The parked letters of a stage: how many, since when, and when the first is gone for good."""
    return [
        graph(
            f"Parked dead letters of {queue.stage}",
            {"parked": queue.parked},
            unit="dead letters",
            above=0,
            width=width,
        ),
        graph(
            f"Age of the oldest parked one of {queue.stage}",
            {"age": queue.parked_oldest},
            unit="seconds",
            width=width,
        ),
        graph(
            f"Until the first parked one of {queue.stage} is gone",
            {"left": queue.parked_expiry},
            unit="seconds",
            width=width,
        ),
    ]


def _by_fault(metrics: Mapping[Fault, cloudwatch.Metric]) -> dict[str, cloudwatch.IMetric]:
    return {"of the system": metrics["system"], "at fault themselves": metrics["event"]}
