"""What a load has shown: how fast events were accepted and delivered, which were lost, what it has cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from eventing import cost
from eventing.cost import Usage, of_request
from eventing.prices import PRICES
from eventing.receipts import units as receipt_units
from eventing.verification.check import Check, failed, ok
from eventing.words import counted

# Events of a load that are published together.
_BATCH = 10
# About what a line of the archive adds to an event.
_LINE_BYTES = 100
# Of a queue that is watched: a batch is received, and deleted.
_REQUESTS_PER_BATCH = 2


@dataclass(frozen=True)
class Sent:
    """An event of a load. Times are seconds of one clock."""

    at: float
    accepted_at: float | None = None
    """None when it was not answered 202."""
    arrivals: Sequence[float] = ()


@dataclass(frozen=True)
class Latencies:
    """Of events, in seconds; None when there are none."""

    p50: float | None
    p95: float | None
    p99: float | None

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Latencies:
        """Those of so many events: each is the latency of one of them (nearest rank)."""
        ordered = sorted(seconds)
        return cls(*(percentile(ordered, share) for share in (50, 95, 99)))

    def __str__(self) -> str:
        shown = ((name, value) for name, value in vars(self).items() if value is not None)
        return ", ".join(f"{name} {value * 1000:.0f} ms" for name, value in shown) or "none"


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What became of a load."""

    sent: int
    refused: int
    """Not answered 202; one that has arrived for all that is none."""
    lost: int
    """Answered 202, and not delivered while it was waited for."""
    doubled: int
    """Delivered more than once."""
    seconds: float
    """From the first to the last one sent."""
    accepted: Latencies
    delivered: Latencies
    """From the sending of an event to its arrival."""
    dollars: float

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.sent / self.seconds if self.seconds else 0.0

    @classmethod
    def of(cls, events: Sequence[Sent], *, event_bytes: int, regions: int = 1) -> Figures:
        """Those of a load of events of this size; the table is in so many regions."""
        times = [event.at for event in events]
        accepted = [e.accepted_at - e.at for e in events if e.accepted_at is not None]
        return cls(
            sent=len(events),
            refused=sum(e.accepted_at is None and not e.arrivals for e in events),
            lost=sum(e.accepted_at is not None and not e.arrivals for e in events),
            doubled=sum(len(e.arrivals) > 1 for e in events),
            seconds=max(times) - min(times) if times else 0.0,
            accepted=Latencies.of(accepted),
            delivered=Latencies.of([min(e.arrivals) - e.at for e in events if e.arrivals]),
            dollars=dollars(
                len(events), event_bytes=event_bytes, seconds=sum(accepted), regions=regions
            ),
        )

    def check(self, *, rate: int) -> Check:
        """The verdict on a load of `rate` events a second: ok when nothing was lost and all was taken.

        Doubles are told: delivery is at least once.
        """
        name = f"load of {counted(self.sent, 'event')}"
        told = (
            f"{self.rate:.0f} of {rate}/s, {self.lost:,} lost, {self.doubled:,} doubled, "
            f"{self.refused:,} refused; "
            f"accepted {self.accepted}; delivered {self.delivered}; about ${self.dollars:.4f}"
        )
        if self.lost:
            return failed(
                name,
                told,
                fix="`eventing status` tells where they are: what was answered 202 is safe",
            )
        if self.refused:
            return failed(
                name,
                told,
                fix="the region takes no such load: see the quota of concurrent executions and the "
                "throttling of the API",
            )
        return ok(name, told)


def percentile(ordered: Sequence[float], share: int) -> float | None:
    """The value that `share` per cent of them don't exceed (nearest rank); None when there are none."""
    if not ordered:
        return None
    return ordered[max(0, -(-share * len(ordered) // 100) - 1)]


def dollars(events: int, *, event_bytes: int, seconds: float, regions: int = 1) -> float:
    """About what it costs to take in, store, archive, publish and deliver events of this size to a queue.

    Each is sent alone, and goes through the archive's delivery stream; `seconds` is how long ingestion took
    for all of them together. Macie, alarms and what a month costs by itself are left out.
    """
    batches = -(-events // _BATCH)
    one = of_request(
        written=[event_bytes], streamed=[event_bytes + _LINE_BYTES], seconds=seconds / events
    )
    used = replace(one, **{name: events * value for name, value in asdict(one).items()})
    receipts = batches * receipt_units(events / batches)
    used += Usage(batches=batches, publish_calls=batches, receipt_units=receipts)
    return cost.dollars(used, regions=regions) + batches * _REQUESTS_PER_BATCH * PRICES["sqs"]
