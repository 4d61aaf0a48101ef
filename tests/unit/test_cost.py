"""The cost model: the guide's figures, and parts that add up to the whole."""

from __future__ import annotations

import random
import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from eventing.archive_line import LARGE_EVENTS, is_small
from eventing.cost import Usage, dollars, dollars_by_unit, of_request, stream_dollars
from eventing.prices import PRICES
from eventing.receipts import units

GUIDE = Path("docs/deploying.md").read_text()
TEXT = " ".join(GUIDE.split())
DECISION = Path("docs/decisions/0029-archive-through-firehose.md").read_text()
KIB = 1024
# One batch of the stream, sent in one call.
PUBLISHED = {"publish_calls": 1, "batches": 1}
# What a line adds to an event.
LINE = 100
# Of one request with the assumed latencies of benchmarks/, one event or a hundred.
SECONDS = {1: 0.013, 100: 0.04}


def a_million(each: int, *, sharing: int = 1, stream: bool = True, receipts: bool = True) -> float:
    """What a million events of 1 KiB cost, so many in a request; so many requests share a stream's batch."""
    sizes = [KIB] * each
    lines = [size + LINE for size in sizes]
    way: dict[str, Any] = {"streamed": lines} if stream and is_small(lines) else {"objects": 1}
    seconds = SECONDS[each] if stream else 0.033
    one = of_request(written=sizes, published=sizes, seconds=seconds, **way)
    shared = replace(
        one,
        batches=one.batches / sharing,
        publish_calls=one.publish_calls / sharing,
        receipt_units=units(each * sharing) / sharing if receipts else 0,
    )
    return dollars(shared) * 1_000_000 / each


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"each": 1}, r"sent one\s+by\s+one take about \$([\d.]+)"),
        ({"each": 1, "sharing": 3}, r"about \$([\d.]+) where the stream is busy"),
        ({"each": 100}, r"of 100 about \$([\d.]+\d)"),
        ({"each": 1, "stream": False}, r"single events take about \$([\d.]+\d)"),
    ],
    ids=lambda given: str(given),
)
def test_the_guide_has_the_models_figures(given: dict[str, Any], said: str) -> None:
    (figure,) = re.findall(said, GUIDE)

    assert float(figure) == pytest.approx(a_million(**given), rel=0.01)


def test_the_goals_of_the_price_and_when_they_are_reached() -> None:
    # What is left of $6.5 without a busy stream: decision 29 has it.
    assert 7 < a_million(1, receipts=False) < 7.5
    assert a_million(1, sharing=3, receipts=False) < 6.5
    # Of one object for each request, with Lambda's own log lines.
    assert a_million(100, receipts=False) < 1.412
    # What receipts may add there.
    assert a_million(100) - a_million(100, receipts=False) <= 0.05


def test_the_guide_says_what_most_of_it_is() -> None:
    (gateway, table, archive) = re.findall(
        r"\(\$([\d.]+) of it API Gateway, \$([\d.]+) the table, \$([\d.]+) the\s+way into the archive",
        GUIDE,
    )[0]

    assert float(gateway) == pytest.approx(1e6 * PRICES["api_request"])
    assert float(table) == pytest.approx(1e6 * 2 * PRICES["write"])
    streamed = of_request(written=(), streamed=[KIB + LINE], seconds=0)
    way = dollars(streamed) - dollars(of_request(written=(), seconds=0))
    assert float(archive) == pytest.approx(1e6 * way, abs=0.005)


@pytest.mark.parametrize(("each", "most"), [(1, 0.63), (10, 0.24), (100, 0.05)])
def test_what_receipts_cost_for_a_million_events_and_a_region(each: int, most: float) -> None:
    said = re.findall(
        r"receipts of a million events .*? \$([\d.]+).*? \$([\d.]+).*? \$([\d.]+)", TEXT
    )
    per_million = dollars(Usage(receipt_units=units(each))) * 1_000_000 / each

    assert per_million <= most
    figure = said[0][(1, 10, 100).index(each)]
    assert float(figure) == pytest.approx(per_million, rel=0.05)


@pytest.mark.parametrize(
    ("written", "published", "expected"),
    [
        ([], [], {"requests": 1}),
        ([1], [1], {"requests": 1, "write_units": 1, **PUBLISHED, "receipt_units": 1}),
        # One unit is 1 KiB of the item, which is more than the event.
        ([724], [], {"requests": 1, "write_units": 1}),
        # A duplicate is written in vain, and not published.
        ([725], [], {"requests": 1, "write_units": 2}),
        (
            [1] * 10,
            [1] * 10,
            {"requests": 1, "write_units": 10, **PUBLISHED, "receipt_units": units(10)},
        ),
        (
            [1] * 11,
            [1] * 11,
            {
                "requests": 1,
                "write_units": 11,
                **PUBLISHED,
                "publish_calls": 2,
                "receipt_units": units(11),
            },
        ),
        # SNS counts each 64 KiB.
        (
            [200 * KIB],
            [200 * KIB],
            {
                "requests": 1,
                "write_units": 201,
                **PUBLISHED,
                "publish_calls": 4,
                "receipt_units": 1,
            },
        ),
    ],
)
def test_what_a_request_uses(
    written: list[int], published: list[int], expected: dict[str, float]
) -> None:
    used = of_request(written=written, published=published, seconds=0.1)
    assert used == Usage(**expected, seconds=0.1)


@pytest.mark.parametrize(
    ("streamed", "objects", "expected"),
    [
        ([], 1, Usage(1, 0.1, objects=1)),
        # Firehose bills each record in steps of 5 KB, and partitioning by the byte.
        ([1], 0, Usage(1, 0.1, stream_steps=1, stream_bytes=1)),
        ([5 * KIB], 0, Usage(1, 0.1, stream_steps=1, stream_bytes=5 * KIB)),
        ([5 * KIB + 1, 1], 0, Usage(1, 0.1, stream_steps=3, stream_bytes=5 * KIB + 2)),
        # What it did not take is an object.
        ([1, 1], 1, Usage(1, 0.1, objects=1, stream_steps=2, stream_bytes=2)),
    ],
)
def test_what_the_way_into_the_archive_uses(
    streamed: list[int], objects: int, expected: Usage
) -> None:
    assert of_request(written=(), streamed=streamed, objects=objects, seconds=0.1) == expected


@pytest.mark.parametrize(
    ("size", "each", "stream", "direct"),
    [(KIB, 1, 0.16, 5), (KIB, 10, 0.16, 0.5), (20 * KIB, 1, 1.07, 5), (20 * KIB, 10, 1.07, 0.5)],
)
def test_the_decision_has_the_models_figures(
    size: int, each: int, stream: float, direct: float
) -> None:
    """Of the archive alone, a million events in requests of so many."""
    without = of_request(written=(), seconds=0)
    through = of_request(written=(), streamed=[size + LINE] * each, seconds=0)
    written = of_request(written=(), objects=1, seconds=0)

    def million(used: Usage) -> float:
        return (dollars(used) - dollars(without)) * 1e6 / each

    assert million(through) == pytest.approx(stream, abs=0.006)
    assert million(written) == pytest.approx(direct)
    # The decision's table, in the line of this size and batch.
    row = rf"\| {size // KIB} KiB, {each}[^|]* \| {direct:.2f} \| {stream:.2f} \|"
    assert re.search(row, DECISION)


def test_the_limit_of_a_small_request_is_where_the_prices_cross() -> None:
    def million(**used: Any) -> float:
        return dollars(of_request(written=(), seconds=0, **used)) * 1e6

    small = LARGE_EVENTS - 1
    assert million(streamed=[KIB] * small) < million(objects=1)
    assert million(streamed=[KIB] * (LARGE_EVENTS + 1)) > million(objects=1)


def test_what_firehoses_objects_cost() -> None:
    day = stream_dollars(publishers=100, days=1, interval_seconds=900)
    assert day == pytest.approx(0.096)


def test_publishers_together_cost_what_the_whole_does() -> None:
    chance = random.Random(7)
    parts = []
    for _ in range(50):
        usage = Usage()
        for _ in range(chance.randrange(1, 100)):
            sizes = [chance.randrange(1, 300_000) for _ in range(chance.randrange(0, 20))]
            usage += of_request(
                written=sizes, published=sizes[: len(sizes) // 2], seconds=chance.random()
            )
        parts.append(usage)
    whole = sum(parts, Usage())

    for regions in (1, 2):
        together = sum(dollars(part, regions=regions) for part in parts)
        assert together == pytest.approx(dollars(whole, regions=regions), rel=0.0001)


def test_a_replica_costs_the_tables_writes_once_more() -> None:
    for usage in (Usage(write_units=1_000_000), Usage(receipt_units=1_000_000)):
        assert dollars(usage, regions=3) == pytest.approx(3 * dollars(usage))
    others = Usage(requests=5, seconds=5, objects=5, publish_calls=5, batches=5)
    assert dollars(others, regions=3) == dollars(others)


def test_each_number_of_usage_has_a_price() -> None:
    assert set(dollars_by_unit()) == {field.name for field in fields(Usage)}
    assert all(price > 0 for price in dollars_by_unit().values())
