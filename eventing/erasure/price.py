"""The price of an erasure and its time: what has to be read to find an event's copies."""

from __future__ import annotations

from math import ceil

from eventing.prices import PRICES

# Memory of the eraser function in GB, as `infrastructure/constructs/erasure.py` gives it.
ERASER_GB = 1.0
# Bytes a second that it reads and looks through, and objects, a few at a time. Assumed: matching lines of 1
# KiB takes an eighth of that time on a laptop, and the rest is S3's.
BYTES_A_SECOND = 30_000_000
OBJECTS_A_SECOND = 200
LISTED_AT_ONCE = 1000


def seconds_to_read(objects: int, size: int) -> int:
    """How long it takes to read so many objects of so many bytes together."""
    return ceil(max(objects / OBJECTS_A_SECOND, size / BYTES_A_SECOND))


def price_to_read(objects: int, size: int) -> float:
    """Dollars for listing them twice, and reading them once."""
    lists = 2 * ceil(objects / LISTED_AT_ONCE)
    seconds = seconds_to_read(objects, size)
    return round(
        objects * PRICES["s3_get"]
        + lists * PRICES["s3"]
        + seconds * ERASER_GB * PRICES["gb_second"],
        6,
    )
