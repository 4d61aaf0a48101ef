"""The tasks of the state machine in `workflows/erasure.asl.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from eventing.erasure.action import ACTION
from eventing.erasure.request import ErasureRequest, read_request
from eventing.erasure.unreachable import STREAM, unreachable
from eventing.event import sha256_text
from eventing.redrive.approval import ANSWERED_WITHIN, read_approval
from eventing.timestamps import read_moment, timestamp
from functions.contract import Metric, Objects
from functions.eraser.erasing import Erasing
from functions.eraser.surveyor import Surveyor
from functions.eraser.texts import erased_mail, question_mail
from functions.shared.audit import Audit
from functions.shared.clock import Clock, Deadline
from functions.shared.metrics import Metrics
from functions.shared.operations import OperationsBucket, OpsTopic, run_key

# A page begins nothing after that, and leaves as much to what it has begun.
PAGE_SECONDS = 50.0
_LEAST_LEFT = 30.0
BECAUSE = "An erasure can't be undone."
_CLAIMS = ("started_by", "approver")
_NOT_ERASED = {"counts": {"letters": 0}, "failures": [], "more_failures": 0}


class Tasks:
    """One method for each task; each takes the task's payload and returns its result."""

    def __init__(
        self,
        *,
        surveyor: Surveyor,
        erasing: Erasing,
        audit: Audit,
        bucket: OperationsBucket,
        ops: OpsTopic,
        metrics: Metrics,
        other_regions: Sequence[str],
        backup_days: int,
        clock: Clock,
    ) -> None:
        self._surveyor = surveyor
        self._erasing = erasing
        self._audit = audit
        self._bucket = bucket
        self._ops = ops
        self._metrics = metrics
        self._other_regions = other_regions
        self._backup_days = backup_days
        self._clock = clock

    def begin(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """The request as it is kept, and the first position of the survey; raises `InvalidInput`."""
        request = read_request(task.get("input"))
        return {"request": request.members(), "survey": self._surveyor.first(request)}

    def survey(self, task: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        """Count what there is to read for one page. At the end there is a plan: its `hash` and `summary`."""
        request = read_request(task["request"])
        position = self._surveyor.page(request, task["survey"], ends=self._ends(deadline))
        if position["left"]:
            return {"survey": position, "plan": None}
        found = position["found"]
        summary = {
            **self._surveyor.summary(found),
            "unreachable": self._unreachable(found["topics"]),
        }
        plan = {"hash": _hash(request, found), "summary": summary}
        return {"survey": position, "plan": plan}

    def ask(self, task: Mapping[str, Any]) -> None:
        """Ask for an approval: the token goes where approvers alone may read, and the mail goes to all.

        Done again, with another token, it asks again; the latest one counts.
        """
        request, plan, now = read_request(task["request"]), task["plan"], self._clock.now()
        ends_at = timestamp(now + ANSWERED_WITHIN)
        content = {
            "token": task["token"],
            "execution": task["execution"],
            "execution_arn": task["execution_arn"],
            "hash": plan["hash"],
            "because": BECAUSE,
            "asked_at": timestamp(now),
            "ends_at": ends_at,
            "request": request.members(),
            "summary": plan["summary"],
            "groups": [],
        }
        key = f"{Objects.APPROVALS}{task['execution']}/{timestamp(now)}.json"
        self._bucket.put(key, json.dumps(content))
        self._ops.tell(
            question_mail(
                request, execution=task["execution"], summary=plan["summary"], ends_at=ends_at
            )
        )

    def answer(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """The answer that was given: the members of an `Approval`."""
        started_by = read_request(task["request"]).started_by
        approval = read_approval(
            task["answer"], plan_hash=task["plan"]["hash"], started_by=started_by
        )
        return asdict(approval)

    def erase(self, task: Mapping[str, Any], deadline: Deadline) -> dict[str, Any]:
        """Erase for one page, from `position` on: the next one, with nothing `left` at the end."""
        return self._erasing.page(
            read_request(task["request"]),
            task["position"] or self._erasing.first(),
            since=task["plan"]["summary"]["since"],
            ends=self._ends(deadline),
        )

    def report(self, task: Mapping[str, Any]) -> dict[str, Any]:
        """Write down how it ended, and tell: the execution's output. Safe to do again."""
        request, summary = read_request(task["request"]), (task["plan"] or {}).get("summary", {})
        approval, position = task["approval"] or {}, task["position"]
        erased = {name: (position or _NOT_ERASED)[name] for name in _NOT_ERASED}
        outcome = task["outcome"] or approval.get("outcome") or "done"
        if outcome == "done" and erased["failures"]:
            outcome = "partial"
        now = self._clock.now()
        content = {
            "outcome": outcome,
            "execution": task["execution_arn"],
            "request": request.members(),
            "approver": approval.get("approver"),
            "approval_reason": approval.get("reason"),
            "claimed": [*_CLAIMS],
            "cause": task["cause"] or approval.get("cause"),
            "started_at": timestamp(read_moment(task["started_at"])),
            "finished_at": timestamp(now),
            "plan": {k: v for k, v in summary.items() if k != "unreachable"},
            **erased,
            "unreachable": self._unreachable(summary.get("topics")),
            "erase_again_after": _again(summary.get("since"), now) if position else None,
        }
        key = self._bucket.add(
            f"{Objects.REPORTS}{now:%Y-%m-%d}/{task['execution']}.json", json.dumps(content)
        )
        self._put_on_record(task, request, content, key)
        if position:
            self._ops.tell(erased_mail(request, content, uri=self._bucket.uri(key)))
        concluded = json.dumps({"report": self._bucket.uri(key)})
        self._bucket.put(run_key(task["execution"], Objects.CONCLUDED), concluded)
        return {**content, "report": self._bucket.uri(key)}

    def ended(self, task: Mapping[str, Any]) -> None:
        """Note that an execution came to another end than its report: it was stopped, or failed."""
        self._metrics.write({Metric.ERASURES_UNFINISHED: 1})
        self._audit.append(
            {
                "action": ACTION,
                "execution": task["execution_arn"],
                "outcome": str(task["status"]).lower(),
            },
            now=datetime.fromtimestamp(task["started_at"] / 1000, UTC),
            name=f"{task['execution']}-ended",
        )

    def _put_on_record(
        self,
        task: Mapping[str, Any],
        request: ErasureRequest,
        content: Mapping[str, Any],
        key: str,
    ) -> None:
        if content["outcome"] in ("partial", "failed"):
            self._metrics.write({Metric.ERASURES_UNFINISHED: 1})
        kept = ("outcome", "request", "approver", "approval_reason", "claimed", "cause", "counts")
        self._audit.append(
            {
                "action": ACTION,
                "key": request.key,
                "started_by": request.started_by,
                "reason": request.reason,
                **{name: content[name] for name in kept},
                "execution": task["execution"],
                "report": self._bucket.uri(key),
            },
            now=read_moment(task["started_at"]),
            name=task["execution"],
        )

    def _unreachable(self, topics: Sequence[str] | None) -> list[dict[str, str | None]]:
        return unreachable(
            now=self._clock.now(),
            topics=topics,
            other_regions=self._other_regions,
            backup_days=self._backup_days,
        )

    def _ends(self, deadline: Deadline) -> float:
        return min(self._clock.monotonic() + PAGE_SECONDS, deadline.less(_LEAST_LEFT))


def _hash(request: ErasureRequest, found: Mapping[str, Any]) -> str:
    """The same for the same question about the same event, whatever was counted meanwhile."""
    content = [request.members(), found["row"], found["since"], found["letters"]]
    return sha256_text(json.dumps(content, sort_keys=True).encode())


def _again(since: str | None, now: datetime) -> str | None:
    """When it has to be erased once more: it was accepted so lately that it may be in the stream still."""
    if since is None:
        return None
    over = read_moment(since) + STREAM + timedelta(hours=1)
    return timestamp(over) if over > now else None
