"""The page loop of a run: letters are taken up chunk by chunk, at the run's pace."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from eventing.redrive.health import Health, read_health
from eventing.redrive.pace import REST_SECONDS, Pace, first_pace
from eventing.redrive.plan import Plan
from functions.contract import Metric
from functions.redrive.custody import Custody
from functions.redrive.run import Run, results_key
from functions.redrive.runner import Runner
from functions.redrive.tally import Tally
from functions.shared.clock import Clock, Deadline
from functions.shared.metrics import Metrics
from functions.shared.operations import OperationsBucket

FIRST_POSITION: Mapping[str, Any] = {"next": 0, "pages": 0}
"""The first position of a run: the number of the next letter, and of pages that went before."""


class Pages:
    """Works pages off."""

    def __init__(
        self,
        *,
        runner: Runner,
        custody: Custody,
        bucket: OperationsBucket,
        metrics: Metrics,
        page_seconds: float,
        clock: Clock,
    ) -> None:
        self._runner = runner
        self._custody = custody
        self._bucket = bucket
        self._metrics = metrics
        self._page_seconds = page_seconds
        self._clock = clock

    def work_off(
        self,
        run: Run,
        plan: Plan,
        position: Mapping[str, Any],
        tokens: Mapping[str, int],
        deadline: Deadline,
    ) -> dict[str, Any]:
        """Take up letters for as long as a page goes on: `{"position", "done", "stop"}`.

        A pause that the rate asks for and that does not fit in is handed on with the position.
        """
        pace, health = _pace_at(position, run), read_health(position.get("health"))
        tally, stop = Tally(), None
        number, owed = position["next"], position.get("pause", 0.0)
        ends = min(self._clock.monotonic() + self._page_seconds, deadline.less(REST_SECONDS))
        while number < len(plan.letters) and self._clock.monotonic() < ends and not stop:
            waits = max(0.0, min(owed, ends - self._clock.monotonic()))
            self._clock.sleep(waits)
            owed -= waits
            # After the pause, so that a run that was stopped in it takes up nothing more. A page that
            # only waits looks as well, or the lease would end.
            if not self._custody.renew(run.execution, tokens):
                stop = "lost lock"
                break
            if owed:
                break
            began = self._clock.monotonic()
            doubted = set(health.doubted)
            chosen, found, number = _choose(plan, number, pace.chunk(), health)
            found.merge(self._runner.take_up(chosen, run, health))
            tally.merge(found)
            in_doubt = bool(health.doubted.keys() - doubted)
            seconds = pace.record(len(chosen), found.attempted, found.refused, in_doubt=in_doubt)
            owed = max(0.0, seconds - (self._clock.monotonic() - began))
            if pace.aborts():
                stop = "aborted"
            elif down := found.ledger_down:
                stop = down.reason
        self._count(tally)
        page = position["pages"]
        # A page that is tried again adds its own; the position names the results that led to it.
        results = self._bucket.add(
            results_key(run.execution, page),
            json.dumps({**tally.result(), "before": position.get("results")}),
        )
        after = {
            "next": number,
            "pages": page + 1,
            "results": results,
            "rate": pace.rate,
            "attempted": pace.attempted,
            "failed": pace.failed,
            "pause": owed,
            "health": health.members(),
        }
        return {"position": after, "done": number >= len(plan.letters), "stop": stop}

    def _count(self, tally: Tally) -> None:
        self._metrics.write(
            {
                Metric.REDRIVE_SUCCEEDED: tally.fates["resolved"],
                Metric.REDRIVE_FAILED: tally.failures,
            }
        )
        for minute, count in tally.stored.items():
            self._metrics.write({Metric.EVENTS_STORED: count}, at=minute)


def _choose(
    plan: Plan, number: int, most: int, health: Health
) -> tuple[Sequence[tuple[str, int]], Tally, int]:
    """The next letters to take up, those passed over because what they need is down, and the next number."""
    chosen: list[tuple[str, int]] = []
    passed = Tally()
    while number < len(plan.letters) and len(chosen) < most:
        needed = plan.needs[number]
        if needed in health.down:
            passed.leave_out(needed, health.down[needed])
        else:
            chosen.append(plan.letters[number])
        number += 1
    return chosen, passed, number


def _pace_at(position: Mapping[str, Any], run: Run) -> Pace:
    """The pace that the page before has handed on, or the first one."""
    first = first_pace(run.request)
    return replace(
        first,
        rate=position.get("rate", first.rate),
        attempted=position.get("attempted", 0),
        failed=position.get("failed", 0),
    )
