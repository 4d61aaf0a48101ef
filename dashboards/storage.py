"""What keeps events, and proof of them: the Events table, the archive and its stream, the receipts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.widgets import WIDTH, Row, function_graphs, graph, heading, turned_away
from infrastructure.constructs.delivery_stream import LATE_SECONDS
from infrastructure.constructs.tables import table_metric

if TYPE_CHECKING:
    from aws_cdk import aws_cloudwatch as cloudwatch

    from infrastructure.constructs.delivery_stream import DeliveryStream
    from infrastructure.constructs.event_store import EventStore
    from infrastructure.constructs.ingestion import Ingestion
    from infrastructure.constructs.inquiry import Inquiry
    from infrastructure.constructs.proof import ProverFunction
    from infrastructure.constructs.region import Region

_THIRD, _FIFTH = WIDTH // 3, WIDTH // 5


def event_store_rows(region: Region, *, event_store: EventStore, ingestion: Ingestion) -> list[Row]:
    """The rows of the Events table."""
    table = event_store.table_name
    return [
        heading(
            region,
            "Event store",
            says="The table that every accepted event is written to, once.",
            section="throttled-tables",
            logs={},
        ),
        [
            graph("Events stored", {"stored": ingestion.stored}, unit="events", width=_THIRD),
            graph(
                "Requests that the table turns away",
                turned_away(table),
                unit="requests",
                above=0,
                width=_THIRD,
            ),
            graph("Capacity used", _capacity(table), unit="units", width=_THIRD),
        ],
    ]


def archive_rows(region: Region, stream: DeliveryStream) -> list[Row]:
    """The rows of the archive's delivery stream."""
    return [
        heading(
            region,
            "Archive",
            says="Copies of small requests' events, on their way through Firehose; large ones need none.",
            section="archive-impaired",
            logs={"log of Firehose": stream.log_name},
        ),
        [
            graph(
                "How long the oldest copy has waited",
                {"oldest": stream.age},
                unit="seconds",
                above=LATE_SECONDS,
                width=_FIFTH,
            ),
            graph(
                "Copies that Firehose takes",
                {"taken": stream.incoming},
                unit="events",
                width=_FIFTH,
            ),
            graph(
                "Copies that Firehose turns away",
                {"turned away": stream.throttled},
                unit="events",
                above=0,
                width=_FIFTH,
            ),
            graph(
                "Too many publishers at once",
                {"too many": stream.partitions},
                unit="times",
                above=0,
                width=_FIFTH,
            ),
            graph(
                "Undelivered copies",
                {"undelivered": stream.undelivered},
                unit="objects",
                above=0,
                width=WIDTH - 4 * _FIFTH,
            ),
        ],
    ]


def receipt_rows(region: Region, inquiry: Inquiry, prover: ProverFunction) -> list[Row]:
    """The rows of the receipts, of what publishers ask, and of what receipts prove."""
    receipts, table = inquiry.receipts, inquiry.receipts.table_name
    return [
        heading(
            region,
            "Receipts",
            says="Proof that events were published, and what publishers are told of theirs.",
            section="receipts-missing",
            logs={
                "log of inquiry": inquiry.function.log_name,
                "log of prover": prover.function.log_name,
            },
        ),
        [
            graph(
                "Events published whose receipt is missing",
                {"missing": receipts.missing},
                unit="events",
                above=0,
                width=_THIRD,
            ),
            graph(
                "Requests that the receipts turn away",
                turned_away(table),
                unit="requests",
                above=0,
                width=_THIRD,
            ),
            graph("Capacity that receipts use", _capacity(table), unit="units", width=_THIRD),
        ],
        function_graphs("inquiry", inquiry.function),
        [
            graph(
                "Events of yesterday without a receipt or a letter",
                {"unproven": prover.unproven},
                unit="events",
                above=0,
                width=_THIRD,
            ),
            graph(
                "Events of yesterday that two regions published",
                {"twice": prover.twice},
                unit="events",
                above=0,
                width=_THIRD,
            ),
            graph(
                "Proofs that came to no end",
                {"failed": prover.failed},
                unit="proofs",
                above=0,
                width=_THIRD,
            ),
        ],
        function_graphs("prover", prover.function),
    ]


def _capacity(table: str) -> dict[str, cloudwatch.IMetric]:
    return {
        "read units": table_metric(table, "ConsumedReadCapacityUnits"),
        "write units": table_metric(table, "ConsumedWriteCapacityUnits"),
    }
