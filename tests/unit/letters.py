"""Rows of the ledger for tests of single rules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from eventing.redrive.ledger import Row

ROW = Row(
    key="k" * 43,
    stage="publish",
    step="publish",
    state="open",
    version=1,
    publisher="acme-web",
    type="com.example.shop.order.placed.v1",
    topic="orders",
    code="NOT_FOUND",
    fingerprint="0123456789abcdef",
    failed_at="2026-11-24T09:30:00.000Z",
    accepted_at="2026-11-24T09:29:59.000Z",
    episode=0,
    event_key="acme-web#1",
    digest="d1",
    verdict="ok",
    judged_by="c1",
    expires_at=2_000_000_000,
    size=500,
    target="orders",
)


def row(number: int = 0, **members: Any) -> Row:
    """A row like `ROW`, with a key of its own for each number."""
    return replace(ROW, key=f"{number:043}", **members)
