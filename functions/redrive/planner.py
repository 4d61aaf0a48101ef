"""Which letters a redrive takes up, and what will become of each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from eventing.cause import Code
from eventing.json_text import parse_if_json
from eventing.redrive.forecast import Judge
from eventing.redrive.ledger import GOES_THROUGH, Row, State
from eventing.redrive.plan import Plan, Prospect, differences, make_plan
from eventing.redrive.request import Filter, RedriveRequest
from eventing.timestamps import timestamp
from functions.shared.event_store import EventStore
from functions.shared.ledger import Ledger

# Events of up to 240 KiB that are in memory at a time.
_EVENTS_AT_ONCE = 500


class PlanChanged(Exception):  # noqa: N818 - the name that an execution fails with
    """The letters or the catalogue are not what the plan was made for; the message names how."""


class Planner:
    """Selects letters and judges them by the catalogue and the code that are deployed now."""

    def __init__(self, *, ledger: Ledger, store: EventStore, judge: Judge) -> None:
        self._ledger = ledger
        self._store = store
        self._judge = judge

    def plan(self, request: RedriveRequest, *, started_at: datetime, now: datetime) -> Plan:
        """Freeze the letters that are selected now and failed before the run began."""
        rows = self._select(request, before=started_at)
        prospects = (
            self._prospects(rows)
            if request.action != "discard"
            else [Prospect(row, GOES_THROUGH, row.topic) for row in rows]
        )
        return make_plan(request, self._judge.version, prospects, now)

    def verify(self, plan: Plan, request: RedriveRequest, *, before: datetime) -> None:
        """Raise `PlanChanged` when the same choice, made now, is not the plan's."""
        rows = self._select(request, before=before)
        found = list(
            differences(
                plan,
                judged_by=self._judge.version,
                letters=[(row.key, row.version) for row in rows],
            )
        )
        if found:
            hint = "plan anew, or give filter.failed_before to leave out what has failed since"
            raise PlanChanged(f"{'; '.join(found)}. Nothing was touched: {hint}.")

    def _select(self, request: RedriveRequest, *, before: datetime) -> list[Row]:
        # A parked letter is taken up only when it is asked for by its id.
        states: list[State] = ["open", "parked"] if request.filter.letter_ids else ["open"]
        cut = timestamp(before)
        given = request.filter.failed_before
        wanted = Filter(
            **{**vars(request.filter), "failed_before": min(cut, given) if given else cut}
        )
        rows = self._ledger.select(request.stages, states, wanted)
        return rows[: request.limit] if request.limit else rows

    def _prospects(self, rows: Sequence[Row]) -> list[Prospect]:
        """Forecasts made at triage hold while catalogue and code are the same; others need the events."""
        judged = self._judged_anew(rows)
        stored = self._store.present([row.event_key for row in rows if row.step == "store"])
        # Of two events with one identity the first has the key, as when they are taken up.
        holders = dict(stored)
        prospects: list[Prospect] = []
        for row in rows:
            verdict, topic = judged.get(row.key) or (row.verdict, row.target)
            stores = row.step == "store" and verdict == GOES_THROUGH
            if stores and holders.setdefault(row.event_key, row.digest) != row.digest:
                verdict = Code.CONFLICT.value
            there = row.step == "store" and stored.get(row.event_key) == row.digest
            prospects.append(Prospect(row, verdict, topic, stored_already=there))
        return prospects

    def _judged_anew(self, rows: Sequence[Row]) -> dict[str, tuple[str, str | None]]:
        """By key, verdict and topic of letters that what is deployed has not judged yet."""
        current = self._judge.version
        judged: dict[str, tuple[str, str | None]] = {}
        unknown: list[Row] = []
        for row in rows:
            if not self._judge.needs_event(row.step, row.topic):
                judged[row.key] = self._forecast(row, None)
            elif row.judged_by != current:
                unknown.append(row)
        for start in range(0, len(unknown), _EVENTS_AT_ONCE):
            some = unknown[start : start + _EVENTS_AT_ONCE]
            entries = self._ledger.read([row.key for row in some])
            for row in some:
                if entry := entries.get(row.key):
                    judged[row.key] = self._forecast(row, entry.event)
        return judged

    def _forecast(self, row: Row, event: str | None) -> tuple[str, str | None]:
        document = parse_if_json(event) if event else None
        forecast = self._judge.forecast(
            row.step, topic=row.topic, publisher=row.publisher, document=document
        )
        return forecast.cause.code if forecast.cause else GOES_THROUGH, forecast.topic
