"""The dashboard of who sends what: by queries of logs, for a metric for each publisher would cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from constructs import Construct

from dashboards.widgets import (
    WIDTH,
    Row,
    dashboard,
    function_graphs,
    graph,
    heading,
    query,
    text,
    turned_away,
)
from eventing.publishers import log_queries

if TYPE_CHECKING:
    from infrastructure.constructs.erasure import EraserFunction
    from infrastructure.constructs.ingestion import Ingestion
    from infrastructure.constructs.publishers import PublishersFunction, Registry
    from infrastructure.constructs.region import Region

_HALF = WIDTH // 2
_HOW_TO_READ = """# Publishers
Who sends how much, what is refused and why. CloudWatch runs the queries when somebody looks, over
the time that is chosen above, and charges for what they read. The gateway refuses what has no key
or is over a limit; the function refuses what is no event. `eventing publishers top` adds both up."""
_WHOSE_KEY = """`eventing publishers show NAME` has the ids of a publisher's keys, and
`eventing publishers top` says whose requests these are."""


class PublishersDashboard(Construct):
    """Tables by publisher, of the log line that each request leaves; below, what changes publishers."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        region: Region,
        ingestion: Ingestion,
        registry: Registry,
        publishers: PublishersFunction,
        eraser: EraserFunction,
    ) -> None:
        super().__init__(scope, id)
        log = ingestion.function.log_name
        rows: list[Row] = [
            text(_HOW_TO_READ, height=3),
            heading(
                region,
                "Events by publisher",
                says="An event that a publisher sent before counts as accepted before.",
                section="many-refusals",
                logs={"log of ingest": log, "access": ingestion.access_log},
            ),
            [
                query(
                    "Events, and what they cost by list prices without subscribers",
                    log,
                    *log_queries.events_by_publisher(regions=len(region.configuration.regions)),
                    width=_HALF,
                ),
                query(
                    "How long requests take, in milliseconds",
                    log,
                    *log_queries.REQUESTS,
                    "stats pct(milliseconds.judge, 95) as judge_p95, "
                    "pct(milliseconds.store, 95) as store_p95, "
                    "pct(milliseconds.archive_after_store, 95) as archive_p95 by publisher",
                    "sort store_p95 desc",
                    width=_HALF,
                ),
            ],
            [
                query(
                    "What the function refuses, by the first problem of each request",
                    log,
                    *log_queries.REFUSALS,
                    width=_HALF,
                ),
                query(
                    "Events that break their schema and are let through",
                    log,
                    *log_queries.REQUESTS,
                    "filter schema_warnings > 0",
                    "stats sum(schema_warnings) as warnings by publisher",
                    "sort warnings desc",
                    width=_HALF,
                ),
            ],
            [
                query(
                    "What the gateway refuses: no key (403), over a limit (429)",
                    ingestion.access_log,
                    *log_queries.REFUSED_BY_GATEWAY,
                    *(
                        [f"filter api_key_id != '{ingestion.canary_key.key_id}'"]
                        if ingestion.canary_key
                        else []
                    ),
                    "stats count(*) as requests by api_key_id, status, error_type",
                    "sort requests desc",
                    width=_HALF,
                ),
                *text(_WHOSE_KEY, height=6, width=_HALF),
            ],
            heading(
                region,
                "Changes",
                says="Registered, throttled, suspended, revoked: the registry, and what changes it.",
                section="publishers-impaired",
                logs={"log of publishers": publishers.function.log_name},
            ),
            [
                graph(
                    "Requests that the registry turns away",
                    turned_away(registry.table_name),
                    unit="requests",
                    above=0,
                    width=_HALF if publishers.keys_overdue else WIDTH,
                ),
                *_keys(publishers),
            ],
            function_graphs("publishers", publishers.function),
            heading(
                region,
                "Erasures",
                says="Events that somebody has had erased everywhere, and what is not as it should be.",
                section="erase-an-event",
                logs={"log of eraser": eraser.function.log_name},
            ),
            [
                graph(
                    "Erasures that came to no end, or left something",
                    {"unfinished": eraser.unfinished},
                    unit="erasures",
                    above=0,
                    width=_HALF,
                ),
                graph(
                    "Erased events that were sent again",
                    {"sent again": eraser.sent_again},
                    unit="events",
                    above=0,
                    width=_HALF,
                ),
            ],
            function_graphs("eraser", eraser.function),
        ]
        dashboard(self, region=region, name="publishers", rows=rows)


def _keys(publishers: PublishersFunction) -> Row:
    """The day's look at keys, in the region that has one."""
    if publishers.keys_overdue is None:
        return []
    title = "Keys that work beyond their date, once a day"
    overdue = {"overdue": publishers.keys_overdue}
    return [graph(title, overdue, unit="keys", above=0, width=_HALF)]
