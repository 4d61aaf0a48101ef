"""Plans runs: selects their letters, and forecasts what will become of each."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime

from eventing.cause import Cause, Code, cause_of
from eventing.json_text import Document
from eventing.redrive.forecast import Forecaster
from eventing.redrive.groups import grouped, largest
from eventing.redrive.ledger import GOES_THROUGH, Row, State
from eventing.redrive.plan import Plan, Prospect, differences, make_plan
from eventing.redrive.request import RedriveRequest
from eventing.redrive.steps import STEPS
from eventing.redrive.withheld import Withheld, withhold
from eventing.timestamps import timestamp
from functions.shared.doorkeeper_row import DoorkeeperRow
from functions.shared.event_store import EventStore
from functions.shared.letters import Letters
from functions.shared.topics import Topics

_OPEN: Sequence[State] = ("open",)
# Events of up to 240 KiB that are in memory at a time.
_EVENTS_AT_ONCE = 500


class PlanChanged(Exception):  # noqa: N818 - the name that an execution fails with
    """The letters or the catalogue are not what the plan was made for; the message names how."""


class Planner:
    """Selects letters and forecasts them by the catalogue and the code that are deployed now."""

    def __init__(
        self,
        *,
        letters: Letters,
        store: EventStore,
        topics: Topics,
        doorkeeper: DoorkeeperRow,
        forecaster: Forecaster,
    ) -> None:
        self._letters = letters
        self._doorkeeper = doorkeeper
        self._topics = topics
        self._store = store
        self._forecaster = forecaster

    def plan(self, request: RedriveRequest, *, started_at: datetime, now: datetime) -> Plan:
        """Freeze the letters that are selected now and failed before the run began.

        Where nobody can tell who is suspended, nobody is taken to be, and the plan says so.
        """
        suspended = self._suspended(request)
        unknown = suspended if isinstance(suspended, Cause) else None
        rows, withheld = self._select(request, before=started_at, without=_names(suspended))
        version, groups = self._forecaster.version, largest(grouped(rows))
        if not request.rules.makes_steps:
            untouched = [Prospect(row, GOES_THROUGH, row.topic) for row in rows]
            return make_plan(request, version, untouched, now, groups=groups)
        prospects = self._prospects(rows)
        topics = sorted({p.topic for p in prospects if p.topic})
        return make_plan(
            request,
            version,
            prospects,
            now,
            groups=groups,
            withheld=replace(withheld, unknown=unknown),
            subscriptions={topic: self._subscriptions(topic) for topic in topics},
            subscribers_needed=[t for t in topics if self._needs_subscribers(t, request)],
        )

    def verify(self, plan: Plan, request: RedriveRequest, *, before: datetime) -> None:
        """Raise `PlanChanged` when the same choice, made now, is not the plan's.

        Who was suspended stays left out when resumed since; of somebody suspended since, nothing is sent.
        """
        without = _names(self._suspended(request)) | set(plan.withheld)
        rows, withheld = self._select(request, before=before, without=without)
        found = list(
            differences(
                plan,
                judged_by=self._forecaster.version,
                letters=[(row.key, row.version) for row in rows],
                withheld=withheld.publishers,
            )
        )
        if found:
            hint = "plan anew, or give filter.failed_before to leave out what has failed since"
            raise PlanChanged(f"{'; '.join(found)}. Nothing was touched: {hint}.")

    def _subscriptions(self, topic: str) -> int | str:
        found = self._topics.subscriptions(topic)
        return found.code.value if isinstance(found, Cause) else found

    def _needs_subscribers(self, topic: str, request: RedriveRequest) -> bool:
        known = self._forecaster.catalogue.topic(topic)
        return known is not None and known.subscribers_expected and not request.without_subscribers

    def _suspended(self, request: RedriveRequest) -> frozenset[str] | Cause:
        """The publishers whose letters are left out, or why nobody can tell."""
        if not request.withholds:
            return frozenset()
        try:
            # Consistent: who has just suspended a publisher relies on it.
            return self._doorkeeper.read(consistent=True)[0].suspended
        except Exception as error:  # the registry's outage must not stop a redrive
            cause = cause_of(error)
            return replace(cause, resource=cause.resource or self._doorkeeper.resource)

    def _select(
        self, request: RedriveRequest, *, before: datetime, without: AbstractSet[str]
    ) -> tuple[list[Row], Withheld]:
        # What waits for a person is taken up only when it is asked for by its id; whoever names a letter
        # means it, whenever it failed.
        wanted, given = request.filter, request.filter.failed_before
        states = request.rules.asked_by_id if wanted.letter_ids else _OPEN
        if not wanted.letter_ids:
            cut = timestamp(before)
            wanted = replace(wanted, failed_before=min(cut, given) if given else cut)
        rows, withheld = withhold(self._letters.select(request.stages, states, wanted), without)
        return rows[: request.limit], withheld

    def _prospects(self, rows: Sequence[Row]) -> list[Prospect]:
        """Forecasts made at triage hold while catalogue and code are the same; others need the events."""
        anew = self._forecast_anew(rows)
        stores = {row.key for row in rows if STEPS[row.step].dependency == "event store"}
        stored = self._store.present([row.event_key for row in rows if row.key in stores])
        # Of two events with one identity the first has the key, as when they are taken up.
        holders = dict(stored)
        prospects: list[Prospect] = []
        for row in rows:
            verdict, topic = anew.get(row.key) or (row.verdict, row.target)
            if row.key in stores and verdict == GOES_THROUGH:
                holder = holders.setdefault(row.event_key, row.digest)
                verdict = verdict if holder == row.digest else Code.CONFLICT.value
            there = row.key in stores and stored.get(row.event_key) == row.digest
            prospects.append(Prospect(row, verdict, topic, stored_already=there))
        return prospects

    def _forecast_anew(self, rows: Sequence[Row]) -> dict[str, tuple[str, str | None]]:
        """By key, verdict and topic of letters that what is deployed has not forecast yet."""
        current = self._forecaster.version
        found: dict[str, tuple[str, str | None]] = {}
        unknown: list[Row] = []
        for row in rows:
            if not self._forecaster.needs_event(row):
                found[row.key] = self._forecast(row, None)
            elif row.judged_by != current:
                unknown.append(row)
        for start in range(0, len(unknown), _EVENTS_AT_ONCE):
            some = unknown[start : start + _EVENTS_AT_ONCE]
            entries = self._letters.read([row.key for row in some])
            for row in some:
                if entry := entries.get(row.key):
                    found[row.key] = self._forecast(row, entry.document)
        return found

    def _forecast(self, row: Row, document: Document | None) -> tuple[str, str | None]:
        forecast = self._forecaster.forecast(row, document)
        return forecast.verdict, forecast.topic


def _names(suspended: frozenset[str] | Cause) -> frozenset[str]:
    return frozenset() if isinstance(suspended, Cause) else suspended
