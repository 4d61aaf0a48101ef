"""The dashboard of who sends what: by queries of logs, for a metric for each publisher would cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from constructs import Construct

from dashboards.widgets import WIDTH, Row, dashboard, heading, query, text
from eventing import canary

if TYPE_CHECKING:
    from infrastructure.constructs.ingestion import Ingestion
    from infrastructure.constructs.region import Region

_HALF = WIDTH // 2
_HOW_TO_READ = """# Publishers
Who sends how much, what is refused and why. CloudWatch runs the queries when somebody looks, over
the time that is chosen above, and charges for what they read. The gateway refuses what has no key
or is over a limit; the function refuses what is no event."""
# The canary's are no publisher's.
_REQUESTS = ("filter message = 'request'", f"filter publisher != '{canary.PUBLISHER}'")


class PublishersDashboard(Construct):
    """Tables by publisher, of the log line that each request leaves."""

    def __init__(self, scope: Construct, id: str, *, region: Region, ingestion: Ingestion) -> None:
        super().__init__(scope, id)
        log = ingestion.function.log_name
        keys = "\n".join(
            f"| {publisher} | `{key.key_id}` |"
            for publisher, key in ingestion.api_keys.items()
            if publisher != canary.PUBLISHER
        )
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
                    "Events",
                    log,
                    *_REQUESTS,
                    "stats count(*) as requests, sum(accepted) as accepted_events, "
                    "sum(duplicate) as accepted_before, sum(rejected) as rejected_events, "
                    "sum(dead_lettered) as dead_letters, sum(bytes) as bytes_sent by publisher",
                    "sort accepted_events desc",
                    width=_HALF,
                ),
                query(
                    "How long requests take, in milliseconds",
                    log,
                    *_REQUESTS,
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
                    *_REQUESTS,
                    "filter rejected > 0",
                    "stats sum(rejected) as rejected_events by publisher, problems.0 as problem, status",
                    "sort rejected_events desc",
                    width=_HALF,
                ),
                query(
                    "Events that break their schema and are let through",
                    log,
                    *_REQUESTS,
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
                    # The access log has every value in quotes.
                    "filter status in ['403', '413', '429']",
                    *(
                        f"filter api_key_id != '{key.key_id}'"
                        for publisher, key in ingestion.api_keys.items()
                        if publisher == canary.PUBLISHER
                    ),
                    "stats count(*) as requests by api_key_id, status, error_type",
                    "sort requests desc",
                    width=_HALF,
                ),
                *text(f"| publisher | its key's id |\n|---|---|\n{keys}", height=6, width=_HALF),
            ],
        ]
        dashboard(self, region=region, name="publishers", rows=rows)
