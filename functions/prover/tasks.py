"""The tasks of the state machine in `workflows/proof.asl.json`. They read, and write metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit

from eventing.prices import PRICES
from eventing.proof.counts import MINUTE, Minute, Tally, minutes, totals
from eventing.proof.request import ProofRequest, read_request
from eventing.receipts import PARTITIONS
from eventing.timestamps import timestamp
from functions.contract import Metric
from functions.prover.counting import Counting
from functions.prover.naming import Named, Naming
from functions.shared.clock import Clock, Deadline
from functions.shared.event_scan import EventScan
from functions.shared.metric_reader import MetricReader
from functions.shared.metrics import Metrics
from functions.shared.table_walk import Position

PAGE_SECONDS = 50.0
# Of a page that has come to its end: an answer of the table, and the receipts of its events.
REST_SECONDS = 40.0
MOST_MINUTES = 100
"""That are told of: all that differ are counted, and looked through."""


class Tasks:
    """One method for each task; each takes the task's payload and returns its result."""

    def __init__(
        self,
        *,
        scan: EventScan,
        counting: Counting,
        naming: Naming,
        metric_reader: MetricReader,
        metrics: Metrics,
        here: str,
        regions: Sequence[str],
        clock: Clock,
    ) -> None:
        self._scan = scan
        self._counting = counting
        self._naming = naming
        self._metric_reader = metric_reader
        self._metrics = metrics
        self._here = here
        self._regions = regions
        self._clock = clock

    def begin(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """The normalised request, and the price of finding events; raises `InvalidInput`."""
        return {"request": self._request(task).members(), "plan": self._scan.reading().members()}

    def count(self, task: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        """Count a quarter of the hashes, after those that `counted` tells of."""
        content = task.get("counted") or {"parts": 0, "tally": Tally().members()}
        part, tally = int(content["parts"]), Tally.of(content["tally"])
        by = deadline.less(REST_SECONDS)
        self._counting.add_part(self._request(task), part, tally, by=by)
        counted = {"parts": part + 1, "tally": tally.members()}
        return {"counted": counted, "done": part + 1 >= PARTITIONS}

    def judge(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Hold the counts against what was stored: totals, and the minutes that differ.

        `look` has the numbers of the minutes in which events are to be found, if that was asked for.
        """
        request, tally = self._request(task), Tally.of(task["counted"]["tally"])
        stored = self._metric_reader.sums([Metric.EVENTS_STORED], request.start, request.end)
        found = list(minutes(request.start, stored[Metric.EVENTS_STORED], tally))
        differing = [minute for minute in found if minute.differs]
        numbers = [round((minute.at - request.start) / MINUTE) for minute in differing]
        return {
            "totals": totals(found, tally),
            "minutes": [_told(minute) for minute in differing[:MOST_MINUTES]],
            "look": numbers if request.action == "find" else [],
        }

    def find(self, task: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        """Read on in the table for up to 50 s: `{"position", "named", "done"}`."""
        request = self._request(task)
        content = task.get("position") or Position(int(task["plan"]["segments"])).members()
        named = Named(**(task.get("named") or {}))
        position = self._naming.page(
            request,
            {request.start + int(number) * MINUTE for number in task["judged"]["look"]},
            Position.of(content),
            named,
            ends=min(self._clock.monotonic() + PAGE_SECONDS, deadline.less(REST_SECONDS)),
        )
        return {"position": position.members(), "named": named.members(), "done": position.done}

    def report(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """What the execution puts out; of yesterday, metrics are written as well, which alarms watch."""
        request, judged = self._request(task), task["judged"]
        sums = {name: int(count) for name, count in judged["totals"].items()}
        position = task.get("position")
        found = Position.of(position).counts if position else None
        unproven = sums["unproven"] if found is None else _unproven(sums, found)
        twice = sums["twice"]
        if request.is_of_yesterday(_started(task)):
            self._gauge(
                {
                    Metric.EVENTS_UNPROVEN: unproven,
                    Metric.EVENTS_PUBLISHED_TWICE: twice,
                    Metric.PROOF_FAILED: 0,
                }
            )
        return {
            "outcome": "differs" if unproven or twice else "proven",
            "region": self._here,
            "regions": self._regions,
            "request": request.members(),
            "plan": task["plan"],
            "totals": sums,
            "minutes": judged["minutes"],
            "found": None if found is None else self._found(sums, found, task["named"]),
            "seconds": round((self._clock.now() - _started(task)).total_seconds(), 1),
        }

    def ended(self, _: Mapping[str, Any]) -> None:
        """Write down that an execution has come to another end than its report."""
        self._gauge({Metric.PROOF_FAILED: 1})

    def _found(
        self, sums: Mapping[str, int], found: Counter[str], named: Mapping[str, Any]
    ) -> dict[str, Any]:
        units = found["half_units"] / 2
        return {
            "unproven": found["unproven"],
            "twice": found["twice"],
            "erased": found["erased"],
            # Counted as stored, and not in the table: an event that another region's has replaced, say.
            "not_there": _unproven(sums, found) - found["unproven"],
            "named": named,
            "read": {"units": units, "dollars": round(units * PRICES["read"], 4)},
        }

    def _gauge(self, values: Mapping[str, int]) -> None:
        self._metrics.write(
            gauges={name: (value, MetricUnit.Count) for name, value in values.items()}
        )

    def _request(self, task: Mapping[str, Any]) -> ProofRequest:
        return read_request(task["request"], at=_started(task))


def _unproven(sums: Mapping[str, int], found: Mapping[str, int]) -> int:
    """Those that were found, and those that were stored and are not found; not those that were erased."""
    return max(found.get("unproven", 0), sums["unproven"] - found.get("erased", 0))


def _started(task: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(task["started_at"])


def _told(minute: Minute) -> dict[str, Any]:
    return {
        "at": timestamp(minute.at),
        "stored": minute.stored,
        "published": minute.published,
        "letters": minute.letters,
        "unproven": minute.unproven,
        "twice": minute.twice,
    }
