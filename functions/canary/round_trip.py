"""The round trip of one event: sent as a publisher sends it, and awaited as a subscriber."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import uuid4

from eventing.canary import Sighting, new_event, sighting
from functions.shared.clock import Clock, Deadline
from functions.shared.front_door import FrontDoor
from functions.shared.message_queue import MessageQueue, Received

# A publisher is answered by then, or is not answered: the ingest function has as many.
_ANSWER_SECONDS = 20.0
_ACCEPTED = 202
# SQS waits for a message for so long; it counts in whole seconds.
_POLL_SECONDS = 5
# For what is said in the end.
_REPORT_SECONDS = 3.0

Outcome = Literal["delivered", "not answered", "not accepted", "not seen", "not delivered"]
"""The last of what can go wrong is what the canary is there for: accepted, and then nothing came.

Before that: the front door did not answer or the key could not be read, the front door refused, or the
queue could not be read.
"""


@dataclass(frozen=True)
class Result:
    """The outcome for one event, and what is known of it."""

    id: str
    outcome: Outcome
    status: int | None = None
    """Of the front door's answer."""
    error: str | None = None
    """The class of what went wrong, and no text of it."""
    milliseconds: float | None = None
    """From sending it to having it back."""


class RoundTrip:
    """Sends an event and waits for it; other messages in the queue prove nothing."""

    def __init__(self, *, front_door: FrontDoor, queue: MessageQueue, clock: Clock) -> None:
        self._front_door = front_door
        self._queue = queue
        self._clock = clock

    def __call__(self, deadline: Deadline) -> Result:
        """Make the trip before the deadline; nothing is raised."""
        # A run that Lambda repeats is another one: the same event would be a duplicate, and never come.
        id = str(uuid4())
        began = self._clock.monotonic()
        try:
            event = new_event(id, self._clock.now())
            status = self._front_door.post(event, seconds=_ANSWER_SECONDS)
        except Exception as error:  # its text may quote what was sent, and the key with it
            return Result(id, "not answered", error=type(error).__name__)
        if status != _ACCEPTED:
            return Result(id, "not accepted", status)
        try:
            arrived = self._wait_for(id, deadline.less(_REPORT_SECONDS))
        except Exception as error:
            return Result(id, "not seen", status, type(error).__name__)
        if arrived is None:
            return Result(id, "not delivered", status)
        return Result(id, "delivered", status, milliseconds=round((arrived - began) * 1000, 1))

    def _wait_for(self, id: str, end: float) -> float | None:
        """The moment (of `monotonic`) at which the event was seen, or None when it was not by the end."""
        while (left := end - self._clock.monotonic()) >= 1:
            messages = self._queue.receive(wait_seconds=min(_POLL_SECONDS, int(left)))
            seen = self._clock.monotonic()
            now = self._clock.now()
            sightings = [sighting(message.body, id=id, now=now) for message in messages]
            # Those of another run show themselves again in a moment.
            self._delete(
                [
                    message
                    for message, seen_as in zip(messages, sightings, strict=True)
                    if seen_as is not Sighting.OF_ANOTHER_RUN
                ]
            )
            if Sighting.OWN in sightings:
                return seen
        return None

    def _delete(self, messages: Sequence[Received]) -> None:
        try:
            self._queue.delete(messages)
        except Exception:
            # They go by themselves within a minute, and an event that has arrived has arrived.
            return
