"""The cost model: the guide's figures, and parts that add up to the whole."""

from __future__ import annotations

import random
import re
from dataclasses import fields
from pathlib import Path

import pytest

from eventing.cost import Usage, dollars, dollars_by_unit, of_request
from eventing.prices import PRICES
from eventing.receipts import units

GUIDE = Path("docs/deploying.md").read_text()
TEXT = " ".join(GUIDE.split())
KIB = 1024
# Of one request with the assumed latencies of benchmarks/, one event or a hundred.
SECONDS = {1: 0.033, 100: 0.04}


def a_million(each: int) -> float:
    """What a million events of 1 KiB cost, so many in a request."""
    sizes = [KIB] * each
    one = of_request(written=sizes, published=sizes, seconds=SECONDS[each])
    return dollars(one) * 1_000_000 / each


@pytest.mark.parametrize(
    ("each", "said"),
    [(1, r"sent one\s+by\s+one take about \$([\d.]+)"), (100, r"of 100 about \$([\d.]+)")],
)
def test_the_guide_has_the_models_figures(each: int, said: str) -> None:
    (figure,) = re.findall(said, GUIDE)

    assert float(figure) == pytest.approx(a_million(each), rel=0.05)


def test_the_guide_says_what_most_of_it_is() -> None:
    (archive, gateway, table) = re.findall(
        r"\(\$([\d.]+) of it for the\s+archive's objects, \$([\d.]+) API Gateway, \$([\d.]+) the table",
        GUIDE,
    )[0]

    assert float(archive) == pytest.approx(1e6 * PRICES["s3"])
    assert float(gateway) == pytest.approx(1e6 * PRICES["api_request"])
    assert float(table) == pytest.approx(1e6 * 2 * PRICES["write"])


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
        ([], [], Usage(requests=1, seconds=0.1)),
        ([1], [1], Usage(1, 0.1, 1, 1, 1, 1, 1)),
        # One unit is 1 KiB of the item, which is more than the event.
        ([724], [724], Usage(1, 0.1, 1, 1, 1, 1, 1)),
        ([725], [725], Usage(1, 0.1, 1, 2, 1, 1, 1)),
        # A duplicate is written in vain, and not published.
        ([725], [], Usage(1, 0.1, 1, 2, 0, 0)),
        ([1] * 10, [1] * 10, Usage(1, 0.1, 1, 10, 1, 1, units(10))),
        ([1] * 11, [1] * 11, Usage(1, 0.1, 1, 11, 2, 1, units(11))),
        # SNS counts each 64 KiB.
        ([200 * KIB], [200 * KIB], Usage(1, 0.1, 1, 201, 4, 1, 1)),
    ],
)
def test_what_a_request_uses(written: list[int], published: list[int], expected: Usage) -> None:
    assert of_request(written=written, published=published, seconds=0.1) == expected


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
