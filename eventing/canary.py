"""The canary: one event every minute that proves that events get through, and what belongs to it alone.

Its event type, topic and publisher are the deployment's, and no catalogue has them: `with_canary` adds them.
A catalogue that takes one of these names is refused, whether or not a deployment has a canary.
"""

from __future__ import annotations

from eventing.catalogue import Catalogue, EventType, Rule, Topic, UsagePlan
from eventing.type_patterns import covers

TYPE = "eventing.canary.v1"
TOPIC = "canary"
PUBLISHER = "canary"
SOURCE = "urn:eventing:canary"
"""Of the event of each minute: the canary's own queue takes events of this source only."""

# One event a minute takes none of it: it is for whoever sends a load of these events to measure it.
USAGE_PLAN = UsagePlan(rate_per_second=500, burst=1000)

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
