"""Who might try something, and what of tables: the attempts that IAM is to judge."""

from __future__ import annotations

from collections.abc import Mapping

FUNCTIONS = (
    *("ingest", "publish", "triage", "redrive", "counter", "widget", "notifier", "canary"),
    *("inquiry", "publishers", "eraser"),
)
CHANGES = (
    "PutItem",
    "UpdateItem",
    "DeleteItem",
    "BatchWriteItem",
    "PartiQLInsert",
    "PartiQLUpdate",
    "PartiQLDelete",
)
READS = ("GetItem", "BatchGetItem", "Query", "Scan", "PartiQLSelect")


def keys(*rows: str) -> Mapping[str, list[str]]:
    """The context of a request for these rows."""
    return {"dynamodb:LeadingKeys": list(rows)}
