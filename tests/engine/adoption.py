"""Adoption without a deployment: the real state machine and the adopter, in a world with two regions."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from eventing.event import event_digest, event_key
from eventing.json_text import parse
from eventing.receipts import Taken
from eventing.timestamps import read_moment, timestamp
from functions.shared.metrics import Metrics
from functions.shared.receipts import Receipts
from tests.engine.clouds import Inline
from tests.engine.letters import ROOT, event
from tests.engine.process import Process
from tests.engine.world import Ended
from tests.faults.vocabulary import Killed, nothing
from tests.workflows.asl import Execution, ExecutionFailed, Json, TaskFailed

if TYPE_CHECKING:
    from tests.engine.process import Faults
    from tests.engine.world import World

LOST = "eu-west-1"
PUBLISHER = "acme"
_MACHINE: Json = json.loads((ROOT / "workflows" / "adoption.asl.json").read_text())
_RETRIES = 3


class Adoption:
    """A world in which another region took events."""

    def __init__(self, world: World) -> None:
        self.world = world
        world.regions = [world.cloud.region, LOST]
        self.start = world.clock.now()
        self._runs = 0

    def key(self, id: str) -> str:
        """The key of an event in the Events table."""
        return event_key(PUBLISHER, "/shop", id)

    def accept(
        self,
        *ids: str,
        region: str = LOST,
        at: datetime | None = None,
        text: str | None = None,
        erased: bool = False,
    ) -> None:
        """The region has taken these events, and the table has brought them here."""
        for id in ids:
            content = text or event(id)
            accepted_at = timestamp(at or self.world.clock.now())
            members = {
                "pk": self.key(id),
                "publisher": PUBLISHER,
                "origin_region": region,
                "accepted_at": accepted_at,
            }
            if not erased:
                members["event"] = content
                members["digest"] = event_digest(parse(content).exact)
            self._insert(self.world.events, members)

    def publish(self, *ids: str, region: str = LOST, origin: str = LOST) -> None:
        """The region has published these, and its receipts have come here."""
        items = {i["pk"]["S"]: i for i in self.world.cloud.items(self.world.events)}
        taken = [
            Taken(key, "orders", read_moment(items[key]["accepted_at"]["S"]), origin)
            for key in map(self.key, ids)
        ]
        Receipts(
            self.world.cloud.client("dynamodb"),
            table=self.world.receipts,
            region=region,
            retention_days=90,
            workers=Inline(),
            clock=self.world.clock,
            metrics=Metrics(namespace="Eventing", service=self.world.name),
            logger=self.world.logger,
        ).write(taken)

    def run(
        self,
        *,
        faults: Faults = nothing,
        action: str = "adopt",
        name: str | None = None,
        meanwhile: Callable[[float], None] = lambda seconds: None,
        pages: int = 0,
        **members: Json,
    ) -> Ended:
        """An execution to its end: of all that was accepted until a quarter of an hour ago, or as is said.

        It waits as Step Functions does; `meanwhile` is told how long. So many pages count as read before.
        """
        self._runs += 1
        clock = self.world.clock
        end = clock.now()
        if "now" not in members:
            clock.passed += timedelta(minutes=16).total_seconds()
        request = {
            "action": action,
            "region": LOST,
            "from": timestamp(self.start),
            "to": timestamp(end),
            "reason": "the region is down",
            "started_by": "ada",
            **members,
        }
        tasks = Tasks(
            self.world, faults, function="${AdopterFunction}", do=Process.adopt, pages=pages
        )

        def wait(seconds: float) -> None:
            meanwhile(seconds)
            clock.passed += seconds

        execution = Execution(
            _MACHINE,
            tasks,
            name=name or f"adopt-{self._runs}",
            wait=wait,
            started_at=timestamp(clock.now()),
        )
        ended = Ended(visited=execution.visited, tasks=tasks.done)
        try:
            ended.output = execution.run(request)
        except ExecutionFailed as failed:
            ended.error, ended.cause = failed.error, failed.cause
        return ended

    def _insert(self, table: str, members: dict[str, str]) -> None:
        names = ",".join(f"'{name}':?" for name in members)
        self.world.cloud.client("dynamodb").execute_statement(
            Statement=f'INSERT INTO "{table}" VALUE {{{names}}}',
            Parameters=[{"S": value} for value in members.values()],
        )


class Tasks:
    """Calls tasks as Step Functions does: in a process that lives on, until it dies, with retries."""

    def __init__(
        self,
        world: World,
        faults: Faults,
        *,
        function: str,
        do: Callable[[Process, Json], Json],
        pages: int = 0,
    ) -> None:
        """`do` is what a process does for the function that the state machine calls so.

        It has read so many `pages` before, as far as a position says it.
        """
        self.done: list[str] = []
        self._function = function
        self._do = do
        self._world = world
        self._faults = faults
        self._pages = pages
        self._process: Process | None = None

    def __call__(self, arguments: Json) -> Json:
        assert arguments["FunctionName"] == self._function
        task = json.loads(json.dumps(arguments["Payload"]))
        left = _RETRIES
        while True:
            self.done.append(task["task"])
            try:
                return {"StatusCode": 200, "Payload": self._invoke(task)}
            except TaskFailed as failed:
                if failed.error in ("InvalidInput", "TooLarge") or not left:
                    raise
                left -= 1

    def _invoke(self, task: Json) -> Json:
        if self._process is None or self._process.dead:
            self._process = self._world.process(self._faults)
        if task.get("position"):
            task["position"]["pages"] += self._pages
            self._pages = 0
        try:
            return json.loads(json.dumps(self._do(self._process, task)))
        except Killed:
            raise TaskFailed("Runtime.ExitError") from None
        except Exception as error:
            kind = type(error).__name__
            cause = json.dumps({"errorType": kind, "errorMessage": str(error)})
            raise TaskFailed(kind, cause) from error
