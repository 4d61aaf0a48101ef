"""What Macie has examined: no finding may mean that nobody looked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

# The job runs once a day.
_SCHEDULE = timedelta(days=1)
# Of Macie (DescribeClassificationJob, `jobStatus`): the states in which a daily job goes on.
_GOES_ON = ("RUNNING", "IDLE")


@dataclass(frozen=True)
class Job:
    """The daily job, as Macie describes it."""

    status: str
    created: datetime
    last_run: datetime
    """When the last run began; when the job was made, if none has."""
    had_errors: bool
    """Its last run has not processed all that it should: it had no access to the bucket, for one."""


@dataclass(frozen=True)
class Coverage:
    """What can be said of the archive, and what an alarm has to say."""

    off: bool
    """Macie is off or paused in this account and region, or does not answer us."""
    stopped: bool | None = None
    """The job was paused or cancelled, or is gone. None, as the following, where Macie is off."""
    had_errors: bool | None = None
    unexamined: timedelta | None = None
    """What was archived for so long may not have been examined."""


def coverage(*, is_on: bool, job: Job | None, now: datetime) -> Coverage:
    """What Macie's session and the daily job, None where there is no such job, tell of the archive."""
    if not is_on:
        return Coverage(off=True)
    if job is None:
        return Coverage(off=False, stopped=True)
    return Coverage(
        off=False,
        stopped=job.status not in _GOES_ON,
        had_errors=job.had_errors,
        unexamined=max(now - _examined_until(job), timedelta()),
    )


def _examined_until(job: Job) -> datetime:
    """The beginning of the last run that is known to be complete; nothing that came later is in it.

    Macie says when the last run began, and by `IDLE` that it is complete. One that is under way was begun a
    day, or more, after the one before it, which was complete by then.
    """
    if job.status == "IDLE":
        return job.last_run
    return max(job.created, job.last_run - _SCHEDULE)
