"""A process of Lambda with the functions in it, whose calls a test sees and can make fail."""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Protocol

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from functions.adopter.handler import make_handler as make_adopter
from functions.counter.handler import make_handler as make_counter
from functions.eraser.handler import make_handler as make_eraser
from functions.prover.handler import make_handler as make_prover
from functions.redrive.handler import make_handler as make_redrive
from functions.shared.clients import Clients
from functions.shared.entry import Handler
from functions.shared.parts import Parts
from functions.triage.handler import make_handler as make_triage
from functions.widget.handler import make_handler as make_widget
from tests.faults import http
from tests.faults.sdk import fail
from tests.faults.vocabulary import Call, Fault, Killed

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

    from eventing.catalogue import Catalogue
    from functions.shared.clock import Clock
    from tests.engine.clouds import Cloud
    from tests.workflows.asl import Json


@dataclass(frozen=True)
class TaskCall(Call):
    """A call that a process makes; `number` counts its operation in this process at this task."""

    task: str = ""

    @property
    def to(self) -> str | None:
        """The state that this call changes letters to."""
        match = re.search(r'"(redriving|resolved|parked|open|discarded)"', self.body)
        return match[1] if self.operation == "BatchExecuteStatement" and match else None


Faults = Callable[[TaskCall], Fault | None]
"""Decides what happens to a call; None: it goes through."""


class Surroundings(Protocol):
    """What a process finds when it comes to life."""

    @property
    def cloud(self) -> Cloud: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def logger(self) -> Logger: ...
    @property
    def catalogue(self) -> Catalogue: ...
    @property
    def page_seconds(self) -> float: ...
    @property
    def environment(self) -> dict[str, str]: ...


class Process:
    """An execution environment of Lambda."""

    def __init__(self, around: Surroundings, faults: Faults) -> None:
        self.dead = False
        self.retired = False
        self.calls: list[TaskCall] = []
        self._around = around
        self._faults = faults
        self._lock = threading.Lock()
        self._task = ""
        self._counts: Counter[str] = Counter()
        self._catalogue = around.catalogue

    @cached_property
    def clients(self) -> Clients:
        """Its AWS clients."""
        wire = self._around.cloud.wire()
        wire.send = self._send
        return wire.clients

    def parts(self, *, threads: int) -> Parts:
        """What one of its functions is put together from."""
        return Parts(
            self._around.environment,
            threads=threads,
            clients=self.clients,
            clock=self._around.clock,
            workers=self._around.cloud.workers(threads),
            logger=self._around.logger,
            catalogue=self._catalogue,
            code_digest="code",
            # Few, which takes less time.
            shards=2,
            page_seconds=self._around.page_seconds,
            poll_seconds=0,
        )

    @cached_property
    def redrive(self) -> Handler:
        """The redrive function."""
        return make_redrive(self.parts(threads=24))

    @cached_property
    def triage(self) -> Handler:
        """The triage function, with few receivers, which takes less time."""
        return make_triage(self.parts(threads=2))

    @cached_property
    def eraser(self) -> Handler:
        """The eraser function."""
        return make_eraser(self.parts(threads=16))

    @cached_property
    def counter(self) -> Handler:
        """The counter."""
        return make_counter(self.parts(threads=16))

    @cached_property
    def adopter(self) -> Handler:
        """The adopter."""
        return make_adopter(self.parts(threads=8))

    @cached_property
    def prover(self) -> Handler:
        """The prover."""
        return make_prover(self.parts(threads=8))

    @cached_property
    def widget(self) -> Handler:
        """The widget."""
        return make_widget(self.parts(threads=1))

    def invoke(self, task: Json, *, eraser: bool = False) -> Json:
        """Do a task, as its function does."""
        self._task = task["task"]
        self._counts.clear()
        if eraser:
            return self.eraser(task, self.context(120))
        handler = self.triage if task["task"] == "triage" else self.redrive
        return handler(task, self.context(90 if task["task"] == "triage" else 120))

    def adopt(self, task: Json) -> Json:
        """Do a task of adoption."""
        return self._do(self.adopter, task, 120)

    def prove(self, task: Json) -> Json:
        """Do a task of a proof."""
        return self._do(self.prover, task, 900)

    def _do(self, handler: Handler, task: Json, seconds: int) -> Json:
        self._task = task["task"]
        self._counts.clear()
        return handler(task, self.context(seconds))

    def context(self, seconds: int) -> Any:
        """What Lambda tells a function of an invocation that may take so long."""
        return SimpleNamespace(
            aws_request_id=str(uuid.uuid4()), get_remaining_time_in_millis=lambda: seconds * 1000
        )

    def count(self, *operations: str) -> int:
        """How many calls of these operations it has made."""
        return sum(call.operation in operations for call in self.calls)

    def _send(self, request: AWSPreparedRequest, *, event_name: str) -> AWSResponse:
        if self.dead:
            raise Killed
        _, service, operation = event_name.split(".")
        sent = http.body(request).decode()
        with self._lock:
            self._counts[operation] += 1
            call = TaskCall(service, operation, "", self._counts[operation], sent, self._task)
            self.calls.append(call)
        fault = self._faults(call)
        if fault is None:
            return self._around.cloud.send(request)
        try:
            return fail(
                fault,
                request,
                service=service,
                act=lambda: self._around.cloud.send(request),
                released=threading.Event(),
            )
        except Killed:
            self.dead = True
            raise


@dataclass
class Measured:
    """No fault, but a look at what is read of tables: read units by DynamoDB's rules, and of what."""

    client: Any
    units: float = 0
    """Of indexes."""
    of: Counter[str] = field(default_factory=Counter)

    def __call__(self, call: TaskCall) -> None:
        """Look at what a call is about to read; the emulator says 0.5 units of any."""
        if call.operation not in ("Query", "GetItem", "BatchGetItem", "Scan"):
            return
        params = json.loads(call.body)
        index, key = params.get("IndexName"), params.get("Key", {}).get("pk", {}).get("S")
        self.of[str(index or key)] += 1
        left_out = ("Select", "ProjectionExpression", "FilterExpression")
        asked = {k: v for k, v in params.items() if k not in left_out}
        if index:
            # Those of the projection and the filter would be too many.
            for kind in ("ExpressionAttributeNames", "ExpressionAttributeValues"):
                asked[kind] = {
                    alias: meant
                    for alias, meant in params[kind].items()
                    if alias in params["KeyConditionExpression"]
                }
            items = self.client.query(**asked)["Items"]
        else:
            assert call.operation == "GetItem", "a call that reads many items of a table"
            return
        # "Item sizes and formats": names and values; 4 KiB a unit, half of one when eventually.
        size = sum(
            len(name) + len(next(iter(value.values())))
            for item in items
            for name, value in item.items()
        )
        self.units += max(1, -(-size // 4096)) * (1 if params.get("ConsistentRead") else 0.5)
