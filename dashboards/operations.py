"""The dashboard that operators look at first: is it healthy, and if not, where on the walk?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from constructs import Construct

from dashboards.canary import arrivals
from dashboards.dead_letters import flow_graphs, parked_graphs
from dashboards.storage import archive_rows, event_store_rows, receipt_rows
from dashboards.widgets import (
    WIDTH,
    Row,
    alarm_status,
    dashboard,
    function_graphs,
    graph,
    heading,
    percentiles,
    text,
    turned_away,
    waiting_letters,
)
from functions.contract import LEDGER_EVENT_INDEX, LEDGER_INDEX
from infrastructure.constructs.counter import LONG_RUN
from infrastructure.constructs.ingestion import FAILURES, REFUSED, SLOW
from infrastructure.constructs.publication import LATE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infrastructure.constructs.archive import Archive
    from infrastructure.constructs.canary import Canary
    from infrastructure.constructs.counter import Counter
    from infrastructure.constructs.dead_letters import DeadLetterQueue
    from infrastructure.constructs.event_store import EventStore
    from infrastructure.constructs.function import Function
    from infrastructure.constructs.health import Health
    from infrastructure.constructs.ingestion import Ingestion
    from infrastructure.constructs.inquiry import Inquiry
    from infrastructure.constructs.ledger import Ledger
    from infrastructure.constructs.notifier import Notifier
    from infrastructure.constructs.proof import ProverFunction
    from infrastructure.constructs.publication import Publication
    from infrastructure.constructs.redrive import RedriveFunction
    from infrastructure.constructs.region import Region
    from infrastructure.constructs.triage import TriageFunction
    from infrastructure.constructs.widget import WidgetFunction

_THIRD = WIDTH // 3
_QUARTER = WIDTH // 4
_HOW_TO_READ = """# Is it healthy?
Above, whether events get through, and the dead letters that wait. The first box below sums up everything:
no alarm on is healthy,
*any-alarm* alone means that something waits for a person while events flow, *unhealthy* that events are
stopped or slow. The second has an alarm for each
thing that can go wrong, the third what these are made of. Below, the walk of an event from top to
bottom: the first row that looks odd is where to look first. A red line is where an alarm begins.
Graphs count per minute; where a line is missing, nothing happened."""


class OperationsDashboard(Construct):
    """Alarms first, then a row for each stage of the walk, in its order."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        region: Region,
        canary: Canary | None,
        health: Health,
        ingestion: Ingestion,
        event_store: EventStore,
        archive: Archive,
        publication: Publication,
        inquiry: Inquiry,
        adopter: Function,
        prover: ProverFunction,
        dead_letters: Sequence[DeadLetterQueue],
        triage: TriageFunction,
        redrive: RedriveFunction,
        counter: Counter,
        notifier: Notifier,
        ledger: Ledger,
        sensitive_data: Sequence[Row],
        widget: WidgetFunction,
    ) -> None:
        super().__init__(scope, id)
        self._region = region
        alarms = region.alarms
        notifying = [*alarms.notifying, *alarms.shown]
        rows: list[Row] = [
            *([arrivals(canary)] if canary else []),
            waiting_letters(widget),
            text(_HOW_TO_READ, height=4),
            [
                alarm_status(
                    "Everything", [health.unhealthy, health.any_alarm], width=_QUARTER, height=4
                ),
                alarm_status(
                    "What operators are told of", notifying, width=WIDTH - _QUARTER, height=4
                ),
            ],
            [
                alarm_status(
                    "What these alarms are made of", alarms.components, width=WIDTH, height=7
                )
            ],
            self._heading(
                "Ingestion",
                says="Publishers' requests. 503 means that they have to send again, refusals that "
                "what they send is wrong or too much.",
                section="ingestion-impaired",
                logs={"log of ingest": ingestion.function.log_name, "access": ingestion.access_log},
            ),
            [
                graph(
                    "Requests",
                    {"all": ingestion.requests, "refused": ingestion.refused},
                    unit="refusals",
                    above=REFUSED,
                    width=_QUARTER,
                ),
                graph(
                    "Share of requests answered 503",
                    {"503": ingestion.failures},
                    unit="of 1",
                    above=FAILURES,
                    width=_QUARTER,
                ),
                graph(
                    "How long publishers wait",
                    percentiles(ingestion.latency, 50, 95, 99),
                    unit="milliseconds",
                    above=SLOW,
                    width=_QUARTER,
                ),
                graph(
                    "Events",
                    {
                        "accepted": ingestion.accepted,
                        "accepted before": ingestion.duplicate,
                        "rejected": ingestion.rejected,
                    },
                    unit="events",
                    width=_QUARTER,
                ),
            ],
            function_graphs("ingest", ingestion.function),
            *event_store_rows(region, event_store=event_store, ingestion=ingestion),
            *(archive_rows(region, archive.stream) if archive.stream else []),
            self._heading(
                "Publication",
                says="From the table's stream to the topics; by topic, on the dashboard *delivery*.",
                section="publication-impaired",
                logs={"log of publish": publication.function.log_name},
            ),
            [
                graph(
                    "Events published",
                    {"published": publication.published},
                    unit="events",
                    width=_QUARTER,
                ),
                graph(
                    "From accepted to published",
                    percentiles(publication.lag, 50, 95, 99),
                    unit="milliseconds",
                    width=_QUARTER,
                ),
                graph(
                    "How late the stream is read",
                    {"oldest event": publication.iterator_age},
                    unit="milliseconds",
                    above=LATE,
                    width=_QUARTER,
                ),
                graph(
                    "Minutes in which nobody read the stream",
                    {"unread": publication.unread},
                    unit="minutes",
                    above=0,
                    width=_QUARTER,
                ),
            ],
            function_graphs("publish", publication.function),
            *receipt_rows(region, inquiry, prover),
            self._heading(
                "Conservation",
                says="What was stored is published or a dead letter. Anything else has gone nowhere.",
                section="events-unaccounted-for",
                logs={"log of counter": counter.function.log_name},
            ),
            [
                graph(
                    "Events that have gone nowhere",
                    {"unaccounted for": counter.events_unaccounted},
                    unit="events",
                    above=0,
                    width=WIDTH // 2,
                ),
                graph(
                    "Stored and settled, by the minute they were accepted in",
                    {"stored": ingestion.stored, "settled": publication.settled},
                    unit="events",
                    width=WIDTH // 2,
                ),
            ],
            self._heading(
                "Dead letters",
                says="Events that could not get on; more on the dashboard *redrive*.",
                section="dead-letters",
                logs={"log of triage": triage.function.log_name},
            ),
            *(
                row
                for queue in dead_letters
                for row in (
                    flow_graphs(queue, width=_THIRD),
                    parked_graphs(queue, width=_THIRD),
                )
            ),
            self._heading(
                "Redrive",
                says="Triage sorts dead letters by itself; redrive is started by operators.",
                section="redrive-impaired",
                logs={"log of redrive": redrive.function.log_name},
            ),
            [
                graph(
                    "Executions that failed lately",
                    {"failed": counter.runs_failed},
                    unit="executions",
                    above=0,
                    width=_QUARTER,
                ),
                graph(
                    "How long the longest execution has worked",
                    {"works for": counter.run_seconds},
                    unit="seconds",
                    above=LONG_RUN.to_seconds(),
                    width=_QUARTER,
                ),
                graph(
                    "Letters taken up",
                    {"through": counter.succeeded, "failed again": counter.failed_again},
                    unit="letters",
                    width=_QUARTER,
                ),
                graph(
                    "Requests that the ledger turns away",
                    {
                        **turned_away(ledger.table_name),
                        **turned_away(ledger.table_name, index=LEDGER_INDEX),
                        **turned_away(ledger.table_name, index=LEDGER_EVENT_INDEX),
                    },
                    unit="requests",
                    above=0,
                    width=_QUARTER,
                ),
            ],
            *(
                function_graphs(name, function)
                for name, function in (
                    ("triage", triage.function),
                    ("redrive", redrive.function),
                    ("counter", counter.function),
                    ("adopter", adopter),
                    ("notifier", notifier.function),
                )
            ),
            [
                graph(
                    "Alarms that could not be told",
                    {"not told": notifier.undelivered},
                    unit="messages",
                    above=0,
                    width=WIDTH,
                )
            ],
            *sensitive_data,
        ]
        dashboard(self, region=region, name="operations", rows=rows)

    def _heading(self, title: str, *, says: str, section: str, logs: dict[str, str]) -> Row:
        return heading(self._region, title, says=says, section=section, logs=logs)
