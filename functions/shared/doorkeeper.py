"""The doorkeeper as ingestion knows it: read from the registry now and then, and never waited for long."""

from __future__ import annotations

from concurrent.futures import Executor, Future
from dataclasses import replace
from datetime import datetime, timedelta

from eventing.cause import Cause, Code, cause_of
from eventing.publishers.doorkeeper import Doorkeeper, Entry
from functions.shared.clock import Clock
from functions.shared.doorkeeper_row import DoorkeeperRow

REFRESH_SECONDS = 10
"""Between two reads, for all publishers together. A call that hangs is given up sooner: `CALL_SECONDS`."""
WAIT_SECONDS = 0.05
"""A request waits no longer for a read that it began."""
_REFRESH, _NO_TIME = timedelta(seconds=REFRESH_SECONDS), timedelta()
_LATE = Cause(Code.TIMEOUT, "OutOfTime", "the registry did not answer in the time there was")


class DoorkeeperReader:
    """What the registry's doorkeeper said last; before it has said anything, nobody is restricted.

    A read that fails changes nothing and is nobody's error: `failures` counts those since one succeeded.
    """

    def __init__(self, row: DoorkeeperRow, *, workers: Executor, clock: Clock) -> None:
        self._row = row
        self._workers = workers
        self._clock = clock
        self._late = replace(_LATE, resource=row.resource)
        self._known = Doorkeeper()
        self._began_at: datetime | None = None
        self._wait_until = 0.0
        self._reading: Future[Doorkeeper | Cause | None] | None = None
        self._failed: Future[Doorkeeper | Cause | None] | None = None
        self.failures = 0
        self.cause: Cause | None = None
        """Why the last read failed; None when it did not."""

    def refresh(self) -> None:
        """Begin to read, in another thread, where the last read began `REFRESH_SECONDS` ago."""
        # Not the monotonic clock: that may stand still while Lambda freezes the process.
        now = self._clock.now()
        if self._began_at and _NO_TIME <= now - self._began_at < _REFRESH:
            return
        self._began_at = now
        self._wait_until = self._clock.monotonic() + WAIT_SECONDS
        self._reading = self._workers.submit(self._read)

    def settle(self) -> None:
        """Take in what was read, waiting until `WAIT_SECONDS` after `refresh` began to.

        What comes later is taken in by the first request that finds it there.
        """
        reading = self._reading
        if reading is None:
            return
        found = self._clock.result_by(self._wait_until, reading, None)
        if isinstance(found, Doorkeeper):
            self._known, self._reading, self.failures, self.cause = found, None, 0, None
            return
        # One that is late has failed once, however many requests find it so.
        self.failures += self._failed is not reading
        self._failed = reading
        self.cause = found or self._late
        if found or reading.cancelled():
            self._reading = None

    def entry(self, publisher: str) -> Entry:
        """What is said of a publisher, as far as is known now."""
        return self._known.entry(publisher)

    def _read(self) -> Doorkeeper | Cause | None:
        try:
            return self._row.read(consistent=False)[0]
        except Exception as error:
            return cause_of(error)
