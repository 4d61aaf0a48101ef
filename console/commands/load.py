"""The load of `eventing verify --load`: events at a steady rate, each awaited at the queue."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from urllib3.exceptions import HTTPError

from console.deployed.front_door import FrontDoor
from console.deployed.temporary_queue import TemporaryQueue
from eventing.verification.events import SentEvent
from eventing.verification.load import Figures, Sent

# So many requests may be under way at once: a rate that needs more is answered too slowly to be kept.
CONNECTIONS = 64
_RECEIVERS = 4
_WAIT_SECONDS = 1
# After the last one is sent, nothing has to come for so long before what is missing counts as lost.
QUIET_SECONDS = 30.0


class Load:
    """So many events a second for so many seconds, while their queue is there."""

    def __init__(
        self,
        door: FrontDoor,
        queue: TemporaryQueue,
        *,
        run: str,
        rate: int,
        seconds: int,
        quiet_seconds: float = QUIET_SECONDS,
    ) -> None:
        """After the last arrival, and the last sending, it waits for `quiet_seconds` for what is missing."""
        self._quiet = quiet_seconds
        self._door = door
        self._queue = queue
        self._events = [SentEvent(run, f"load-{number}") for number in range(rate * seconds)]
        self._rate = rate
        self._sent: dict[str, float] = {}
        self._accepted: dict[str, float] = {}
        self._arrivals: dict[str, list[float]] = {event.name: [] for event in self._events}
        self._last_arrival = 0.0
        self._waiting = len(self._events)
        self._lock = threading.Lock()
        self._ended = threading.Event()

    def figures(self) -> Figures:
        """Send all of it, wait until each has come or nothing comes any more, and tell."""
        began = time.monotonic()
        with ThreadPoolExecutor(_RECEIVERS) as receivers:
            receiving = [receivers.submit(self._receive) for _ in range(_RECEIVERS)]
            try:
                self._send_all(began)
                self._await_rest()
            finally:
                self._ended.set()
            for one in receiving:
                one.result()
        events = [
            Sent(self._sent[e.name], self._accepted.get(e.name), self._arrivals[e.name])
            for e in self._events
        ]
        return Figures.of(events, event_bytes=len(self._events[-1].text))

    def _send_all(self, began: float) -> None:
        with ThreadPoolExecutor(CONNECTIONS) as senders:
            try:
                for number, event in enumerate(self._events):
                    wait = began + number / self._rate - time.monotonic()
                    if wait > 0:
                        time.sleep(wait)
                    senders.submit(self._send, event)
            except KeyboardInterrupt:
                senders.shutdown(cancel_futures=True)
                raise

    def _send(self, event: SentEvent) -> None:
        self._sent[event.name] = time.monotonic()
        with suppress(HTTPError):
            if self._door.post(event.text).status == 202:
                self._accepted[event.name] = time.monotonic()

    def _receive(self) -> None:
        while not self._ended.is_set():
            for body in self._queue.receive(seconds=_WAIT_SECONDS):
                self._note(json.loads(body))

    def _note(self, event: Any) -> None:
        now = time.monotonic()
        if event["source"] != self._events[0].source or event["id"] not in self._arrivals:
            return
        with self._lock:
            arrivals = self._arrivals[event["id"]]
            self._waiting -= not arrivals
            arrivals.append(now)
            self._last_arrival = now

    def _await_rest(self) -> None:
        sent = time.monotonic()
        while self._waiting:
            if time.monotonic() - max(sent, self._last_arrival) > self._quiet:
                return
            time.sleep(_WAIT_SECONDS / 10)
        # One that comes twice does so soon after.
        time.sleep(_WAIT_SECONDS)
