"""How a case ends: on record, in the audit, with ready texts, and told to operators."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from eventing.foreign_text import plain
from eventing.sensitive_data.decision import read_choice
from eventing.sensitive_data.ready_texts import publisher_text, topic_text
from eventing.sensitive_data.request import MACIE
from eventing.timestamps import timestamp
from functions.cases.case_store import Cases
from functions.cases.texts import closed_mail, failed_mail
from functions.shared.audit import Audit
from functions.shared.clock import Clock
from functions.shared.operations import OpsTopic

# Members that are what people said: Step Functions tells nobody who called.
_CLAIMS = ("started_by", "approver")
_DONE = {"suspend": "suspended", "throttle": "throttled", "quarantine": "quarantined"}


class Closing:
    """Ends rounds of cases. The methods raise what the SDK raises."""

    def __init__(self, *, cases: Cases, audit: Audit, ops: OpsTopic, clock: Clock) -> None:
        self._cases = cases
        self._audit = audit
        self._ops = ops
        self._clock = clock

    def close(self, task: Mapping[str, Any], examined: Mapping[str, Any]) -> Mapping[str, Any]:
        """Write down how a round ended, and tell whoever was asked; the same each time."""
        case, round = str(task["case"]), int(task["round"])
        answer, acted = task["answer"], task["acted"]
        measure = read_choice(answer["choice"]).measure if acted else None
        outcome, cause = _outcome(answer, acted, measure, task["quarantined"])
        content = {
            "case": case,
            "round": round,
            "outcome": outcome,
            "cause": cause or examined["why_not_asked"],
            "publisher": examined["publisher"],
            "severity": examined["severity"],
            "measure": measure,
            "failures": acted["failures"] if acted else [],
            "quarantined": bool(task["quarantined"]),
            "approver": answer["approver"] if answer else None,
            "approval_reason": answer["reason"] if answer else None,
            **_asked_by(task),
            "texts": _texts(examined, measure),
            "closed_at": timestamp(self._clock.now()),
        }
        closed = self._cases.close(case, round, content)
        self._write(task, closed)
        if answer and self._cases.once(case, round, "ended"):
            self._ops.tell(closed_mail(closed))
            self._cases.note(case, round, "ended")
        return closed

    def give_up(self, task: Mapping[str, Any]) -> None:
        """Tell operators of an execution that failed, and close its round where it has one.

        The message needs neither bucket nor table, and goes first.
        """
        case, round, why = task["case"], int(task["round"]), str(task["cause"])
        self._ops.tell(failed_mail(case, execution=str(task["execution"]), why=why))
        failed = {"outcome": "failed", "cause": why, **_asked_by(task)}
        if case and round:
            self._cases.close(str(case), round, self._failed(str(case), round, failed))
        self._write(task, {"case": case, **failed})

    def left(self, case: str, round: int) -> None:
        """Close a round whose execution has ended without that."""
        cause = "its execution ended before it was closed"
        content = {"outcome": "failed", "cause": cause, "started_by": MACIE, "reason": ""}
        self._cases.close(case, round, self._failed(case, round, content))

    def _failed(self, case: str, round: int, content: Mapping[str, Any]) -> dict[str, Any]:
        at = timestamp(self._clock.now())
        return {"case": case, "round": round, **content, "texts": {}, "closed_at": at}

    def _write(self, task: Mapping[str, Any], closed: Mapping[str, Any]) -> None:
        """Add to the audit, once for each execution: what was found is in the case."""
        kept = {name: value for name, value in closed.items() if name != "texts"}
        entry = {"action": "sensitive data", **kept, "claimed": _CLAIMS}
        self._audit.append(
            {**entry, "execution": task["execution_arn"]},
            now=datetime.fromisoformat(task["started_at"]),
            name=task["execution"],
        )


def _asked_by(task: Mapping[str, Any]) -> dict[str, str]:
    """Who asked, and why; of an input that could not be read, nobody knows."""
    request: Any = task["request"]
    asked: Mapping[str, Any] = request if isinstance(request, Mapping) else {}
    return {
        "started_by": plain(asked.get("started_by", MACIE)),
        "reason": plain(asked.get("reason", "")),
    }


def _outcome(
    answer: Mapping[str, Any] | None,
    acted: Mapping[str, Any] | None,
    measure: str | None,
    quarantined: bool | None,
) -> tuple[str, str | None]:
    """The outcome of a round and, where there is one, its cause."""
    if answer is None:
        return "notified", None
    if not answer["approved"]:
        return str(answer["outcome"]), answer["cause"]
    if acted is None or measure is None:
        raise LookupError("an approval of which nothing was done")
    if acted["outcome"] != "done":
        return "partial", acted["cause"] or f"{measure}: {acted['outcome']}"
    if not quarantined:
        return "partial", "the object is gone, and is not under quarantine"
    return _DONE[measure], None


def _texts(examined: Mapping[str, Any], measure: str | None) -> dict[str, Any]:
    """The ready texts; none where nobody knows for sure who is to get them."""
    if examined["publisher"] is None:
        return {}
    return {
        "publisher": publisher_text(examined, measure),
        "topics": {one["topic"]: topic_text(examined, one) for one in examined["topics"]},
    }
