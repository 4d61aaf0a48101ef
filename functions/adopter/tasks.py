"""The tasks of the state machine in `workflows/adoption.asl.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from eventing.adoption.letter import fingerprint
from eventing.adoption.reading import Reading
from eventing.adoption.request import AdoptionRequest, read_request
from eventing.cause import Code
from eventing.input import InvalidInput
from eventing.prices import PRICES
from eventing.timestamps import timestamp
from functions.adopter.finder import Finder
from functions.adopter.texts import adopted_mail, failed_mail
from functions.shared.audit import Audit
from functions.shared.clock import Clock, Deadline
from functions.shared.event_scan import EventScan
from functions.shared.incidents import Incidents, name_of
from functions.shared.operations import OpsTopic
from functions.shared.receipt_reader import ReceiptReader
from functions.shared.table_walk import Position

PAGE_SECONDS = 50.0
# Of a page that has come to its end: an answer of the table that is worked on, each event of it new.
REST_SECONDS = 40.0
# A region that goes on publishing for so long is not lost.
_MOST_WAIT = timedelta(hours=1)
# Then it is looked again: it may have published meanwhile.
_WAIT_SECONDS = 60


class Tasks:
    """One method for each task; each takes the task's payload and returns its result."""

    def __init__(
        self,
        *,
        scan: EventScan,
        receipts: ReceiptReader,
        finder: Finder,
        incidents: Incidents,
        audit: Audit,
        ops: OpsTopic,
        here: str,
        regions: Sequence[str],
        clock: Clock,
    ) -> None:
        self._scan = scan
        self._receipts = receipts
        self._finder = finder
        self._incidents = incidents
        self._audit = audit
        self._ops = ops
        self._here = here
        self._regions = regions
        self._clock = clock

    def begin(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """The normalised request, the plan, and `wait`: seconds until it is worth while to look again.

        Raises `InvalidInput` for a faulty request, and for a region that goes on publishing.
        """
        request = self._request(task)
        now = self._clock.now()
        last = self._receipts.last(request.region, request.start, now)
        plan = _plan(request, self._scan.reading(), last)
        wait = (request.quiet_at(last) - now).total_seconds()
        if request.now or request.action == "plan" or wait <= 0:
            return {"request": request.members(), "plan": plan, "wait": 0}
        if now - _started(task) > _MOST_WAIT:
            raise InvalidInput(
                f"region: {request.region} has published until {plan['last_published_at']}, so it is not "
                'lost; "now": true adopts all the same'
            )
        # Whole seconds, rounded up: Step Functions waits no parts of one.
        seconds = min(int(wait) + 1, _WAIT_SECONDS)
        return {"request": request.members(), "plan": plan, "wait": seconds}

    def find(self, task: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        """Read on for up to 50 s, from `position` on: `{"position", "done"}`; see `Finder.page`."""
        request, plan = self._request(task), task["plan"]
        content = task.get("position") or Position(int(plan["segments"])).members()

        def announce() -> None:
            # Operators are told of these by the report: triage has no need to, while they come.
            name = name_of(fingerprint(request.region), Code.REGION_LOST)
            self._incidents.add("publish", [name])

        position = self._finder.page(
            request,
            Position.of(content),
            last_sign=plan["last_published_at"] or "",
            ends=min(self._clock.monotonic() + PAGE_SECONDS, deadline.less(REST_SECONDS)),
            announce=announce,
        )
        return {"position": position.members(), "done": position.done}

    def report(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """What the execution puts out; it is audited, and operators are told."""
        request, position = self._request(task), Position.of(task["position"])
        counts = {name: count for name, count in position.counts.items() if count}
        units = counts.pop("half_units", 0) / 2
        found = counts.get("adopted", 0) + counts.get("on_record", 0)
        output = {
            "outcome": "adopted" if found else "nothing",
            "request": request.members(),
            "plan": task["plan"],
            "counts": counts,
            "read": {"units": units, "dollars": round(units * PRICES["read"], 4)},
            "pages": position.pages,
            "seconds": round((self._clock.now() - _started(task)).total_seconds(), 1),
        }
        self._write_down(request, task, output["outcome"], counts)
        self._ops.tell(adopted_mail(request, output))
        return output

    def give_up(self, task: Mapping[str, Any]) -> None:
        """Write down that it has failed, and tell operators; the same request once more goes on."""
        request = self._request(task)
        content = task.get("position")
        counts = dict(Position.of(content).counts) if content else {}
        self._write_down(request, task, "failed", counts)
        self._ops.tell(failed_mail(request, str(task["error"]), counts))

    def _request(self, task: Mapping[str, Any]) -> AdoptionRequest:
        return read_request(
            task["request"], here=self._here, regions=self._regions, at=_started(task)
        )

    def _write_down(
        self,
        request: AdoptionRequest,
        task: Mapping[str, Any],
        outcome: str,
        counts: Mapping[str, int],
    ) -> None:
        self._audit.append(
            {
                "request": {**request.members(), "action": f"regions {request.action}"},
                "outcome": outcome,
                "counts": counts,
                "execution": task["execution"],
            },
            now=_started(task),
            # Once, also when the task is done again.
            name=f"{task['execution']}-{outcome}",
        )


def _started(task: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(task["started_at"])


def _plan(request: AdoptionRequest, reading: Reading, last: datetime | None) -> dict[str, Any]:
    return {
        **reading.members(),
        "last_published_at": timestamp(last) if last else None,
        "quiet_at": timestamp(request.quiet_at(last)),
    }
