"""What operators get to read of an execution: a JSON report, a short message, an audit row."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from eventing.dead_letter import Stage
from eventing.redrive.ledger import Outline, State
from eventing.redrive.request import Filter, RedriveRequest
from eventing.timestamps import timestamp
from functions.contract import Objects, Rows
from functions.shared.clock import Clock
from functions.shared.ledger import Ledger
from functions.shared.locks import Held, Lease, Locks
from functions.shared.operations import OperationsBucket, OpsTopic

# More groups than this are no diagnosis; the report's counts cover all of them.
_GROUPS = 20
_FAILED_LISTED = 1000
_MESSAGE_BYTES = 200 * 1024
# To wait for another execution that is telling, and to hold others up.
_TURN_SECONDS = 20


@dataclass(frozen=True)
class Run:
    """An execution, as its report names it."""

    execution: str
    arn: str
    started_at: datetime
    request: RedriveRequest


@dataclass
class _Group:
    """Letters with the same root cause: what is told of them, not the letters themselves."""

    first: Outline
    last: Outline
    kinds: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """How many there are of each topic, publisher and type."""

    @property
    def letters(self) -> int:
        return self.kinds.total()


class Reporter:
    """Writes reports."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        locks: Locks,
        bucket: OperationsBucket,
        ops: OpsTopic,
        deployment: str,
        runbook: str,
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._locks = locks
        self._bucket = bucket
        self._ops = ops
        self._deployment = deployment
        self._runbook = runbook
        self._clock = clock

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
            "triage": self._triaged(run.execution),
            "plan": summary,
            **_totals(results),
            "groups": self._told(self._groups(run.request.stages, ["open"])),
        }
        if left:
            content["not_taken_up"] = left
            content["continue_with"] = _rest(run, left)
        key = self._bucket.add(
            f"{Objects.REPORTS}{now:%Y-%m-%d}/{run.execution}.json",
            json.dumps(content, default=str),
        )
        kept = ("outcome", "request", "approver", "cause", "counts")
        audited = {name: content[name] for name in kept}
        self._ledger.audit({**audited, "execution": run.arn, "report": key}, now=now)
        output = {k: v for k, v in content.items() if k != "failed_again"}
        # An execution puts out 256 KiB at most; the report has all.
        by_fingerprint = list(content["by_fingerprint"].items())[:_GROUPS]
        output |= {"by_fingerprint": dict(by_fingerprint), "groups": content["groups"][:5]}
        return {
            **{k: v for k, v in output.items() if v not in (None, {}, [])},
            "report": self._bucket.uri(key),
        }

    def tell_of_incident(self, run: Run, output: Mapping[str, Any]) -> list[Stage]:
        """Tell operators of root causes that they have not been told of; the stages that had any.

        Told first, remembered after: a process that dies in between tells twice. Executions take
        turns, so that two that find the same cause tell once.
        """
        told: list[Stage] = []
        for stage in run.request.stages:
            with self._turn(stage, run.execution):
                if self._tell_of_stage(stage, output):
                    told.append(stage)
        return told

    def _tell_of_stage(self, stage: Stage, output: Mapping[str, Any]) -> bool:
        by_fingerprint = self._groups([stage], ["open", "redriving"])
        triaged = output.get("triage", {}).get(stage, {})
        unkept = {f"left:{code}" for code in triaged.get("causes", ())}
        known, present = self._ledger.reported(stage), by_fingerprint.keys() | unkept
        if gone := known - present:
            self._ledger.forget_reported(stage, gone)
        new, junk = present - known, triaged.get("junk", 0)
        if not new and not junk:
            return False
        letters = sum(group.letters for group in by_fingerprint.values())
        lines = _strange(triaged, self._bucket.uri(f"{Objects.JUNK}{stage}/"))
        if letters:
            groups = self._told(by_fingerprint)
            lines = [*_incident(stage, letters, len(by_fingerprint), groups), *lines]
        lines += [f"report: {output['report']}", f"What to do: {self._runbook}#plan"]
        text = "\n".join(lines).encode()[:_MESSAGE_BYTES].decode(errors="ignore")
        self._ops.tell(f"{self._deployment}: {letters} dead letters at {stage}", text)
        if new:
            self._ledger.add_reported(stage, new)
        return True

    @contextmanager
    def _turn(self, stage: Stage, execution: str) -> Iterator[None]:
        lease: Lease | None = None
        for _ in range(_TURN_SECONDS):
            try:
                lease = self._locks.acquire(
                    f"{Rows.TELL_LOCK}{stage}",
                    execution,
                    seconds=_TURN_SECONDS,
                    now=self._clock.now(),
                )
                break
            except Held:
                self._clock.sleep(1)
        # Without a turn it is told all the same: twice is better than never.
        try:
            yield
        finally:
            if lease:
                self._locks.release(lease)

    def _groups(self, stages: Iterable[Stage], states: Iterable[State]) -> dict[str, _Group]:
        """The letters that are in these states, by fingerprint."""
        groups: dict[str, _Group] = {}
        for part in self._ledger.fold(stages, states, Filter(), Outline, _grouped):
            for fingerprint, group in part.items():
                there = groups.setdefault(fingerprint, group)
                if there is not group:
                    there.first = min(there.first, group.first, key=_order)
                    there.last = max(there.last, group.last, key=_order)
                    there.kinds += group.kinds
        return groups

    def _told(self, groups: Mapping[str, _Group]) -> list[dict[str, Any]]:
        """What is told of the largest groups."""
        ordered = sorted(groups.values(), key=lambda group: (-group.letters, _order(group.first)))
        return [self._group(group) for group in ordered[:_GROUPS]]

    def _group(self, group: _Group) -> dict[str, Any]:
        first = group.first
        return {
            "fingerprint": first.fingerprint,
            "letters": group.letters,
            "stage": first.stage,
            "step": first.step,
            "cause": first.code,
            "message": self._ledger.message(first.key),
            "topics": _most(group, 0),
            "publishers": _most(group, 1),
            "types": _most(group, 2),
            "failed_first": first.failed_at,
            "failed_last": group.last.failed_at,
            "example": first.key,
        }

    def _triaged(self, execution: str) -> dict[Stage, dict[str, Any]]:
        """What the triage of this execution did, by stage: its pages, added up."""
        total: dict[Stage, dict[str, Any]] = {}
        for key in self._bucket.keys(f"{Objects.RUNS}{execution}/triage-"):
            page: Mapping[Stage, Mapping[str, Any]] = json.loads(self._bucket.get(key))
            for stage, counts in page.items():
                _add(total.setdefault(stage, {}), counts)
        return total

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


def _add(total: dict[str, Any], counts: Mapping[str, Any]) -> None:
    for name, value in counts.items():
        if isinstance(value, Mapping):
            _add(total.setdefault(name, {}), value)
        else:
            total[name] = total[name] + value if isinstance(value, int) and name in total else value


def _rest(run: Run, left: int) -> dict[str, Any]:
    """The input of a run that takes up what this one has not come to, and nothing else."""
    request = run.request
    # What failed again since, or for the first time, failed later.
    started_at = timestamp(run.started_at)
    before = min(started_at, request.filter.failed_before or started_at)
    narrower = replace(request, filter=replace(request.filter, failed_before=before))
    return replace(narrower, limit=left if request.limit else None).members()


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


def _grouped(letters: Iterable[Outline]) -> dict[str, _Group]:
    """By fingerprint; the letters come oldest failure first."""
    groups: dict[str, _Group] = {}
    for letter in letters:
        group = groups.setdefault(letter.fingerprint, _Group(letter, letter))
        group.last = letter
        group.kinds[letter.topic or "none", letter.publisher, letter.type] += 1
    return groups


def _order(letter: Outline) -> tuple[str, str]:
    return letter.failed_at, letter.key


def _most(group: _Group, member: int) -> dict[str, int]:
    """The most frequent topics, publishers or types of a group."""
    counts = Counter[str]()
    for kind, count in group.kinds.items():
        counts[kind[member]] += count
    return dict(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))[:10])


def _incident(
    stage: Stage, letters: int, count: int, groups: Sequence[Mapping[str, Any]]
) -> list[str]:
    lines = [f"{letters} events wait as dead letters of {stage}, with {count} root causes:", ""]
    for group in groups:
        topics = ", ".join(f"{t} {n}" for t, n in group["topics"].items())
        publishers = ", ".join(f"{p} {n}" for p, n in group["publishers"].items())
        types = ", ".join(f"{t} {n}" for t, n in group["types"].items())
        lines += [
            f"{group['letters']} x {group['cause']} at {group['step']}: {group['message']}",
            f"  topics: {topics}; publishers: {publishers}",
            f"  types: {types}",
            f"  from {group['failed_first']} to {group['failed_last']}",
            f"  fingerprint {group['fingerprint']}",
            "",
        ]
    return lines


def _strange(triaged: Mapping[str, Any], junk: str) -> list[str]:
    """What was in the queue but is not in the ledger."""
    lines: list[str] = []
    if triaged.get("junk"):
        reasons = "; ".join(f"{n} x {reason}" for reason, n in triaged["junk_reasons"].items())
        lines += [f"{triaged['junk']} messages are no dead letters: {reasons}", f"  kept: {junk}"]
    if triaged.get("left"):
        causes = ", ".join(f"{code} {n}" for code, n in triaged["causes"].items())
        lines += [f"{triaged['left']} receipts of letters could not be recorded: {causes}"]
    return lines
