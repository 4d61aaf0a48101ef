"""How long each copy of an event is kept, in one place, and whether these lives fit each other."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# A dead letter that has been open for so many days has been forgotten, and an alarm says so.
OLD_DAYS = 14
# DynamoDB removes what has expired within so many days ("Using time to live").
_TTL_DELAY = 2
# S3 counts a life from the midnight after, and removes objects once a day.
_LIFECYCLE_DELAY = 1
_STREAM_DAYS = 1
# What waits for an approval is of no use once its task has timed out, after a day.
APPROVAL_DAYS = 1
# Of a life that this project chooses.
_DAYS = range(1, 3651)
# Of SQS, of point-in-time recovery, and of CloudWatch Logs, each as its API documents it.
_QUEUE_DAYS = range(1, 15)
_BACKUP_DAYS = range(1, 36)
_LOG_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557)


@dataclass(frozen=True, kw_only=True)
class Copy:
    """A place where an event may be: what is there, and after how many days it is gone at the latest."""

    place: str
    when: str
    """In what case the event is there."""
    life: str
    """What ends its life there, in words."""
    days: int
    """From the event's acceptance."""


@dataclass(frozen=True, kw_only=True)
class Retention:
    """Days. The defaults are those of `cdk.json`."""

    events: int = 90
    """In the Events table and in the archive: also how long a repeated id is recognised."""
    queued_letters: int = 14
    """In a dead-letter queue, until triage records them."""
    open_letters: int = 180
    """In the ledger, from the day a letter is recorded. What nobody redrives by then is lost."""
    closed_letters: int = 30
    """In the ledger, from the day a letter is resolved or discarded."""
    invocation_records: int = 30
    """What the publish function crashed on, in the operations bucket."""
    junk: int = 30
    """What was in a dead-letter queue and is no dead letter, in the operations bucket."""
    runs: int = 200
    """Plans and results of executions: keys, causes and counts, no event."""
    reports: int = 200
    """What operators read of an execution: no event."""
    access_logs: int = 200
    """Who read the archive: no event."""
    logs: int = 30
    """Log lines: no event."""
    replaced_objects: int = 7
    """What is deleted in a bucket, until it is gone for good."""
    backups: int = 35
    """How far back the tables can be restored."""
    longest: int = 550
    """No copy of an event is anywhere for longer, from its acceptance on; checked against all others."""

    def copies(self) -> tuple[Copy, ...]:
        """Every place of this deployment where an event may be, with what subscribers keep left out."""
        bucket = _LIFECYCLE_DELAY + self.replaced_objects
        # Until the last day, a letter can be redriven: what that writes begins its life then.
        # Junk in which somebody finds a letter goes through the queue again.
        letter = self.queued_letters + self.junk + self.queued_letters + self.open_letters
        stored = max(self.events, letter) + _TTL_DELAY
        return (
            Copy(
                place="Events table",
                when="accepted",
                life=f"`events` ({self.events}) from its acceptance; DynamoDB takes up to {_TTL_DELAY} days "
                "to remove it",
                days=stored,
            ),
            Copy(
                place="stream of the Events table",
                when="accepted",
                life="one day",
                days=letter + _STREAM_DAYS,
            ),
            Copy(
                place="backups of the Events table",
                when="accepted",
                life=f"`backups` ({self.backups}) after the table",
                days=stored + self.backups,
            ),
            Copy(
                place="archive",
                when="accepted",
                life=f"`events` ({self.events}) from when it is archived, then `replaced_objects` "
                f"({self.replaced_objects})",
                days=letter + self.events + bucket,
            ),
            Copy(
                place="dead-letter queue",
                when="it failed at a step",
                life=f"`queued_letters` ({self.queued_letters})",
                days=letter + _STREAM_DAYS + self.queued_letters,
            ),
            Copy(
                place="ledger",
                when="it failed at a step",
                life=f"`open_letters` ({self.open_letters}); once it is resolved or discarded, "
                f"`closed_letters` ({self.closed_letters})",
                days=2 * letter + _STREAM_DAYS + self.closed_letters + _TTL_DELAY,
            ),
            Copy(
                place="backups of the ledger",
                when="it failed at a step",
                life=f"`backups` ({self.backups}) after the ledger",
                days=2 * letter + _STREAM_DAYS + self.closed_letters + _TTL_DELAY + self.backups,
            ),
            Copy(
                place="operations bucket, `aws/lambda/`",
                when="the publish function crashed on it",
                life=f"`invocation_records` ({self.invocation_records}), then `replaced_objects` "
                f"({self.replaced_objects})",
                days=letter + _STREAM_DAYS + self.invocation_records + bucket,
            ),
            Copy(
                place="operations bucket, `junk/`",
                when="a message in a dead-letter queue could not be read",
                life=f"`junk` ({self.junk}), then `replaced_objects` ({self.replaced_objects})",
                days=letter + _STREAM_DAYS + self.queued_letters + self.junk + bucket,
            ),
        )

    def faults(self) -> Iterator[str]:
        """Say what does not fit: a life that its service does not offer, or one that another needs longer."""
        for name, allowed in self._allowed().items():
            days = getattr(self, name)
            if days not in allowed:
                yield f"{name}: {days} is not {_said(allowed)}"
        if self.open_letters < 2 * OLD_DAYS:
            yield (
                f"open_letters: {self.open_letters} days leave too little time after the alarm on "
                f"forgotten letters, which goes off at {OLD_DAYS}: at least {2 * OLD_DAYS}"
            )
        if self.invocation_records < self.queued_letters:
            yield (
                f"invocation_records: {self.invocation_records} is less than queued_letters "
                f"({self.queued_letters}), and a queue holds references to them for so long"
            )
        for name in ("runs", "reports"):
            for letters in ("open_letters", "closed_letters"):
                if getattr(self, name) < getattr(self, letters):
                    yield (
                        f"{name}: {getattr(self, name)} is less than {letters} "
                        f"({getattr(self, letters)}): letters would outlive what tells of them"
                    )
        for copy in self.copies():
            if copy.days > self.longest:
                yield (
                    f"longest: an event may be in the {copy.place} for {copy.days} days, and "
                    f"longest promises {self.longest}"
                )

    def _allowed(self) -> Mapping[str, range | tuple[int, ...]]:
        special: Mapping[str, range | tuple[int, ...]] = {
            "queued_letters": _QUEUE_DAYS,
            "backups": _BACKUP_DAYS,
            "logs": _LOG_DAYS,
        }
        return {f.name: special.get(f.name, _DAYS) for f in fields(self)}


def _said(allowed: range | tuple[int, ...]) -> str:
    if isinstance(allowed, range):
        return f"between {allowed[0]} and {allowed[-1]}"
    return f"one of {', '.join(map(str, allowed))}, which are all that CloudWatch Logs offers"
