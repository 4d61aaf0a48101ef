"""Graphs of the tables that every event is in: what becomes of their rows, and what they have to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboards.widgets import Row, graph, turned_away
from infrastructure.constructs.tables import table_metric

if TYPE_CHECKING:
    from aws_cdk import aws_cloudwatch as cloudwatch

    from infrastructure.constructs.event_store import EventStore
    from infrastructure.constructs.ingestion import Ingestion
    from infrastructure.constructs.receipts import Receipts


def store_graphs(ingestion: Ingestion, event_store: EventStore, *, width: int) -> Row:
    """Events that are stored, and their table."""
    table = event_store.table_name
    return [
        graph("Events stored", {"stored": ingestion.stored}, unit="events", width=width),
        graph(
            "Requests that the table turns away",
            turned_away(table),
            unit="requests",
            above=0,
            width=width,
        ),
        graph("Capacity used", _capacity(table), unit="units", width=width),
    ]


def receipt_graphs(receipts: Receipts, *, width: int) -> Row:
    """Receipts that are missing, and their table."""
    table = receipts.table_name
    return [
        graph(
            "Events published whose receipt is missing",
            {"missing": receipts.missing},
            unit="events",
            above=0,
            width=width,
        ),
        graph(
            "Requests that the receipts turn away",
            turned_away(table),
            unit="requests",
            above=0,
            width=width,
        ),
        graph("Capacity that receipts use", _capacity(table), unit="units", width=width),
    ]


def _capacity(table: str) -> dict[str, cloudwatch.IMetric]:
    return {
        "read units": table_metric(table, "ConsumedReadCapacityUnits"),
        "write units": table_metric(table, "ConsumedWriteCapacityUnits"),
    }
