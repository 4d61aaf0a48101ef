"""Copies events into the archive: through its delivery stream, or as an object of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from eventing.archive_line import archive_line, is_small
from eventing.cause import Cause, Code
from functions.shared.archive import Archive
from functions.shared.delivery_stream import DeliveryStream

_NOT_IN_TIME = Cause(Code.TIMEOUT, "OutOfTime", "the archive did not answer in the time there was")


@dataclass(frozen=True)
class Copied:
    """The result for the events of one request."""

    failures: Mapping[int, Cause] = field(default_factory=dict)
    """By the event's number, why it is not in the archive, and not on its way there."""
    streamed: Sequence[int] = ()
    """The bytes of the lines that the delivery stream was given."""
    objects: int = 0
    refused: Cause | None = None
    """Why the delivery stream did not take all of them; an object has what it did not take."""


class Copying:
    """The archive, and the delivery stream into it if there is one."""

    def __init__(self, *, archive: Archive, stream: DeliveryStream | None) -> None:
        self._archive = archive
        self._stream = stream
        self._late = replace(_NOT_IN_TIME, resource=archive.resource)

    def __call__(
        self, events: Sequence[str], *, publisher: str, accepted_at: str, name: str
    ) -> Copied:
        """Copy these; `name` is that of the object, if one is written (`Archive.put`).

        What the stream does not take goes into an object. Made again, after an answer that was lost, it may
        copy an event twice; it never loses one that it says nothing of.
        """
        lines = [
            archive_line(event, publisher=publisher, accepted_at=accepted_at).encode()
            for event in events
        ]
        left, streamed, refused = list(range(len(lines))), [], None
        if self._stream and is_small(sizes := [len(line) for line in lines]):
            causes = self._stream.put(lines)
            left = [number for number, cause in enumerate(causes) if cause]
            if not left:
                return Copied(streamed=sizes)
            streamed, refused = sizes, causes[left[0]]
        cause = self._archive.put(
            [lines[number] for number in left],
            publisher=publisher,
            accepted_at=accepted_at,
            name=name,
        )
        failures = dict.fromkeys(left, cause) if cause else {}
        return Copied(failures, streamed, objects=1, refused=refused)

    def late(self, events: int) -> Copied:
        """The result for so many events of which none is known when the time is over."""
        return Copied(dict.fromkeys(range(events), self._late))
