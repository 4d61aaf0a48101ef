"""The places that an erasure does not reach, each with its reason and its end: the answer names them all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from eventing.timestamps import timestamp

# Of DynamoDB: what a stream keeps.
STREAM = timedelta(days=1)
# As infrastructure/retention.py calls them.
ERASED_PLACES = (
    "Events table",
    "archive",
    "ledger",
    "operations bucket, `aws/lambda/`",
    "operations bucket, `junk/`",
)


def unreachable(
    *,
    now: datetime,
    topics: Sequence[str] | None,
    other_regions: Sequence[str],
    backup_days: int,
) -> list[dict[str, str | None]]:
    """The places that may hold the event after an erasure at this moment.

    Each has its name (`place`), its end (`until`; None where nobody knows one) and its reason (`why`).
    `topics` are those that take the event's type; None where its type is not on record any more.
    """
    backups = timestamp(now + timedelta(days=backup_days))
    stream = timestamp(now + STREAM)
    named = "the topics of its type" if topics is None else ", ".join(topics) or "no topic"
    return [
        _place(
            f"subscribers of {named}",
            None,
            "who got it keeps it by rules of their own: tell the topics' owners",
        ),
        _place(
            "stream of the Events table",
            stream,
            "only the publish function reads it; an event that is not published yet may be, and one that "
            "it fails on comes back as an invocation record: erase once more after that",
        ),
        _place(
            "delivery stream of the archive",
            stream,
            "a copy waits there for a quarter of an hour, and at most a day: erase once more after that when "
            "the event was sent lately",
        ),
        _place(
            "copies that could not be delivered",
            None,
            "below undelivered/ in the archive, while there are any: recover them, then erase once more",
        ),
        _place(
            "dead-letter queue",
            None,
            "a letter of it that waits there is dropped when triage comes to it, within a minute or two",
        ),
        _place("backups of the Events table", backups, "they can be restored, and not changed"),
        _place("backups of the ledger", backups, "they can be restored, and not changed"),
        *(
            _place(
                f"archive, ledger and operations bucket in {region}",
                None,
                "each region erases its own: run the same there",
            )
            for region in other_regions
        ),
    ]


def _place(place: str, until: str | None, why: str) -> dict[str, str | None]:
    return {"place": place, "until": until, "why": why}
