"""Proofs without a deployment: the real state machine and the prover, in a world with two regions."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from eventing.timestamps import minute_of, timestamp
from tests.engine.adoption import LOST, PUBLISHER, Adoption, Tasks
from tests.engine.clouds import InMemory
from tests.engine.letters import ROOT
from tests.engine.process import Process
from tests.engine.world import Ended
from tests.faults.vocabulary import nothing
from tests.workflows.asl import Execution, ExecutionFailed, Json

if TYPE_CHECKING:
    from tests.engine.process import Faults
    from tests.engine.world import World

PEER = LOST
_MACHINE: Json = json.loads((ROOT / "workflows" / "proof.asl.json").read_text())


class Proofs:
    """A world in which this region takes events, and counts what it stores."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.here = world.cloud.region
        self.events = Adoption(world)
        self.start = minute_of(world.clock.now()) - timedelta(hours=1)
        self._stored: Counter[datetime] = Counter()

    def at(self, minute: int) -> datetime:
        """The moment in that minute of the window at which events are accepted."""
        return self.start + timedelta(minutes=minute, seconds=7)

    def accept(self, *ids: str, minute: int = 0, counted: bool = True, **of_event: Any) -> None:
        """This region has taken these events in that minute of the window, and stored them."""
        self.events.accept(*ids, region=self.here, at=self.at(minute), **of_event)
        self.count(len(ids) if counted else 0, minute)

    def count(self, events: int, minute: int = 0) -> None:
        """The metric says so many more events stored."""
        assert isinstance(self.world.cloud, InMemory)
        self._stored[self.start + timedelta(minutes=minute)] += events
        self.world.cloud.aws.metrics["EventsStored"] = dict(self._stored)

    def publish(self, *ids: str, by: str | None = None) -> None:
        """A region has published these, and its receipts are here."""
        self.events.publish(*ids, region=by or self.here, origin=self.here)

    def dead_letter(self, id: str, minute: int = 0) -> None:
        """An event that was accepted in that minute has become a letter, a second later."""
        age = self.world.clock.now() - self.at(minute) - timedelta(seconds=1)
        self.world.record(self.world.letter(id, publisher=PUBLISHER, age=age))

    def run(
        self, action: str = "find", *, minutes: int = 5, faults: Faults = nothing, **members: Json
    ) -> Ended:
        """An execution to its end: of the first minutes of the window, or as is said."""
        clock = self.world.clock
        window = {
            "from": timestamp(self.start),
            "to": timestamp(self.start + timedelta(minutes=minutes)),
        }
        tasks = Tasks(self.world, faults, function="${ProverFunction}", do=Process.prove)
        execution = Execution(_MACHINE, tasks, name="prove-1", started_at=timestamp(clock.now()))
        ended = Ended(visited=execution.visited, tasks=tasks.done)
        try:
            ended.output = execution.run({"action": action, **window, **members})
        except ExecutionFailed as failed:
            ended.error, ended.cause = failed.error, failed.cause
        return ended
