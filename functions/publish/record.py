"""A record of the Events table's stream, as it is published."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from eventing.cause import Cause
from eventing.dead_letter import DeadLetter, Step
from eventing.message import Message
from eventing.timestamps import timestamp
from functions.shared.invocation import trace_id


@dataclass(frozen=True)
class Record:
    """A stream record on its way: to a topic, or to the dead-letter queue."""

    sequence_number: str
    stream_id: str
    publisher: str
    accepted_at: datetime
    event: str = field(repr=False)
    key: str = ""
    origin: str | None = None
    """The region that took the event."""
    topic: str = ""
    message: Message | None = None
    size: int = 0
    fault: Cause | None = None
    """The reason that it has no topic."""

    def letter(self, cause: Cause) -> DeadLetter:
        """The dead letter of this record, which failed just now."""
        step: Step = "route" if self.fault else "publish"
        return DeadLetter(
            stage="publish",
            step=step,
            publisher=self.publisher,
            event=self.event,
            accepted_at=timestamp(self.accepted_at),
            cause=cause,
            failed_at=timestamp(datetime.now(UTC)),
            topic=self.topic or None,
            trace_id=trace_id(),
        )
