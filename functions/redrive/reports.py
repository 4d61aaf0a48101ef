"""Reports of executions: the facts, as JSON in the operations bucket, with a row of the audit."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from eventing.dead_letter import STAGES, Stage
from eventing.foreign_text import plain
from eventing.redrive.groups import GROUPS
from eventing.timestamps import timestamp
from functions.contract import Objects
from functions.redrive.root_causes import RootCauses
from functions.redrive.run import Run, triage_prefix
from functions.redrive.tally import left_out_of
from functions.shared.audit import Audit
from functions.shared.operations import OperationsBucket

_FAILED_LISTED = 1000
# The members of a report, and of its request, that are what people said: Step Functions tells nobody who
# called. AWS CloudTrail has the proof.
_CLAIMS = ("started_by", "approver")
# Of each group in an execution's output: names of each kind, characters of a name and of the message.
_NAMES, _NAME, _MESSAGE = 5, 60, 200


class Reports:
    """Writes reports."""

    def __init__(self, *, root_causes: RootCauses, audit: Audit, bucket: OperationsBucket) -> None:
        self._root_causes = root_causes
        self._audit = audit
        self._bucket = bucket

    def write(
        self,
        run: Run,
        outcome: str,
        *,
        now: datetime,
        cause: str | None = None,
        summary: Mapping[str, Any] | None = None,
        results: Sequence[Mapping[str, Any]] = (),
        left: int = 0,
        left_ids: Sequence[str] = (),
        approval: Mapping[str, str | None],
        junk: Mapping[str, int] | None = None,
    ) -> dict[str, Any]:
        """Write the report and the audit row, and return what the execution puts out.

        `approval` has `approver` and `approval_reason`. `left` letters were not taken up; `left_ids` are
        these where the request names letters.
        """
        open_letters = self._root_causes.find(run.request.stages, ["open"])
        content: dict[str, Any] = {
            "outcome": outcome,
            "execution": run.arn,
            "request": run.request.members(),
            **approval,
            "claimed": [*_CLAIMS],
            "cause": cause,
            "started_at": timestamp(run.started_at),
            "finished_at": timestamp(now),
            "seconds": round((now - run.started_at).total_seconds(), 1),
            "triage": self._triaged(run),
            "plan": summary,
            "junk": junk,
            **_totals(results),
            "left_out": [asdict(some) for some in left_out_of(results).values()],
            "groups": self._root_causes.describe(open_letters),
            "parked": self._root_causes.parked(STAGES),
        }
        if left:
            content["not_taken_up"] = left
            content["continue_with"] = _rest(run, left, left_ids)
        key = self._bucket.add(
            f"{Objects.REPORTS}{now:%Y-%m-%d}/{run.execution}.json",
            json.dumps(content, default=str),
        )
        kept = (
            *("outcome", "request", "approver", "approval_reason", "claimed"),
            *("cause", "counts", "junk"),
        )
        audited = {name: content[name] for name in kept}
        self._audit.append({**audited, "execution": run.arn, "report": key}, now=now)
        output = {k: v for k, v in content.items() if k != "failed_again"}
        # An execution puts out 256 KiB at most; the report has all.
        by_fingerprint = list(content["by_fingerprint"].items())[:GROUPS]
        groups = [_outline(group) for group in content["groups"][:5]]
        output |= {"by_fingerprint": dict(by_fingerprint), "groups": groups}
        return {
            **{k: v for k, v in output.items() if v not in (None, {}, [])},
            "report": self._bucket.uri(key),
        }

    def _triaged(self, run: Run) -> dict[Stage, dict[str, Any]]:
        """The counts of this execution's triage by stage, its pages added up."""
        total: dict[Stage, dict[str, Any]] = {}
        for key in self._bucket.keys(triage_prefix(run.execution)):
            page: Mapping[Stage, Mapping[str, Any]] = json.loads(self._bucket.get(key))
            for stage, counts in page.items():
                _add(total.setdefault(stage, {}), counts)
        return total


def _outline(group: Mapping[str, Any]) -> dict[str, Any]:
    """A group as an execution puts it out: the most frequent names alone, and no more of its texts."""
    names = {
        kind: {plain(name, _NAME): n for name, n in [*group[kind].items()][:_NAMES]}
        for kind in ("topics", "publishers", "types")
    }
    return {**group, **names, "message": plain(group["message"], _MESSAGE)}


def _add(total: dict[str, Any], counts: Mapping[str, Any]) -> None:
    for name, value in counts.items():
        if isinstance(value, Mapping):
            _add(total.setdefault(name, {}), value)
        else:
            total[name] = total[name] + value if isinstance(value, int) and name in total else value


def _rest(run: Run, left: int, left_ids: Sequence[str]) -> dict[str, Any]:
    """The input of a run that takes up what this one has not come to, and nothing else."""
    request = run.request
    # What failed again since, or for the first time, failed later.
    started_at = timestamp(run.started_at)
    before = min(started_at, request.filter.failed_before or started_at)
    rest = (
        replace(request.filter, letter_ids=tuple(left_ids))
        if left_ids
        else replace(request.filter, failed_before=before)
    )
    narrower = replace(request, filter=rest, everything=False)
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
