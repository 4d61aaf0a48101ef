"""The choice of dead letters that operators make."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Filter:
    """A choice of letters: each field that is given narrows it; times are `timestamp`s."""

    publisher: str | None = None
    type: str | None = None
    topic: str | None = None
    cause: str | None = None
    fingerprint: str | None = None
    failed_before: str | None = None
    failed_after: str | None = None
    letter_ids: tuple[str, ...] | None = None
