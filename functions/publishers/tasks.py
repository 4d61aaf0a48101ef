"""The tasks of the state machine in `workflows/publishers.asl.json`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from math import ceil
from typing import Any

from eventing.catalogue import UsagePlan
from eventing.input import InvalidInput
from eventing.publishers.changes import Change, concluded, due, overdue, to_warn_of, warned_of
from eventing.publishers.doorkeeper import DoorkeeperFull, entry_of
from eventing.publishers.registry import Publisher
from eventing.publishers.request import PAGE, PublisherRequest, read_request
from functions.contract import RegistryRows
from functions.publishers.regions import Planes, Regions
from functions.publishers.texts import changed_mail, expiring_mail, failed_mail
from functions.publishers.views import listed, shown
from functions.shared.audit import Audit
from functions.shared.clock import Clock
from functions.shared.executions import Executions
from functions.shared.locks import Held, Lease, Locked, Locks
from functions.shared.operations import OpsTopic
from functions.shared.registry import Contended, Registry
from functions.shared.turns import PATIENCE_SECONDS, Places, moment_of

# Longer than any task lasts and any wait between two: a lease ends when its execution has died.
LEASE_SECONDS = 120
# How often an execution asks whether the one before it has ended, and for how long.
LOCKED_SECONDS = 5
MOST_LOCKED_SECONDS = 600
# A task begins no call after that, and its function has as long again.
ROUND_SECONDS = 20
# Rounds that fail one after another, until what could not be done is told.
MOST_FAILURES = 6
LONGEST_WAIT_SECONDS = 60
# Until API Gateway turns away a key that was deleted; the doorkeeper does it meanwhile.
SETTLE_SECONDS = 60
# Of what a day's look finds to do.
_MOST_STARTED = 100


class Tasks:
    """One method for each task; each takes the task's payload and returns its result."""

    def __init__(
        self,
        *,
        registry: Registry,
        planes: Callable[[Places], Planes],
        entropy: Callable[[int], bytes],
        locks: Locks,
        audit: Audit,
        ops: OpsTopic,
        executions: Executions,
        plans: Mapping[str, UsagePlan],
        region: str,
        primary_region: str,
        longest_kept_days: int,
        settle_seconds: int,
        clock: Clock,
    ) -> None:
        self._registry = registry
        self._planes = planes
        self._entropy = entropy
        self._locks = locks
        self._audit = audit
        self._ops = ops
        self._executions = executions
        self._plans = plans
        self._is_primary = region == primary_region
        self._primary_region = primary_region
        self._longest_kept_days = longest_kept_days
        self._settle_seconds = settle_seconds
        self._clock = clock

    def begin(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Lock the publisher and write down what it is to be; who is to be kept out is kept out from here on.

        `wait` is above 0 while another execution works on the publisher. Raises `InvalidInput` for what can't
        be done, and `Locked` after a long wait.
        """
        request, waited = read_request(task["request"]), int(task["waited"])
        if not self._is_primary and request.rules.changes and not request.elsewhere:
            raise InvalidInput(
                f"elsewhere: publishers are changed in {self._primary_region}; where that is down, and "
                "nobody changes them there, say true"
            )
        if not request.rules.changes:
            return {"changes": False, "wait": 0, "waited": 0}
        try:
            lease = self._lock(request, task["execution"])
        except Held as held:
            if waited >= MOST_LOCKED_SECONDS:
                raise Locked(f"{request.name} is being worked on by {held.owner}") from None
            wait = LOCKED_SECONDS
            return {"changes": True, "wait": wait, "waited": waited + wait}
        try:
            self._write(request)
        except InvalidInput:
            self._locks.release(lease)
            raise
        return {"changes": True, "wait": 0, "waited": waited}

    def work(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Make API Gateway agree with the registry, as far as its limits let it.

        `wait` is how many seconds the next round, or the end, has to wait for; `over` says that there is no
        next one. Raises `Locked` when another execution works on the publisher by now.
        """
        request, before = read_request(task["request"]), task["work"]
        self._keep_lock(request, task["execution"])
        publisher, places = self._publisher(request), before["places"]
        if self._seconds_until(places) > PATIENCE_SECONDS:
            return {**before, "wait": self._wait(places)}
        round = self._regions(places).agree(
            publisher, until=self._clock.monotonic() + ROUND_SECONDS
        )
        tries = int(before["tries"]) + 1 if round.failures and not round.made else 0
        hopeless = not any(failure.passing for failure in round.failures)
        given_up = bool(round.failures) and (
            tries >= MOST_FAILURES or (hopeless and not round.places and not round.more)
        )
        over = round.done or given_up
        settle = self._settle(publisher) if round.done else 0
        return {
            "over": over,
            "done": round.done,
            "tries": tries,
            "wait": settle if over else max(self._wait(round.places), 2**tries if tries else 0),
            "places": round.places,
            "failures": [failure.members() for failure in round.failures],
            "ids": {
                region: {str(number): id for number, id in found.ids.items()}
                for region, found in round.found.items()
                if found
            },
        }

    def finish(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Write down how it ended, tell of it, and unlock the publisher; the execution's output."""
        request, work = read_request(task["request"]), task["work"]
        lease = self._keep_lock(request, task["execution"])
        publisher = self._conclude(request, work)
        self._registry.change_doorkeeper(
            lambda there: there.with_entry(publisher.name, entry_of(publisher))
        )
        output = {
            "action": request.action,
            "outcome": "done" if work["done"] else "partial",
            "failures": work["failures"],
            "publisher": listed(publisher),
        }
        self._audit.append(
            {
                "action": f"publishers {request.action}",
                "publisher": request.name,
                "started_by": request.started_by,
                "reason": request.reason,
                "outcome": output["outcome"],
                "execution": task["execution"],
            },
            now=datetime.fromisoformat(task["started_at"]),
            name=task["execution"],
        )
        self._ops.tell(changed_mail(request, publisher, work["failures"]))
        self._locks.release(lease)
        return output

    def give_up(self, task: Mapping[str, Any]) -> None:
        """Unlock the publisher of an execution that failed, and tell operators."""
        request = read_request(task["request"])
        name = f"{RegistryRows.LOCK}{request.name}"
        lease = self._locks.holder(name, now=self._clock.now())
        if lease and lease.owner != task["execution"]:
            return  # that one goes on with it
        self._ops.tell(failed_mail(request, str(task["error"])))
        if lease:
            self._locks.release(lease)

    def show(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """What is on record of a publisher, and what differs from it; or a page of all publishers."""
        request = read_request(task["request"])
        if request.action == "list":
            page, after = self._registry.page(after=request.after, most=PAGE)
            return {"publishers": [listed(publisher) for publisher in page], "after": after}
        publisher = self._publisher(request)
        round = self._regions({}).look(publisher)
        entry = self._registry.doorkeeper().entry(publisher.name)
        return shown(publisher, round, entry)

    def due(self) -> dict[str, Any]:
        """The day's look: retire keys whose date has come, warn of those that are next, serve new regions.

        Its result has numbers: executions that were `started`, keys that were `warned` of, and those that
        are `overdue` though an earlier look has seen them.
        """
        now, regions = self._clock.now(), set(self._planes({}))
        started = 0
        late = 0
        warned = []
        for publisher in self._registry.everybody():
            if publisher.status == "revoked":
                continue
            warned += to_warn_of(publisher, now)
            late += len(overdue(publisher, now))
            for request in _due_requests(publisher, regions, now)[: _MOST_STARTED - started]:
                self._executions.start(request)
                started += 1
        if warned:
            self._ops.tell(expiring_mail(warned))
        for name in {one.publisher for one in warned}:
            row = self._registry.find(name)
            if row.publisher:
                # Changed by another meanwhile, it is told of once more tomorrow.
                told = [one for one in warned if one.publisher == name]
                self._registry.put(warned_of(row.publisher, told), version=row.version)
        return {"started": started, "warned": len(warned), "overdue": late}

    def _write(self, request: PublisherRequest) -> None:
        row = self._registry.find(request.name)
        change = Change(request, self._plans, self._clock.now(), self._longest_kept_days)
        publisher = change.of(row.publisher)
        entry = entry_of(publisher)
        # Whoever is let in again is let in when that holds everywhere.
        if entry.suspended or request.name not in self._registry.doorkeeper().suspended:
            try:
                self._registry.change_doorkeeper(
                    lambda there: there.with_entry(request.name, entry)
                )
            except DoorkeeperFull as full:
                raise InvalidInput(str(full)) from None
        if publisher != row.publisher and not self._registry.put(publisher, version=row.version):
            raise Contended(f"{request.name} was changed by another meanwhile")

    def _conclude(self, request: PublisherRequest, work: Mapping[str, Any]) -> Publisher:
        row = self._registry.find(request.name)
        if row.publisher is None:
            raise InvalidInput(f"name: there is no publisher {request.name}")
        ids = {
            region: {int(number): id for number, id in found.items()}
            for region, found in work["ids"].items()
        }
        publisher = concluded(row.publisher, ids, gone=bool(work["done"]))
        if publisher != row.publisher and not self._registry.put(publisher, version=row.version):
            raise Contended(f"{request.name} was changed by another meanwhile")
        return publisher

    def _publisher(self, request: PublisherRequest) -> Publisher:
        publisher = self._registry.find(request.name).publisher
        if publisher is None:
            raise InvalidInput(f"name: there is no publisher {request.name}")
        return publisher

    def _regions(self, places: Places) -> Regions:
        return Regions(self._planes(places), entropy=self._entropy, clock=self._clock)

    def _wait(self, places: Places) -> int:
        """Whole seconds until the first of these turns, or until the lease has to be renewed."""
        return min(LONGEST_WAIT_SECONDS, max(0, ceil(self._seconds_until(places))))

    def _seconds_until(self, places: Places) -> float:
        """Seconds until the first of these turns; 0 where there is none."""
        return (min(places.values()) - moment_of(self._clock.now())) / 1000 if places else 0.0

    def _settle(self, publisher: Publisher) -> int:
        leaves = any(key.state == "retiring" for key in publisher.keys)
        return self._settle_seconds if leaves and publisher.status == "revoked" else 0

    def _lock(self, request: PublisherRequest, execution: str) -> Lease:
        return self._locks.acquire(
            f"{RegistryRows.LOCK}{request.name}",
            execution,
            seconds=LEASE_SECONDS,
            now=self._clock.now(),
        )

    def _keep_lock(self, request: PublisherRequest, execution: str) -> Lease:
        try:
            return self._lock(request, execution)
        except Held as held:
            raise Locked(f"{request.name} is being worked on by {held.owner}") from None


def _due_requests(publisher: Publisher, regions: set[str], now: datetime) -> list[dict[str, Any]]:
    by = {"name": publisher.name, "started_by": "the daily look at keys"}
    requests: list[dict[str, Any]] = [
        {**by, "action": "retire-key", "key": one.key, "reason": f"its date was {one.at}"}
        for one in due(publisher, now)
    ]
    if any(regions - set(key.ids) for key in publisher.live_keys):
        reason = "a key is not in every region, by the registry"
        requests.append({**by, "action": "update", "reason": reason})
    return requests
