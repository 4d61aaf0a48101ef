"""Queries of CloudWatch Logs Insights by publisher: over what ingestion logs, and over the access log.

Publishers are no dimension of a metric, which would cost one for each: this is how they are told apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from eventing import canary
from eventing.cost import Usage, dollars, dollars_by_unit

# The canary's are no publisher's.
REQUESTS = ("filter message = 'request'", f"filter publisher != '{canary.PUBLISHER}'")
_USED = "used_"
# The sums of a row, by their names; what they are sums of is in the log line.
_SUMS: Mapping[str, str] = {
    "accepted_events": "accepted",
    "accepted_before": "duplicate",
    "rejected_events": "rejected",
    "dead_letters": "dead_lettered",
    "bytes_sent": "bytes",
}
_COUNTED = ", ".join(f"sum({of}) as {name}" for name, of in _SUMS.items())

BY_PUBLISHER = (
    *REQUESTS,
    f"stats {_COUNTED}, "
    + ", ".join(f"sum(usage.{f.name}) as {_USED}{f.name}" for f in fields(Usage))
    + " by publisher",
)
"""What each publisher sent, what became of it, and what that used: see `sent_in`."""
REFUSALS = (
    *REQUESTS,
    "filter rejected > 0",
    "stats sum(rejected) as refused by publisher, problems.0 as problem",
    "sort refused desc",
)
"""Events that were refused, by publisher and by the first problem of their requests."""
REFUSED_BY_GATEWAY = (
    # The access log has every value in quotes.
    "filter status in ['403', '413', '429']",
    # What the function has answered is no error of the gateway.
    "filter error_type != '-'",
)
"""Requests that the gateway refused, in its access log: they never got to the function."""
BY_KEY = (
    *REFUSED_BY_GATEWAY,
    "stats count(*) as refused by api_key_id, error_type",
    "sort refused desc",
)
"""Those by the id of their key, which is `-` where none is valid, and by the gateway's response type."""


def events_by_publisher(*, regions: int) -> tuple[str, ...]:
    """A table for people: the same with what it cost, where the table has a replica in so many regions."""
    cost = " + ".join(
        f"sum(usage.{name}) * {price:.10f}"
        for name, price in dollars_by_unit(regions=regions).items()
    )
    return (
        *REQUESTS,
        f"stats sum(usage.requests) as requests, {_COUNTED}, {cost} as dollars by publisher",
        "sort dollars desc",
    )


@dataclass(frozen=True)
class Sent:
    """What a publisher sent in a time, and what became of it."""

    publisher: str
    accepted: int
    accepted_before: int
    rejected: int
    dead_letters: int
    bytes: int
    usage: Usage

    def dollars(self, *, regions: int) -> float:
        """What it cost."""
        return dollars(self.usage, regions=regions)


def sent_in(row: Mapping[str, str]) -> Sent:
    """What a row of `BY_PUBLISHER` says; a sum of nothing is 0."""

    def number(name: str) -> float:
        return float(row.get(name) or 0)

    accepted, accepted_before, rejected, dead_letters, size = (int(number(name)) for name in _SUMS)
    usage = Usage(**{f.name: number(f"{_USED}{f.name}") for f in fields(Usage)})
    publisher = row.get("publisher", "")
    return Sent(publisher, accepted, accepted_before, rejected, dead_letters, size, usage)


def nothing_sent(publisher: str) -> Sent:
    """Of a publisher of whom nothing came through."""
    return sent_in({"publisher": publisher})
