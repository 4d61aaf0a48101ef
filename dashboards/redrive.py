"""The dashboard of an incident: which dead letters there are, why, and what becomes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from dashboards.dead_letters import parked_graphs
from dashboards.widgets import (
    WIDTH,
    Row,
    dashboard,
    graph,
    heading,
    query,
    text,
    waiting_letters,
)
from infrastructure.retention import OLD_DAYS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_stepfunctions as sfn

    from infrastructure.constructs.counter import Counter
    from infrastructure.constructs.dead_letters import DeadLetterQueue
    from infrastructure.constructs.redrive import RedriveFunction
    from infrastructure.constructs.region import Region
    from infrastructure.constructs.triage import TriageFunction
    from infrastructure.constructs.widget import WidgetFunction

_THIRD = WIDTH // 3
_HOW_TO_READ = """# Dead letters and redrive
An incident from left to right: letters come, by cause; they are open in the ledger until somebody
redrives or discards them, or they have failed too often and are parked: those wait for a person, and are
gone for good some day. An incident is over when nothing is open and nothing is parked. The tables have
the last executions and what they did."""


class RedriveDashboard(Construct):
    """A row for each stage's dead letters, and one for what is done about them."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        region: Region,
        dead_letters: Sequence[DeadLetterQueue],
        triage: TriageFunction,
        redrive: RedriveFunction,
        state_machine: sfn.StateMachine,
        state_machine_log: str,
        counter: Counter,
        widget: WidgetFunction,
    ) -> None:
        super().__init__(scope, id)
        rows: list[Row] = [waiting_letters(widget), text(_HOW_TO_READ, height=4)]
        for queue in dead_letters:
            rows += [
                heading(
                    region,
                    f"Dead letters of {queue.stage}",
                    says="The cause says whether trying again will help.",
                    section="dead-letters",
                    logs={"log of triage": triage.function.log_name},
                ),
                [
                    graph(
                        f"New dead letters of {queue.stage}, by cause",
                        {
                            cause.lower().replace("_", " "): metric
                            for cause, metric in queue.arrivals_by_cause.items()
                        },
                        unit="dead letters",
                        above=0,
                        width=_THIRD,
                    ),
                    graph(
                        f"Open dead letters of {queue.stage}",
                        {"open in the ledger": queue.open, "in the queue": queue.waiting},
                        unit="dead letters",
                        above=0,
                        width=_THIRD,
                    ),
                    graph(
                        f"Age of the oldest open dead letter of {queue.stage}",
                        {"age": queue.oldest},
                        unit="seconds",
                        above=cdk.Duration.days(OLD_DAYS).to_seconds(),
                        width=_THIRD,
                    ),
                ],
                parked_graphs(queue, width=_THIRD),
            ]
        rows += [
            heading(
                region,
                "Triage and redrive",
                says="Executions of the state machine: triage starts by itself, the rest by operators.",
                section="redrive-impaired",
                logs={
                    "log of redrive": redrive.function.log_name,
                    "log of the state machine": state_machine_log,
                },
            ),
            [
                graph(
                    "Executions",
                    {
                        called: _executions(state_machine, name)
                        for called, name in (
                            ("started", "ExecutionsStarted"),
                            ("succeeded", "ExecutionsSucceeded"),
                            ("failed or refused", "ExecutionsFailed"),
                            ("stopped", "ExecutionsAborted"),
                            ("timed out", "ExecutionsTimedOut"),
                        )
                    },
                    unit="executions",
                    width=_THIRD,
                ),
                graph(
                    "Letters taken up, in all their episodes",
                    {"through": counter.succeeded, "failed again": counter.failed_again},
                    unit="letters",
                    width=_THIRD,
                ),
                query(
                    "What the last executions did",
                    redrive.function.log_name,
                    "filter message in ['report', 'finish']",
                    "fields @timestamp, action, stage, outcome, counts.resolved, counts.failed, "
                    "counts.parked, counts.discarded, started_by, execution",
                    "sort @timestamp desc",
                    "limit 20",
                    width=_THIRD,
                ),
            ],
            [
                graph(
                    "Summaries for the first box that could not be written",
                    {"not written": counter.summary_unwritten},
                    unit="summaries",
                    width=WIDTH // 2,
                ),
                graph(
                    "Invocations of widget, which draws it, that failed or were not run",
                    {"failed": widget.function.errors, "not run": widget.function.throttles},
                    unit="invocations",
                    width=WIDTH // 2,
                ),
            ],
        ]
        dashboard(self, region=region, name="redrive", rows=rows)


def _executions(state_machine: sfn.StateMachine, name: str) -> cloudwatch.Metric:
    return state_machine.metric(
        name, period=cdk.Duration.minutes(1), statistic=cloudwatch.Stats.SUM
    )
