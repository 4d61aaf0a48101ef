"""A run climbs while all is well, halves on failures, and stops."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventing.redrive.pace import ENGINE_RATE, START_RATE, Pace, first_pace, seconds_for
from eventing.redrive.request import RedriveRequest


def test_the_canary_goes_first_then_the_rate_doubles_up_to_its_limit() -> None:
    pace = Pace(limit=500, canary=10, abort_failure_percent=20)
    chunks, rates = [], []
    for _ in range(6):
        taken = pace.chunk()
        assert pace.record(taken, taken, 0) > 0
        chunks.append(taken)
        rates.append(pace.rate)
    assert chunks == [10, 100, 200, 200, 200, 200]
    assert rates == [100, 200, 400, 500, 500, 500]


def test_a_large_canary_goes_in_parts_between_which_the_lock_is_looked_at() -> None:
    pace = Pace(limit=1, canary=450, abort_failure_percent=20)
    chunks = []
    for _ in range(4):
        taken = pace.chunk()
        assert pace.record(taken, taken, 0) == taken
        chunks.append(taken)
    assert chunks == [200, 200, 50, 1]


def test_failures_halve_the_rate_down_to_one() -> None:
    pace = Pace(limit=1000, canary=0, abort_failure_percent=100, rate=800)
    rates = []
    for _ in range(11):
        pace.record(1, 1, 1)
        rates.append(pace.rate)
    assert rates[:3] == [400, 200, 100]
    assert rates[-1] == 1


def test_a_chunk_lasts_as_long_as_its_letters_take_at_the_rate() -> None:
    pace = Pace(limit=200, canary=0, abort_failure_percent=20, rate=100)
    # Climbing, at the rate that it was taken with; after failures, at the lower one.
    assert pace.record(100, 100, 0) == 1
    assert pace.record(200, 200, 5) == 2


def test_letters_that_no_dependency_was_called_for_change_nothing_but_the_time() -> None:
    pace = Pace(limit=200, canary=10, abort_failure_percent=0)
    assert pace.record(10, 0, 0) == 10 / START_RATE
    assert (pace.rate, pace.chunk(), pace.aborts()) == (START_RATE, 10, False)
    # The canary is what has been called for, not what was looked at.
    pace.record(10, 4, 0)
    assert pace.chunk() == 6


@pytest.mark.parametrize(
    ("canary", "percent", "attempted", "failed", "aborts"),
    [
        (10, 20, 10, 2, False),
        (10, 20, 10, 3, True),
        (10, 20, 10, 10, True),
        (10, 20, 1, 1, True),
        (1, 20, 1, 1, True),
        (1, 20, 4, 1, False),
        (1, 20, 5, 2, True),
        (0, 20, 4, 4, False),
        (0, 20, 5, 4, True),
        (0, 20, 0, 0, False),
        (10, 0, 10, 0, False),
        (10, 0, 10, 1, True),
        (10, 100, 10, 10, False),
        (10, 50, 1000, 500, False),
        (10, 50, 1000, 501, True),
    ],
)
def test_a_run_stops_past_the_abort_limit(
    canary: int, percent: int, attempted: int, failed: int, aborts: bool
) -> None:
    pace = Pace(200, canary, percent, attempted=attempted, failed=failed)
    assert pace.aborts() is aborts


def test_a_low_limit_is_the_rate_from_the_start() -> None:
    assert Pace(limit=3, canary=0, abort_failure_percent=20).rate == 3


@given(
    count=st.integers(0, 3000),
    limit=st.integers(1, 900),
    canary=st.integers(0, 300),
)
def test_the_forecast_is_what_a_run_takes(count: int, limit: int, canary: int) -> None:
    request = RedriveRequest(action="redrive", rate_per_second=limit, canary=canary)
    pace, seconds, left = first_pace(request), 0.0, count
    while left:
        taken = min(left, pace.chunk())
        seconds += pace.record(taken, taken, 0)
        left -= taken
    assert seconds_for(count, request) == pytest.approx(seconds)


def test_no_forecast_is_faster_than_the_engine() -> None:
    request = RedriveRequest(action="redrive", rate_per_second=10_000)
    assert seconds_for(100_000, request) >= 100_000 / ENGINE_RATE


def test_a_discard_calls_nothing_and_goes_at_its_limit_from_the_start() -> None:
    request = RedriveRequest(action="discard", rate_per_second=150)
    pace, seconds, left = first_pace(request), 0.0, 900
    while left:
        taken = min(left, pace.chunk())
        seconds += pace.record(taken, 0, 0)
        left -= taken
    assert seconds == seconds_for(900, request) == 900 / 150


def test_a_dependency_in_doubt_slows_down_and_counts_for_no_percentage() -> None:
    pace = Pace(limit=1000, canary=10, abort_failure_percent=0, rate=800)
    pace.record(10, 0, 0, in_doubt=True)
    assert (pace.rate, pace.chunk(), pace.aborts()) == (400, 10, False)
    pace.record(10, 10, 0)
    assert (pace.rate, pace.aborts()) == (800, False)
