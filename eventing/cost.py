"""The cost model: what events cost on their way from the request to the topics, by what was used.

It counts the requests, Lambda, the Events table, the way into the archive, the publication, its receipts and
the logs. It leaves out what is there without events (alarms, dashboards), what is kept for long (storage),
Macie, traces, and what subscribers do. No request can tell what Firehose's objects cost: `stream_dollars`
does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields

from eventing.prices import PRICES
from eventing.receipts import units as receipt_units

_WRITE_BYTES, _SNS_BYTES, _SNS_ENTRIES = 1024, 64 * 1024, 10
_STREAM_STEP_BYTES = 5 * 1024
# An event's item beside its text: names of members, key, digest, times, publisher and type.
_ITEM_BYTES = 300
# Memory of the functions in GB, as `infrastructure/constructs` gives it to them.
INGEST_GB, PUBLISH_GB = 1.0, 0.5
# Of a batch of the stream, with the assumed latencies of benchmarks/: calls of SNS, then the receipts.
_PUBLISH_SECONDS = 0.03
# Log lines and metrics (EMF) of one request, and of one batch of the stream, with the 26 bytes that
# CloudWatch adds to each; the access log's line is among them, and Lambda's own are not written.
_REQUEST_LOG_BYTES, _BATCH_LOG_BYTES = 1500, 900


@dataclass(frozen=True)
class Usage:
    """What was used, by one publisher or by all: numbers that add up."""

    requests: float = 0
    """That reached ingestion, taken or refused."""
    seconds: float = 0
    """For which the ingest function worked on them."""
    objects: float = 0
    """Written into the archive by the ingest function."""
    stream_steps: float = 0
    """Of 5 KB, of the records that were put into the archive's delivery stream."""
    stream_bytes: float = 0
    """Of these records together."""
    write_units: float = 0
    """Of the Events table in this region: for duplicates as well."""
    publish_calls: float = 0
    """PublishBatch requests, each of 64 KiB at most."""
    batches: float = 0
    """Invocations of the publish function."""
    receipt_units: float = 0
    """Write units of the receipts in this region, on average: by chance they are more or fewer."""

    def __add__(self, other: Usage) -> Usage:
        """Both together."""
        return Usage(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Usage)))


def dollars_by_unit(*, regions: int = 1) -> Mapping[str, float]:
    """What one of each number of `Usage` costs, where the table has a replica in so many regions."""
    return {
        "requests": PRICES["api_request"]
        + PRICES["lambda_request"]
        + _REQUEST_LOG_BYTES * PRICES["log_byte"],
        "seconds": INGEST_GB * PRICES["gb_second"],
        "objects": PRICES["s3"],
        "stream_steps": PRICES["stream_step"],
        "stream_bytes": PRICES["stream_byte"],
        "write_units": PRICES["write"] * regions,
        "publish_calls": PRICES["sns"],
        "receipt_units": PRICES["write"] * regions,
        "batches": PRICES["lambda_request"]
        + PUBLISH_GB * _PUBLISH_SECONDS * PRICES["gb_second"]
        + _BATCH_LOG_BYTES * PRICES["log_byte"],
    }


def dollars(usage: Usage, *, regions: int = 1) -> float:
    """What this usage costs. It is a sum of products: the parts cost together what the whole does."""
    used: Mapping[str, float] = asdict(usage)
    return sum(price * used[name] for name, price in dollars_by_unit(regions=regions).items())


def stream_dollars(*, publishers: int, days: float, interval_seconds: int) -> float:
    """What the objects of the delivery stream cost, at most, where so many publishers send all the time.

    It writes one for each publisher and interval, unless one would be larger than the stream's buffer.
    """
    objects = publishers * days * 86400 / interval_seconds
    return objects * (PRICES["stream_object"] + PRICES["s3"])


def of_request(
    *,
    written: Sequence[int],
    objects: int = 0,
    streamed: Sequence[int] = (),
    published: Sequence[int] = (),
    seconds: float,
) -> Usage:
    """The usage of one request, from the bytes of the events that it brought.

    `written`: of those that the table was asked to store; `streamed`: of the lines that the archive's
    delivery stream was given; `published`: of the events that the table has stored now.
    Events of one request are published together, unless they have many topics.
    """
    by_count, by_size = _units(len(published), _SNS_ENTRIES), _units(sum(published), _SNS_BYTES)
    return Usage(
        requests=1,
        seconds=seconds,
        objects=objects,
        stream_steps=sum(_units(size, _STREAM_STEP_BYTES) for size in streamed),
        stream_bytes=sum(streamed),
        write_units=sum(_units(size + _ITEM_BYTES, _WRITE_BYTES) for size in written),
        publish_calls=max(by_count, by_size),
        batches=int(bool(published)),
        receipt_units=receipt_units(len(published)),
    )


def _units(amount: int, unit: int) -> int:
    return -(-amount // unit)
