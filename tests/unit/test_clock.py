"""The machine's own time, for as short as can be."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from functions.shared.clock import Clock


class Sleepless(Clock):
    """Notes how long it was to wait."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def test_it_is_the_machines() -> None:
    clock = Clock()
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=10)
    assert abs(clock.monotonic() - time.monotonic()) < 10
    began = time.monotonic()
    clock.sleep(0.01)
    assert time.monotonic() - began >= 0.01


@pytest.mark.parametrize("seconds", [0.2, 5])
def test_a_pause_is_between_half_and_all_of_the_time(seconds: float) -> None:
    clock = Sleepless()
    for _ in range(200):
        clock.pause(seconds)
    assert seconds / 2 <= min(clock.slept) < max(clock.slept) <= seconds
    # By chance, not all the same.
    assert len(set(clock.slept)) > 100
