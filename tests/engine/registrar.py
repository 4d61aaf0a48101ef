"""Publishers without a deployment: the real state machine and function, and API Gateway in memory.

Time is virtual: it passes when somebody waits. Executions that are under way at once take turns at each call
of the SDK, as they would at AWS, so that nothing of this depends on the speed of a machine.
"""

from __future__ import annotations

import heapq
import json
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO
from types import SimpleNamespace
from typing import Any, cast

from aws_lambda_powertools import Logger

from eventing.catalogue import Catalogue, Quota, UsagePlan
from functions.contract import RegistryRows, Variable
from functions.publishers.handler import make_handler
from functions.shared.clients import Clients
from functions.shared.clock import Clock
from functions.shared.parts import Parts
from tests.faults.aws import FakeAws
from tests.faults.direct import DirectClients
from tests.faults.memory import Gateway
from tests.faults.vocabulary import Call, Fault, Faults, Killed, nothing
from tests.workflows.asl import Execution, ExecutionFailed, Json, TaskFailed
from workflows.publishers import DEFINITION

MACHINE: Json = json.loads(DEFINITION.read_text(encoding="utf-8"))
HOME, AWAY = "eu-north-1", "eu-west-1"
TABLE, LEDGER = "shop-registry", "shop-ledger"
PLANS = {
    "standard": UsagePlan(50, 100, Quota(1_000, "DAY")),
    "trial": UsagePlan(5, 10, None, 20, 262_144),
}
_START = datetime(2026, 3, 1, 12, tzinfo=UTC)
_REFUSALS = ("InvalidInput", "Locked")
WRITES = (
    "UpdateItem",
    "ExecuteStatement",
    "Publish",
    "StartExecution",
    "CreateUsagePlan",
    "UpdateUsagePlan",
    "DeleteUsagePlan",
    "CreateApiKey",
    "UpdateApiKey",
    "DeleteApiKey",
    "CreateUsagePlanKey",
)


class VirtualTime(Clock):
    """The time of all executions. Of those in `together`, one runs at a time, until it waits."""

    def __init__(self) -> None:
        self.passed = 0.0
        self._waiting: list[tuple[float, int, threading.Semaphore]] = []
        self._workers: set[int] = set()
        self._number = 0
        self._over = threading.Event()

    def now(self) -> datetime:
        return _START + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return self.passed

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        if threading.get_ident() not in self._workers:
            self.passed += seconds
            return
        mine = threading.Semaphore(0)
        self._wait(seconds, mine)
        self._next()
        mine.acquire()

    def together(self, jobs: Sequence[Callable[[], None]], *, at_once: int) -> None:
        """Do all of these, so many at once; raises the first error of one."""
        left, errors = deque(jobs), list[BaseException]()
        self._over.clear()

        def work(mine: threading.Semaphore) -> None:
            self._workers.add(threading.get_ident())
            mine.acquire()
            try:
                while left and not errors:
                    left.popleft()()
            except BaseException as error:  # it is raised below
                errors.append(error)
            finally:
                self._workers.discard(threading.get_ident())
                self._next()

        for _ in range(at_once):
            semaphore = threading.Semaphore(0)
            self._wait(0, semaphore)
            threading.Thread(target=work, args=(semaphore,), daemon=True).start()
        self._next()
        assert self._over.wait(timeout=300), "a job never ended"
        if errors:
            raise errors[0]

    def _wait(self, seconds: float, semaphore: threading.Semaphore) -> None:
        self._number += 1
        heapq.heappush(self._waiting, (self.passed + seconds, self._number, semaphore))

    def _next(self) -> None:
        if not self._waiting:
            self._over.set()
            return
        at, _, semaphore = heapq.heappop(self._waiting)
        self.passed = max(self.passed, at)
        semaphore.release()


@dataclass
class Limits:
    """API Gateway's limits on its control plane ("Amazon API Gateway quotas"), and what went beyond them."""

    clock: VirtualTime
    exceeded: list[str] = field(default_factory=list)
    _tokens: dict[str, float] = field(default_factory=dict)
    _looked: dict[str, float] = field(default_factory=dict)
    _last: dict[tuple[str, str], float] = field(default_factory=dict)
    _adding: dict[str, int] = field(default_factory=dict)

    def begin(self, call: Call) -> None:
        """A call has been sent."""
        if call.operation == "CreateUsagePlanKey":
            self._adding[call.target] = self._adding.get(call.target, 0) + 1
            if self._adding[call.target] > 1:
                self.exceeded.append("CreateUsagePlanKey: one at a time")

    def arrive(self, call: Call) -> None:
        """It has reached API Gateway."""
        now, region = self.clock.passed, call.target
        if call.operation == "CreateUsagePlanKey":
            self._adding[region] -= 1
        # All together: 10 a second, with a burst of 40.
        since = now - self._looked.get(region, now)
        self._looked[region] = now
        self._tokens[region] = min(40.0, self._tokens.get(region, 40.0) + 10 * since) - 1
        if self._tokens[region] < 0:
            self.exceeded.append(f"{call.operation}: 10 a second, and 40 at once")
        least = {"UpdateUsagePlan": 20.0, "CreateApiKey": 0.2, "DeleteApiKey": 0.2}
        seconds = least.get(call.operation)
        if seconds is None:
            return
        last = self._last.get((region, call.operation))
        if last is not None and now - last < seconds - 1e-6:
            self.exceeded.append(f"{call.operation}: after {now - last:.3f} s")
        self._last[region, call.operation] = now


class Registrar:
    """A deployment's publishers in two regions, and what is done to them."""

    def __init__(self, clients: Clients | DirectClients, aws: FakeAws) -> None:
        self.aws = aws
        self.clock = VirtualTime()
        self.limits = Limits(self.clock)
        self.regions = HOME, AWAY
        self.limited = False
        """Turns at the control plane are taken."""
        self.latency = 0.0
        """Seconds of each call."""
        self.log = StringIO()
        self.faults: Faults = nothing
        self.outputs: list[str] = []
        """Inputs, results of tasks and outputs of executions, as Step Functions has them."""
        self._clients = clients
        self._entropy = 0
        self._runs = 0
        aws.fault = self._fault
        for region in self.regions:
            self.deploy(region)

    def deploy(self, region: str) -> None:
        """Make a region's API known, as its stack does."""
        key = f"{RegistryRows.REGION}{region}"
        self.aws.items(TABLE)[key] = {
            "pk": {"S": key},
            "api_id": {"S": f"api-{region}".replace("-", "")},
            "stage": {"S": "prod"},
        }

    def gateway(self, region: str = HOME) -> Gateway:
        """A region's control plane."""
        return self.aws.gateway(region)

    def run(
        self, action: str, name: str | None = "acme-web", *, home: str = HOME, **members: Json
    ) -> Json:
        """The output of an execution; raises ExecutionFailed, and Killed when its process dies."""
        named = {"name": name} if name else {}
        changes = action not in ("show", "list")
        by = {"started_by": "dana", "reason": "as agreed"} if changes else {}
        return self.execute({"action": action, **named, **by, **members}, home=home)

    def execute(self, request: Json, *, home: str = HOME) -> Json:
        """The same, of any input."""
        self._runs += 1
        self.outputs.append(json.dumps(request))
        execution = Execution(
            MACHINE,
            lambda arguments: self._task(arguments, home),
            name=f"run-{self._runs}",
            wait=self.clock.sleep,
            started_at=self.clock.now().isoformat(),
        )
        try:
            output = execution.run(request)
        except ExecutionFailed as failed:
            self.outputs.append(str(failed))
            raise
        self.outputs.append(json.dumps(output))
        return output

    def due(self) -> Json:
        """The day's look, and what it starts."""
        before = len(self.aws.executions)
        result = self._function(HOME)({"task": "due"}, _context())
        for started in self.aws.executions[before:]:
            self.execute(json.loads(started["input"]))
        return result

    def publisher(self, name: str = "acme-web") -> Json:
        """The registry's row."""
        return json.loads(
            self.aws.items(TABLE)[f"{RegistryRows.PUBLISHER}{name}"]["publisher"]["S"]
        )

    def doorkeeper(self) -> Json:
        """What ingestion reads."""
        return json.loads(self.aws.items(TABLE)[RegistryRows.DOORKEEPER]["doorkeeper"]["S"])

    def values(self, region: str = HOME) -> dict[str, str]:
        """Values of keys by their names."""
        return {key["name"]: key["value"] for key in self.gateway(region).keys.values()}

    def save(self) -> Any:
        """The state of everything, for `restore`."""
        aws = self.aws
        return deepcopy((aws.tables, aws.gateways, self.clock.passed, self._entropy))

    def restore(self, saved: Any) -> None:
        """Be as it was."""
        self.faults = nothing
        tables, gateways, self.clock.passed, self._entropy = deepcopy(saved)
        self.aws.tables, self.aws.gateways = tables, gateways

    def agreed(self) -> Json:
        """All that API Gateway and the registry have, in terms in which two ways to it are the same."""
        return {
            "rows": {
                key: _row(item)
                for key, item in self.aws.items(TABLE).items()
                if key.startswith((RegistryRows.PUBLISHER, RegistryRows.DOORKEEPER))
            },
            **{region: _agreed(self.gateway(region)) for region in self.regions},
        }

    def _task(self, arguments: Json, home: str) -> Json:
        assert arguments["FunctionName"] == "${PublishersFunction}"
        payload = arguments["Payload"]
        attempts = 1 if payload["task"] == "begin" else 3
        for attempt in range(attempts):
            try:
                result = self._function(home)(json.loads(json.dumps(payload)), _context())
            except Exception as error:  # as Lambda does
                failed = _failed(error)
                self.outputs.append(failed.cause)
                if failed.error in _REFUSALS or attempt == attempts - 1:
                    raise failed from error
                self.clock.sleep(2)
            else:
                self.outputs.append(json.dumps(result))
                return {"StatusCode": 200, "Payload": json.loads(json.dumps(result))}
        raise AssertionError

    def _function(self, home: str) -> Callable[[Json, Any], Json]:
        parts = Parts(
            {
                Variable.SERVICE: "shop",
                Variable.NAMESPACE: "Eventing",
                Variable.DEPLOYMENT: "shop",
                Variable.REGIONS: json.dumps(self.regions),
                Variable.REGISTRY_TABLE: TABLE,
                Variable.LEDGER_TABLE: LEDGER,
                Variable.CONTROL_PLANE_LIMITED: str(self.limited).lower(),
                Variable.LONGEST_KEPT_DAYS: "550",
                Variable.RUNBOOK: "docs/runbook.md",
                Variable.COMMAND_OPTIONS: "",
                Variable.DASHBOARD: "",
                Variable.OPS_TOPIC_ARN: f"arn:aws:sns:{HOME}:123456789012:ops",
                Variable.STATE_MACHINE_ARN: f"arn:aws:states:{HOME}:123456789012:stateMachine:shop",
            },
            threads=2,
            clients=cast("Clients", _At(self._clients, home)),
            clock=self.clock,
            logger=Logger(service="shop", stream=self.log),
            catalogue=Catalogue((), (), PLANS, ""),
            entropy=self._random,
        )
        return make_handler(parts)

    def _random(self, count: int) -> bytes:
        # Other ones each time, and the same in each test.
        self._entropy += 1
        return self._entropy.to_bytes(count, "big")

    def _fault(self, call: Call) -> Fault | None:
        of_gateway = call.service == "apigateway"
        if of_gateway:
            self.limits.begin(call)
        if self.latency:
            self.clock.sleep(self.latency)
        if of_gateway:
            self.limits.arrive(call)
        return self.faults(call)


class _At:
    """Clients of a function that runs in a region."""

    def __init__(self, clients: Clients | DirectClients, region: str) -> None:
        self._clients = clients
        self.region = region

    def __getattr__(self, name: str) -> Any:
        return getattr(self._clients, name)


def kill_after(number: int) -> Faults:
    """The process dies after the write with this number, from 1."""
    seen = 0

    def fault(call: Call) -> Fault | None:
        nonlocal seen
        seen += call.operation in WRITES
        return "done-then-killed" if seen == number and call.operation in WRITES else None

    return fault


@contextmanager
def dying() -> Iterator[list[bool]]:
    """Whatever is killed in here is dead, and that is noted."""
    died: list[bool] = []
    try:
        yield died
    except Killed:
        died.append(True)


def _context() -> Any:
    return SimpleNamespace(aws_request_id="1", get_remaining_time_in_millis=lambda: 60_000)


def _failed(error: Exception) -> TaskFailed:
    name = type(error).__name__
    return TaskFailed(name, json.dumps({"errorMessage": str(error), "errorType": name}))


def _row(item: Mapping[str, Any]) -> Json:
    content = json.loads(next(v["S"] for k, v in item.items() if k in ("publisher", "doorkeeper")))
    for key in content.get("keys", ()):
        # Those of two ways differ; that they are right, `show` says.
        key["ids"] = sorted(key["ids"])
        key["created_at"], key["expires_at"] = None, key["expires_at"] is not None
    return {k: v for k, v in content.items() if not k.endswith("_at")}


def _agreed(gateway: Gateway) -> Json:
    names = {id: key["name"] for id, key in gateway.keys.items()}
    return {
        "keys": sorted((key["name"], key["enabled"]) for key in gateway.keys.values()),
        "plans": sorted(
            json.dumps(
                {
                    **{k: plan.get(k) for k in ("name", "throttle", "quota", "apiStages")},
                    "keys": sorted(names[key] for key in gateway.plan_keys[id]),
                },
                sort_keys=True,
            )
            for id, plan in gateway.plans.items()
        ),
    }
