"""A load: sent at its rate, and each of its events awaited."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from urllib3.exceptions import ReadTimeoutError

from console.commands.load import Load
from console.deployed.front_door import Answer, FrontDoor
from console.deployed.temporary_queue import TemporaryQueue
from eventing.verification.load import Figures


@dataclass
class System:
    """Takes events at its door and brings them to its queue; some fare otherwise, by their ids."""

    answers: Mapping[str, int | Exception] = field(default_factory=dict)
    """Other than 202."""
    copies: Mapping[str, int] = field(default_factory=dict)
    """How often they are delivered, other than once."""
    waiting: deque[str] = field(default_factory=deque)

    def post(self, body: str) -> Answer:
        """Take an event, and deliver it."""
        id = json.loads(body)["id"]
        self.waiting.extend([body] * self.copies.get(id, 1))
        answer = self.answers.get(id, 202)
        if isinstance(answer, Exception):
            raise answer
        return Answer(answer, {})

    def receive(self, *, seconds: int) -> Sequence[str]:
        """What has come, and does not wait for more."""
        return [self.waiting.popleft()] if self.waiting else []


def figures(system: System) -> Figures:
    """Those of 40 events in two seconds."""
    any: Any = system
    load = Load(
        cast("FrontDoor", any),
        cast("TemporaryQueue", any),
        run="run-1",
        rate=20,
        seconds=2,
        quiet_seconds=0.5,
    )
    return load.figures()


def test_all_arrive_at_the_rate_that_was_asked_for() -> None:
    found = figures(System())

    assert (found.sent, found.lost, found.doubled, found.refused) == (40, 0, 0, 0)
    assert found.seconds == pytest.approx(39 / 20, abs=0.5)
    assert found.accepted.p50 is not None
    assert found.delivered.p99 is not None


def test_what_fares_otherwise_is_counted() -> None:
    timed_out = ReadTimeoutError(cast("Any", None), "", "")
    system = System(
        answers={"load-1": 503, "load-2": 503, "load-3": timed_out},
        copies={"load-1": 0, "load-5": 0, "load-7": 2},
    )
    # An event of somebody else, and one that is none of this load's.
    system.waiting.append(json.dumps({"source": "urn:eventing:canary", "id": "load-9"}))
    system.waiting.append(json.dumps({"source": "urn:eventing:verify:run-1", "id": "walk"}))

    found = figures(system)

    # load-2 and load-3 have arrived, whatever they were answered.
    assert (found.lost, found.doubled, found.refused) == (1, 1, 1)
