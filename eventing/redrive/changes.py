"""The changes that take a letter from state to state, each one change of its row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from eventing.cause import Cause, Code
from eventing.dead_letter import fingerprint_of
from eventing.redrive.ledger import Row, State, expiry
from eventing.timestamps import read_moment, timestamp


@dataclass(frozen=True)
class Change:
    """Members to set on a letter, provided that it still has the version that was read."""

    row: Row
    state: State
    members: Mapping[str, str | int] = field(default_factory=dict)


def claim(row: Row, *, run: str, days: int) -> Change:
    """A run takes the letter up. One that was discarded is kept as if it had been open for all the time.

    Open letters are kept for so many days.
    """
    taken: dict[str, str | int] = {"run": run}
    if row.state == "discarded":
        life = max(row.expires_at, expiry(read_moment(row.accepted_at), days))
        taken |= {"expires_at": life, "closed_at": "", "reason": ""}
    return Change(row, "redriving", taken)


def claimed(row: Row) -> Row:
    """The row as it is when its claim was made."""
    return replace(row, version=row.version + 1)


def reopen(row: Row) -> Change:
    """A letter that was claimed is open again, as it was before.

    Without a run: the page that had it, if it goes on, takes it for somebody else's.
    """
    return Change(row, "open", {"run": ""})


def give_back(row: Row) -> Change:
    """A letter that was claimed, and that its dependency kept from its step, is as it was before."""
    return Change(claimed(row), "parked" if row.state == "parked" else "open", {"run": ""})


def close(
    row: Row, state: State, *, run: str, now: datetime, days: int, reason: str = ""
) -> Change:
    """The letter is done with, and stays on record for so many days."""
    closing: dict[str, str | int] = {
        "closed_at": now.isoformat(),
        "expires_at": expiry(now, days),
        "run": run,
    }
    return Change(row, state, closing | ({"reason": reason} if reason else {}))


def fail_again(row: Row, cause: Cause, *, run: str, now: datetime, max_episodes: int) -> Change:
    """The letter failed once more: open with its new cause, or parked when that was the last time."""
    episode = row.episode + 1
    # Another event has the key: no redrive will ever change that.
    parks = episode >= max_episodes or cause.code is Code.CONFLICT
    return Change(
        row,
        "parked" if parks else "open",
        {
            "run": run,
            "episode": episode,
            "code": cause.code.value,
            "error_class": cause.error_class or "-",
            "message": cause.message or "-",
            "resource": cause.resource or "-",
            "fingerprint": fingerprint_of(row.stage, row.step, row.topic, cause),
            "failed_at": timestamp(now),
        },
    )
