"""Counts what is open, lost or stuck, and starts triage where it is due."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit

from eventing.conservation import Window
from eventing.dead_letter import STAGES, Stage
from functions.contract import COUNTER, Dimension, Metric
from functions.counter.conservation import lost_events
from functions.counter.delivery import unheard
from functions.counter.runs import look
from functions.shared.archive import Archive
from functions.shared.clock import Clock, Deadline
from functions.shared.dead_letter_queue import DeadLetterQueue
from functions.shared.executions import Executions
from functions.shared.incidents import Incidents
from functions.shared.letters import Letters
from functions.shared.locks import Locks, lock_name
from functions.shared.metric_reader import MetricReader
from functions.shared.metrics import Metrics
from functions.shared.stream_mapping import StreamMapping
from functions.shared.summary_keeper import SummaryKeeper

# For the log, when all has been looked at.
_REPORT_SECONDS = 1.0


@dataclass(frozen=True)
class Found:
    """The findings of each look, and the errors of those that failed."""

    by_look: Mapping[str, Any]
    failures: list[Exception] = field(default_factory=list)


class Count:
    """Counts what only the whole tells: open letters, lost events, an unread stream, unheard topics,
    undelivered copies, stuck executions.

    It starts triage of what has not got into the ledger. `topics` are those that expect subscribers, SNS's
    names by the catalogue's; `archive` is one with a delivery stream.
    """

    def __init__(
        self,
        *,
        queues: Mapping[Stage, DeadLetterQueue],
        letters: Letters,
        incidents: Incidents,
        locks: Locks,
        executions: Executions,
        metric_reader: MetricReader,
        topics: Mapping[str, str],
        stream_mapping: StreamMapping,
        archive: Archive | None,
        window: Window,
        metrics: Metrics,
        summary: SummaryKeeper,
        lookers: Executor,
        clock: Clock,
    ) -> None:
        self._queues = queues
        self._letters = letters
        self._incidents = incidents
        self._locks = locks
        self._executions = executions
        self._metric_reader = metric_reader
        self._topics = topics
        self._stream_mapping = stream_mapping
        self._archive = archive
        self._window = window
        self._metrics = metrics
        self._summary = summary
        self._lookers = lookers
        self._clock = clock

    def __call__(self, deadline: Deadline) -> Found:
        """Look at everything; one thing that cannot be looked at does not hide the others.

        Each has an equal share of the time that is left, so that one that is slow hides none either.
        """
        summing_up: list[Callable[[], None]] = []
        looks: dict[str, Callable[[datetime], dict[str, Any]]] = {
            **{stage: partial(self._look, stage, summing_up) for stage in STAGES},
            "stream": self._look_at_the_stream,
            "conservation": self._look_for_lost_events,
            "delivery": self._look_at_delivery,
            **({"archive": partial(self._look_at_copies, self._archive)} if self._archive else {}),
            "runs": partial(self._look_at_runs, summing_up),
        }
        found: dict[str, Any] = {}
        failures: list[Exception] = []
        for number, (name, look_at) in enumerate(looks.items()):
            began = self._clock.monotonic()
            share = (deadline.less(_REPORT_SECONDS) - began) / (len(looks) - number)
            try:
                call = self._lookers.submit(look_at, self._clock.now())
                seen = self._clock.result_by(began + share, call, {})
                if not seen:
                    raise TimeoutError(f"{name} took longer than {share:.0f} s")
                found[name] = seen
            except Exception as error:
                found[name] = {"error": type(error).__name__}
                failures.append(error)
        self._sum_up(summing_up, deadline.less(_REPORT_SECONDS))
        return Found(found, failures)

    def _sum_up(self, parts: Sequence[Callable[[], None]], ends: float) -> None:
        """Write parts of the summary, in the time that is left: it fails nothing, and holds nothing up."""

        def keep(part: Callable[[], None]) -> None:
            with self._summary.keeping("count"):
                part()

        for part in parts:
            self._clock.result_by(ends, self._lookers.submit(keep, part), None)

    def _look(
        self, stage: Stage, summing_up: list[Callable[[], None]], now: datetime
    ) -> dict[str, Any]:
        waiting, queued = self._queues[stage].depth()
        open_letters, parked = self._letters.open(stage), self._letters.parked(stage)
        told = self._incidents.told(stage)
        of_events = open_letters.own_fault
        # What triage has left in the queue is open as well.
        of_system = open_letters.letters - of_events + (queued if told.of_left else 0)
        # Also when a triage died before it had told anybody.
        untold = (of_system and not told.of_system) or (of_events and not told.of_events)
        triaged = bool(waiting or untold) and self._start_triage(stage, now)
        of = {Dimension.STAGE: stage}
        self._metrics.write(
            gauges={
                Metric.OLDEST_DEAD_LETTER_AGE: _age(open_letters.failed_first, now),
                Metric.PARKED_DEAD_LETTERS: (parked.letters, MetricUnit.Count),
                Metric.OLDEST_PARKED_AGE: _age(parked.failed_first, now),
            },
            of=of,
        )
        if parked.first_expires_at:
            left = parked.first_expires_at - now.timestamp()
            self._metrics.write(
                gauges={Metric.FIRST_PARKED_EXPIRY: (left, MetricUnit.Seconds)}, of=of
            )
        self._metrics.open_letters(stage, {"event": of_events, "system": of_system})
        if told.of_system and (of_system or waiting):
            self._metrics.write({Metric.INCIDENT_REPORTED: 1}, of=of)
        if told.of_events and of_events:
            self._metrics.write({Metric.ATTENTION_REPORTED: 1})
        if told.names and not (open_letters.letters or queued):
            self._incidents.end(stage)
        summing_up.append(
            partial(self._summary.letters, stage, open_letters, parked, at=now, queued=queued)
        )
        return {
            "waiting": waiting,
            "open": open_letters.letters,
            "own_fault": of_events,
            "parked": parked.letters,
            "triage_started": triaged,
        }

    def _look_at_the_stream(self, _now: datetime) -> dict[str, Any]:
        unread = self._stream_mapping.unread()
        self._metrics.write(
            gauges={Metric.STREAM_UNREAD: (int(unread is not None), MetricUnit.Count)}
        )
        return {"unread": unread}

    def _look_for_lost_events(self, now: datetime) -> dict[str, Any]:
        lost = lost_events(self._metric_reader, self._window, now)
        self._metrics.write(gauges={Metric.EVENTS_UNACCOUNTED: (lost, MetricUnit.Count)})
        return {"unaccounted": lost}

    def _look_at_delivery(self, now: datetime) -> dict[str, Any]:
        found = unheard(self._metric_reader, self._topics.values(), now)
        for topic, name in self._topics.items():
            self._metrics.write(
                gauges={Metric.TOPIC_UNHEARD: (int(name in found), MetricUnit.Count)},
                of={Dimension.TOPIC: topic},
            )
        return {"unheard": [topic for topic, name in self._topics.items() if name in found]}

    def _look_at_copies(self, archive: Archive, _now: datetime) -> dict[str, Any]:
        undelivered = archive.undelivered()
        self._metrics.write(gauges={Metric.COPIES_UNDELIVERED: (undelivered, MetricUnit.Count)})
        return {"undelivered": undelivered}

    def _look_at_runs(self, summing_up: list[Callable[[], None]], now: datetime) -> dict[str, Any]:
        seen = look(self._executions, now)
        self._metrics.write(
            gauges={
                Metric.REDRIVE_RUNS_FAILED: (seen.failed, MetricUnit.Count),
                Metric.REDRIVE_RUN_SECONDS: (seen.seconds, MetricUnit.Seconds),
            }
        )
        summing_up.append(partial(self._summary.end_runs, at=now, running=seen.running))
        return {"failed": seen.failed, "seconds": round(seen.seconds)}

    def _start_triage(self, stage: Stage, now: datetime) -> bool:
        if self._locks.holder(lock_name("triage", stage), now=now):
            return False
        self._executions.start({"stage": stage, "action": "triage", "started_by": COUNTER})
        return True


def _age(failed_first: str | None, now: datetime) -> tuple[float, MetricUnit]:
    seconds = (now - datetime.fromisoformat(failed_first)).total_seconds() if failed_first else 0.0
    return seconds, MetricUnit.Seconds
