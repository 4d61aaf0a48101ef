"""The pace of a run: faster while all is well, slower on failures, and an end to it when too much fails."""

from __future__ import annotations

from dataclasses import dataclass

from eventing.redrive.request import RedriveRequest

# How long a page goes on, so that a run that is stopped does not go on for longer.
PAGE_SECONDS = 50
# Left when a page takes up no more: for the letters that it is at, and to put its results on record.
REST_SECONDS = 70
START_RATE = 50.0
_LEAST_RATE = 1.0
# Letters taken up between two looks at the lock, whatever the rate.
_MOST_AT_ONCE = 200
# Beyond the canary, fewer attempts than this say nothing about a percentage.
_LEAST_ATTEMPTS = 5
# What the engine gets done when nothing holds it back; see benchmarks/redrive.py.
ENGINE_RATE = 1000.0


@dataclass
class Pace:
    """The rate of a run, in letters a second, and how its attempts went so far.

    An attempt is a letter that a dependency was called for. A letter that fails by the catalogue's own
    rules says nothing about the dependency, so it is none; nor is one that is left out of the run because
    its dependency is down or in doubt, which is judged by itself (`health`).
    """

    limit: float
    canary: int
    abort_failure_percent: int
    rate: float = 0.0
    attempted: int = 0
    failed: int = 0

    def __post_init__(self) -> None:
        self.rate = self.rate or min(self.limit, START_RATE)

    def chunk(self) -> int:
        """The number of letters to take up next: what the canary lacks, or those of a second."""
        lacking = self.canary - self.attempted
        return min(_MOST_AT_ONCE, lacking if lacking > 0 else max(1, int(self.rate)))

    def record(self, taken: int, attempted: int, failed: int, *, in_doubt: bool = False) -> float:
        """Take note of a chunk; how many seconds it must have lasted before the next one begins.

        The rate doubles up to its limit when nothing failed, and halves when something did or a
        dependency came to be in doubt.
        """
        before = self.rate
        self.attempted += attempted
        self.failed += failed
        if failed or in_doubt:
            self.rate = max(_LEAST_RATE, self.rate / 2)
        elif attempted:
            self.rate = min(self.limit, self.rate * 2)
        return taken / min(before, self.rate)

    def aborts(self) -> bool:
        """True when so much has failed that the run must stop; in the canary one failure may do."""
        if self.canary < self.attempted < _LEAST_ATTEMPTS:
            return False
        return self.failed * 100 > self.abort_failure_percent * self.attempted


def first_pace(request: RedriveRequest) -> Pace:
    """The pace that a run begins with.

    One that makes no steps calls no dependency: it has no canary, and need not climb.
    """
    limit, percent = request.rate_per_second, request.abort_failure_percent
    if request.rules.makes_steps:
        return Pace(limit, request.canary, percent)
    return Pace(limit, 0, percent, rate=limit)


def seconds_for(count: int, request: RedriveRequest) -> float:
    """The seconds that `count` letters take when none fails."""
    pace, seconds = first_pace(request), 0.0
    while count > 0 and (pace.rate < pace.limit or pace.attempted < pace.canary):
        taken = min(count, pace.chunk())
        seconds += max(pace.record(taken, taken, 0), taken / ENGINE_RATE)
        count -= taken
    return seconds + count / min(pace.limit, ENGINE_RATE)
