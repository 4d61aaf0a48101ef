"""The dead letter of an event that a lost region has taken and not published, as far as is known here."""

from __future__ import annotations

from datetime import datetime

from eventing.cause import Cause, Code
from eventing.dead_letter import DeadLetter, fingerprint_of
from eventing.json_text import Document
from eventing.timestamps import timestamp


def lost(region: str) -> Cause:
    """The cause of all letters of this region."""
    message = f"{region} took it, and no receipt says that it was published"
    return Cause(Code.REGION_LOST, "RegionLost", message, f"region {region}")


def fingerprint(region: str) -> str:
    """The fingerprint of all letters of this region: they have one root cause."""
    return fingerprint_of("publish", "publish", None, lost(region))


def letter_of(
    event: Document, *, publisher: str, accepted_at: str, region: str, now: datetime
) -> DeadLetter:
    """The letter: to be published, to whatever topic takes it by then."""
    letter = DeadLetter(
        stage="publish",
        step="publish",
        publisher=publisher,
        event=event.text,
        accepted_at=accepted_at,
        cause=lost(region),
        failed_at=timestamp(now),
    )
    return letter.carrying(event)
