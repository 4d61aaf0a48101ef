"""How fast a redrive goes: faster while all is well, slower on failures, and when it stops."""

from __future__ import annotations

from dataclasses import dataclass

START_RATE = 50.0
_LEAST_RATE = 1.0
# Fewer attempts than this say nothing about a percentage.
_LEAST_ATTEMPTS = 5


@dataclass
class Pace:
    """The rate of a run, in letters a second, and its failures so far."""

    limit: float
    abort_failure_percent: int
    rate: float = 0.0
    attempted: int = 0
    failed: int = 0

    def __post_init__(self) -> None:
        self.rate = self.rate or min(self.limit, START_RATE)

    def record(self, attempted: int, failed: int) -> None:
        """Take note of a chunk's outcome: the rate doubles up to its limit, or halves."""
        self.attempted += attempted
        self.failed += failed
        if failed:
            self.rate = max(_LEAST_RATE, self.rate / 2)
        elif attempted:
            self.rate = min(self.limit, self.rate * 2)

    def aborts(self, *, canary: bool = False) -> bool:
        """Whether so much has failed that the run must stop; after a canary, few attempts suffice."""
        if not self.failed or (not canary and self.attempted < _LEAST_ATTEMPTS):
            return False
        return self.failed * 100 > self.abort_failure_percent * self.attempted


def seconds_at(limit: float, count: int) -> float:
    """How long `count` letters take when none fails: one chunk a second, the rate doubling."""
    rate, seconds, left = min(limit, START_RATE), 0.0, float(count)
    while left > rate and rate < limit:
        left -= rate
        rate = min(limit, rate * 2)
        seconds += 1
    return seconds + left / rate
