"""What operators get to read of an execution: a JSON report, a short message, an audit row."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from eventing.dead_letter import Stage
from eventing.event import timestamp
from eventing.ledger import Row
from eventing.redrive_request import Filter, RedriveRequest
from functions.shared.ledger import Ledger
from functions.shared.operations import OperationsBucket, OpsTopic

# More groups than this are no diagnosis; the report's counts cover all of them.
_GROUPS = 20
_FAILED_LISTED = 1000
_MESSAGE_BYTES = 200 * 1024


@dataclass(frozen=True)
class Run:
    """An execution, as its report names it."""

    execution: str
    arn: str
    started_at: datetime
    request: RedriveRequest


class Reporter:
    """Writes reports."""

    def __init__(
        self, *, ledger: Ledger, bucket: OperationsBucket, ops: OpsTopic, deployment: str
    ) -> None:
        self._ledger = ledger
        self._bucket = bucket
        self._ops = ops
        self._deployment = deployment

    def report(
        self,
        run: Run,
        outcome: str,
        *,
        now: datetime,
        cause: str | None = None,
        summary: Mapping[str, Any] | None = None,
        results: Sequence[Mapping[str, Any]] = (),
        left: int = 0,
        approver: str | None = None,
    ) -> dict[str, Any]:
        """Write the report and the audit row, and return what the execution puts out."""
        content: dict[str, Any] = {
            "outcome": outcome,
            "execution": run.arn,
            "request": run.request.members(),
            "approver": approver,
            "cause": cause,
            "started_at": timestamp(run.started_at),
            "finished_at": timestamp(now),
            "seconds": round((now - run.started_at).total_seconds(), 1),
            "plan": summary,
            **_totals(results),
            "groups": self.groups(run.request.stages),
        }
        if left:
            content["not_taken_up"] = left
            content["continue_with"] = run.request.members()
        key = f"reports/{now:%Y-%m-%d}/{run.execution}.json"
        self._bucket.put(key, json.dumps(content, default=str))
        kept = ("outcome", "request", "approver", "cause", "counts")
        audited = {name: content[name] for name in kept}
        self._ledger.audit({**audited, "execution": run.arn, "report": key}, now=now)
        output = {k: v for k, v in content.items() if k not in ("failed_again", "groups")}
        return {
            **{k: v for k, v in output.items() if v not in (None, {}, [])},
            "groups": content["groups"][:5],
            "report": self._bucket.uri(key),
        }

    def groups(self, stages: Iterable[Stage]) -> list[dict[str, Any]]:
        """Open letters with the same root cause, largest group first."""
        by_fingerprint: dict[str, list[Row]] = {}
        for row in self._ledger.select(stages, ["open"], Filter()):
            by_fingerprint.setdefault(row.fingerprint, []).append(row)
        ordered = sorted(by_fingerprint.items(), key=lambda group: -len(group[1]))
        return [self._group(fingerprint, rows) for fingerprint, rows in ordered[:_GROUPS]]

    def _group(self, fingerprint: str, rows: Sequence[Row]) -> dict[str, Any]:
        first = rows[0]
        return {
            "fingerprint": fingerprint,
            "letters": len(rows),
            "stage": first.stage,
            "step": first.step,
            "cause": first.code,
            "message": self._ledger.message(first.key),
            "topics": _most(row.topic or "none" for row in rows),
            "publishers": _most(row.publisher for row in rows),
            "types": _most(row.type for row in rows),
            "failed_first": first.failed_at,
            "failed_last": rows[-1].failed_at,
            "example": first.key,
        }

    def tell_of_incident(self, run: Run, output: Mapping[str, Any]) -> list[Stage]:
        """Tell operators of groups that they have not been told of; the stages that had any.

        Told first, remembered after: a process that dies in between tells twice.
        """
        told: list[Stage] = []
        for stage in run.request.stages:
            groups = [group for group in self.groups([stage]) if group["stage"] == stage]
            known = self._ledger.reported(stage)
            new = [group for group in groups if group["fingerprint"] not in known]
            if not new:
                continue
            letters = sum(group["letters"] for group in groups)
            self._ops.tell(
                f"{self._deployment}: {letters} dead letters at {stage}",
                _incident(stage, letters, groups, output["report"]),
            )
            self._ledger.add_reported(stage, [group["fingerprint"] for group in new])
            told.append(stage)
        return told

    def tell_of_run(self, run: Run, output: Mapping[str, Any]) -> None:
        """A short, readable message on how a redrive or discard went."""
        counts = output.get("counts", {})
        lines = [
            f"{run.request.action} of {run.request.stage}: {output['outcome']}",
            f"asked by {run.request.started_by}: {run.request.reason or 'no reason given'}",
            *([f"approved by {output['approver']}"] if output.get("approver") else []),
            *([f"cause: {output['cause']}"] if output.get("cause") else []),
            "letters: " + (", ".join(f"{n} {fate}" for fate, n in counts.items()) or "none"),
            f"seconds: {output['seconds']}",
            f"report: {output['report']}",
        ]
        subject = f"{self._deployment}: {run.request.action} {output['outcome']}"
        self._ops.tell(subject, "\n".join(lines))

    def ask(
        self, run: Run, *, token: str, plan_hash: str, summary: Mapping[str, Any], uri: str
    ) -> None:
        """Ask operators to approve a plan, with the exact commands to do so and to refuse."""
        answers = {
            decision: json.dumps({"approved": approved, "approver": "YOUR NAME", "hash": plan_hash})
            for decision, approved in (("approve", True), ("refuse", False))
        }
        commands = "\n\n".join(
            f"To {decision}:\naws stepfunctions send-task-success --task-token '{token}' "
            f"--task-output '{output}'"
            for decision, output in answers.items()
        )
        self._ops.tell(
            f"{self._deployment}: approve {run.request.action} of {summary['letters']} letters?",
            f"{run.request.started_by} wants to {run.request.action} {summary['letters']} dead "
            f"letters of {run.request.stage}: {run.request.reason or 'no reason given'}\n\n"
            f"{json.dumps(summary, indent=2)}\n\nplan: {uri}\nhash: {plan_hash}\n\n{commands}\n\n"
            "Without an answer within a day it is refused.",
        )


def _totals(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The pages of a run, added up."""
    counts: Counter[str] = Counter()
    by_fingerprint: dict[str, Counter[str]] = {}
    failed: list[Any] = []
    for page in results:
        counts.update(page["fates"])
        failed += page["failed"]
        for fingerprint, fates in page["by_fingerprint"].items():
            by_fingerprint.setdefault(fingerprint, Counter()).update(fates)
    return {
        "counts": {fate: n for fate, n in counts.items() if n},
        "by_fingerprint": {f: dict(fates) for f, fates in by_fingerprint.items()},
        "failed_again": failed[:_FAILED_LISTED],
    }


def _most(values: Iterable[str]) -> dict[str, int]:
    return dict(Counter(values).most_common(10))


def _incident(stage: Stage, letters: int, groups: Sequence[Mapping[str, Any]], report: str) -> str:
    lines = [f"{letters} events wait as dead letters of {stage}, in {len(groups)} groups:", ""]
    for group in groups:
        topics = ", ".join(f"{t} {n}" for t, n in group["topics"].items())
        publishers = ", ".join(f"{p} {n}" for p, n in group["publishers"].items())
        lines += [
            f"{group['letters']} x {group['cause']} at {group['step']}: {group['message']}",
            f"  topics: {topics}; publishers: {publishers}",
            f"  from {group['failed_first']} to {group['failed_last']}",
            f"  fingerprint {group['fingerprint']}",
            "",
        ]
    lines += [f"report: {report}", "What to do: docs/runbook.md, from 'plan' on."]
    text = "\n".join(lines)
    return text.encode()[:_MESSAGE_BYTES].decode(errors="ignore")
