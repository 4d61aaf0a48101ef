"""Conservation: what was stored and not settled is found, whatever else was settled twice."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventing.conservation import MINUTE, Window, unaccounted

START = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
minutes = st.integers(0, 20).map(lambda n: START + n * MINUTE)
events = st.lists(minutes, max_size=60)


@given(stored=events, twice=events)
def test_a_run_in_which_all_is_settled_is_silent(
    stored: list[datetime], twice: list[datetime]
) -> None:
    settled = Counter(stored) + Counter(twice)

    assert unaccounted(Counter(stored), settled) == 0


@given(stored=st.lists(minutes, min_size=1, max_size=60), data=st.data())
def test_every_lost_event_is_counted(stored: list[datetime], data: st.DataObject) -> None:
    lost = data.draw(st.lists(st.sampled_from(stored), max_size=len(stored)).map(Counter))
    lost &= Counter(stored)

    assert unaccounted(Counter(stored), Counter(stored) - lost) == lost.total()


@given(stored=st.lists(minutes, min_size=1, max_size=60), twice=events, data=st.data())
def test_a_minutes_loss_is_not_made_up_for_by_other_minutes(
    stored: list[datetime], twice: list[datetime], data: st.DataObject
) -> None:
    minute = data.draw(st.sampled_from(stored))
    others = [one for one in twice if one != minute]
    settled = Counter(stored) - Counter([minute]) + Counter(others)

    assert unaccounted(Counter(stored), settled) == 1


def test_what_was_settled_and_never_stored_here_is_no_loss() -> None:
    assert unaccounted({}, {START: 7}) == 0


@given(
    now=st.datetimes(timezones=st.just(UTC)).filter(lambda now: now.year > 1),
    until=st.integers(0, 100),
    length=st.integers(1, 500),
)
def test_a_window_is_of_whole_minutes_and_never_holds_the_present_one(
    now: datetime, until: int, length: int
) -> None:
    start, end = Window(until + length, until).at(now)

    assert end - start == length * MINUTE
    assert start.second == start.microsecond == end.second == end.microsecond == 0
    assert timedelta(0) <= now - end - until * MINUTE < MINUTE


@pytest.mark.parametrize(("first", "last"), [(10, 10), (10, 180), (5, -1)])
def test_a_window_that_is_none_is_refused(first: int, last: int) -> None:
    with pytest.raises(ValueError, match="no window"):
        Window(first, last)
