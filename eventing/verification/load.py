"""What a load has shown: how fast events were accepted and delivered, which were lost, what it has cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eventing.redrive.price import PRICES
from eventing.verification.check import Check, failed, ok
from eventing.words import counted

# List prices in us-east-1, in dollars, of what only the way in and out of the system costs.
_PRICES: Mapping[str, float] = {
    "request": 3.5e-6,  # to a REST API
    "invocation": 0.2e-6,
    "lambda_gb_second": 1.33334e-5,  # on arm64
    "sqs": 0.4e-6,  # a request
    "log_gb": 0.5,
}
# Of the ingest function, which an event waits for. Publication takes ten at a time.
_GB, _PUBLISH_SECONDS_GB = 1.0, 0.005
_WRITE_BYTES = 1024
# What the table holds of an event beside its text; what logs say of it, with the access log.
_ITEM_BYTES, _LOG_BYTES = 300, 1500
_BATCH = 10
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

    Each is sent alone; `seconds` is how long ingestion took for all of them together. Macie, alarms and
    what a month costs by itself are left out.
    """
    units = -(-(event_bytes + _ITEM_BYTES) // _WRITE_BYTES)
    batches = -(-events // _BATCH)
    return (
        events * (_PRICES["request"] + _PRICES["invocation"] + PRICES["s3"])
        + events * units * PRICES["write"] * regions
        + seconds * _GB * _PRICES["lambda_gb_second"]
        + batches * (_PRICES["invocation"] + PRICES["sns"])
        + batches * _PUBLISH_SECONDS_GB * _PRICES["lambda_gb_second"]
        + batches * _REQUESTS_PER_BATCH * _PRICES["sqs"]
        + events * _LOG_BYTES / 1e9 * _PRICES["log_gb"]
    )
