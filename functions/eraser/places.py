"""The places with objects that may hold an event: where they are listed, and how the event is taken out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from eventing.timestamps import read_moment, timestamp
from functions.contract import Objects
from functions.eraser.sweep import Strip, junk_of, lines_without, records_without
from functions.shared.archive import hour_prefix, publisher_prefix
from functions.shared.object_versions import ObjectVersions, Version

Name = Literal["archive", "records", "junk"]
# Of clocks, and of a request that was retried in another region while its event was on its way here.
_SKEW = timedelta(hours=1)


@dataclass(frozen=True)
class Place:
    """Objects of a bucket."""

    versions: ObjectVersions
    strip: Callable[[str], Strip]
    prefix: Callable[[str], str]
    """Of the objects that may hold an event of this publisher."""
    in_order: bool = False
    """Their keys are in the order of time."""

    def page(
        self, publisher: str, since: str | None, after: str
    ) -> tuple[Sequence[Version], str | None]:
        """The next versions after this key that may hold an event accepted `since` then.

        The second is the key to go on after, and None at the end.
        """
        earliest = read_moment(since) - _SKEW if since else None
        if earliest and self.in_order and not after:
            after = hour_prefix(publisher, timestamp(earliest))
        versions, following = self.versions.page(self.prefix(publisher), after=after)
        return [one for one in versions if _may_hold(one, earliest)], following


def _may_hold(version: Version, earliest: datetime | None) -> bool:
    return earliest is None or version.modified >= earliest


def places(*, archive: ObjectVersions, operations: ObjectVersions) -> Mapping[Name, Place]:
    """All of them, by their names."""
    return {
        "records": Place(operations, records_without, lambda _: Objects.INVOCATION_RECORDS),
        "junk": Place(operations, junk_of, lambda _: Objects.JUNK),
        "archive": Place(archive, lines_without, publisher_prefix, in_order=True),
    }
