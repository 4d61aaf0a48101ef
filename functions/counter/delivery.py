"""Finds topics whose events get to nobody, by what SNS counts of its topics."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from eventing.delivery import happened_since, last_published, looked_at
from functions.shared.metric_reader import MetricReader

PUBLISHED = "NumberOfMessagesPublished"
# What can become of a message: SNS counts one of these for each subscription, and none without any.
OUTCOMES = (
    "NumberOfNotificationsDelivered",
    "NumberOfNotificationsFailed",
    "NumberOfNotificationsFilteredOut",
)


def unheard(reader: MetricReader, topics: Iterable[str], now: datetime) -> set[str]:
    """Those SNS topics (by name) to which events were published that nothing has become of since.

    Of topics that somebody hears no more is read than it takes to see that. Raises what the SDK raises.
    """
    window = looked_at(now)
    published = reader.sums_of_topics(PUBLISHED, list(topics), *window)
    waiting = {
        topic: minute for topic, sums in published.items() if (minute := last_published(sums, now))
    }
    for name in OUTCOMES:
        outcomes = reader.sums_of_topics(name, list(waiting), *window)
        waiting = {
            topic: minute
            for topic, minute in waiting.items()
            if not happened_since(minute, outcomes[topic])
        }
    return set(waiting)
