"""The canary: one event every minute that proves that events get through, and what belongs to it alone.

Its event type, topic and publisher are the deployment's, and no catalogue has them: `with_canary` adds them.
A catalogue that takes one of these names is refused, whether or not a deployment has a canary.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from enum import Enum, auto

from eventing.catalogue import Catalogue, EventType, Rule, Topic, UsagePlan
from eventing.timestamps import read_moment, timestamp
from eventing.type_patterns import covers

TYPE = "eventing.canary.v1"
TOPIC = "canary"
PUBLISHER = "canary"
SOURCE = "urn:eventing:canary"
"""Of the event of each minute: the canary's own queue takes events of this source only."""

# One event a minute takes none of it: it is for whoever sends a load of these events to measure it.
USAGE_PLAN = UsagePlan(rate_per_second=500, burst=1000)

MOST_SECONDS = timedelta(seconds=50)
"""A run is over by then: its event has arrived, or counts as undelivered."""

# Types that no catalogue may name: later versions of the event among them.
_RESERVED = "eventing.canary.*"
_TOPIC = Topic(
    TOPIC,
    "The event of each minute that proves that events get through",
    (Rule(TYPE),),
    # The canary's own alarm tells of it.
    subscribers_expected=False,
)
_EVENT_TYPE = EventType(TYPE, "Proves that events get through")


def is_reserved(pattern: str) -> bool:
    """Tell whether a type, or every type that a pattern matches, is the canary's."""
    return covers(_RESERVED, pattern)


def may_send(publisher: str, type: str) -> bool:
    """Tell whether the publisher may send such events: the canary its own, and nobody else those."""
    return (publisher == PUBLISHER) == is_reserved(type)


def with_canary(catalogue: Catalogue) -> Catalogue:
    """The catalogue with the canary's topic and event type before all others, which `*` would take."""
    return Catalogue.of(
        (_TOPIC, *catalogue.topics), (_EVENT_TYPE, *catalogue.event_types), catalogue.usage_plans
    )


class Sighting(Enum):
    """A message in the canary's queue, as the run that received it sees it."""

    OWN = auto()
    """The event that it has sent itself: events get through."""
    OF_ANOTHER_RUN = auto()
    """Young enough that a run which goes on beside this one may wait for it."""
    STALE = auto()
    """Of a run that is over, held up or redriven since, or no event of the canary: it proves nothing."""


def new_event(id: str, at: datetime) -> str:
    """The event of one minute, in the JSON format of CloudEvents."""
    return json.dumps(
        {"specversion": "1.0", "id": id, "source": SOURCE, "type": TYPE, "time": timestamp(at)}
    )


def sighting(message: str, *, id: str, now: datetime) -> Sighting:
    """Judge a message for the run that has sent the event `id`; any text may come."""
    try:
        event = json.loads(message)
        if event["id"] == id:
            return Sighting.OWN
        young = now - read_moment(event["time"]) < MOST_SECONDS
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return Sighting.STALE
    return Sighting.OF_ANOTHER_RUN if young else Sighting.STALE
