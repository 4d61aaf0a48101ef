"""A plan: which letters a redrive will take up, what will become of each, how long and what for."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from eventing.redrive.ledger import GOES_THROUGH, Row
from eventing.redrive.pace import seconds_for
from eventing.redrive.request import RedriveRequest
from eventing.timestamps import timestamp

# A difference is named in full up to so many letters.
_NAMED = 5


@dataclass(frozen=True)
class Prospect:
    """A selected letter and what will become of it: `ok`, or the code it will fail with again."""

    row: Row
    verdict: str
    topic: str | None
    stored_already: bool = False

    @property
    def rerouted(self) -> bool:
        """Whether the event will go to another topic than the one recorded in its letter."""
        return (
            self.verdict == GOES_THROUGH and self.topic is not None and self.topic != self.row.topic
        )


@dataclass(frozen=True)
class Plan:
    """A frozen choice of letters. The hash covers all that a redrive depends on."""

    request: Mapping[str, Any]
    judged_by: str
    letters: Sequence[tuple[str, int]]
    """Key and version of each letter, oldest failure first."""
    summary: Mapping[str, Any]

    @property
    def hash(self) -> str:
        """Changes when a letter, its version, the request, the catalogue or the code does."""
        content = [self.request, self.judged_by, sorted(self.letters)]
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return sha256(text.encode()).hexdigest()

    def text(self) -> str:
        """As JSON; `read_plan` reads it again."""
        members = {
            "hash": self.hash,
            "request": self.request,
            "judged_by": self.judged_by,
            "summary": self.summary,
            "letters": self.letters,
        }
        return json.dumps(members, separators=(",", ":"))


def read_plan(text: str | bytes) -> Plan:
    """The plan in an object that `Plan.text` wrote."""
    content = json.loads(text)
    return Plan(
        content["request"],
        content["judged_by"],
        [(key, version) for key, version in content["letters"]],
        content["summary"],
    )


def make_plan(
    request: RedriveRequest, judged_by: str, prospects: Sequence[Prospect], now: datetime
) -> Plan:
    """Freeze the prospects and sum them up for whoever has to decide."""
    count = len(prospects)
    seconds = seconds_for(count, request)
    ends = now.timestamp() + seconds
    expires = min((p.row.expires_at for p in prospects), default=None)
    summary: dict[str, Any] = {
        "letters": count,
        "will_go_through": sum(p.verdict == GOES_THROUGH for p in prospects),
        "will_fail": dict(Counter(p.verdict for p in prospects if p.verdict != GOES_THROUGH)),
        "already_stored": sum(p.stored_already for p in prospects),
        "rerouted": dict(
            Counter(f"{p.row.topic or 'none'} -> {p.topic}" for p in prospects if p.rerouted)
        ),
        "topics": dict(Counter(p.topic for p in prospects if p.topic).most_common(100)),
        "by_step": dict(Counter(p.row.step for p in prospects)),
        "by_publisher": dict(Counter(p.row.publisher for p in prospects).most_common(20)),
        "by_fingerprint": dict(Counter(p.row.fingerprint for p in prospects).most_common(20)),
        "seconds": round(seconds, 1),
        "dollars": cost(prospects, seconds=seconds, discards=request.action == "discard"),
        "expire_before_it_is_done": sum(p.row.expires_at <= ends for p in prospects),
        "first_expires_at": timestamp(datetime.fromtimestamp(expires, UTC)) if expires else None,
    }
    letters = [(p.row.key, p.row.version) for p in prospects]
    return Plan(request.members(), judged_by, letters, summary)


# List prices in us-east-1, in dollars.
PRICES: Mapping[str, float] = {
    "write": 0.625e-6,  # a DynamoDB write unit
    "read": 0.125e-6,  # a DynamoDB read unit
    "sns": 0.5e-6,  # a publish request, of each 64 KiB
    "s3": 5e-6,  # a PUT
    "transition": 25e-6,  # of a Standard state machine
    "lambda_second": 2.30341e-5,  # 1,769 MB on arm64, at 1.33334e-5 for 1 GB
}
_WRITE_BYTES, _READ_BYTES, _SNS_BYTES = 1024, 4096, 64 * 1024
_RECORD_BYTES = 1024  # of what the ledger holds beside the event
_CHANGES = 2  # of a letter that is redriven: claimed, then recorded
_INDEX_WRITES = 2  # a change of state moves a letter in the index: delete and put
_INDEX_READS = 2  # for the plan, and to see that it still holds
_SNS_ENTRIES = 10
_TRANSITIONS = 20  # of a run that needs one page
_PAGE_SECONDS = 50


def cost(prospects: Sequence[Prospect], *, seconds: float, discards: bool = False) -> float:
    """Dollars that taking up these letters costs, in the region itself and without its replicas.

    An archive letter counts as an object of its own, though those of an hour share one.
    """
    rows = [prospect.row for prospect in prospects]
    records = [row.size + _RECORD_BYTES for row in rows]
    changes = 1 if discards else _CHANGES
    writes = sum(changes * (_units(size, _WRITE_BYTES) + _INDEX_WRITES) for size in records)
    # Letters are read consistently; the index is not, at half the price.
    reads: float = sum(_units(size, _READ_BYTES) for size in records)
    reads += _INDEX_READS * _units(_RECORD_BYTES * len(rows), _READ_BYTES) / 2
    dollars = writes * PRICES["write"] + reads * PRICES["read"]
    dollars += seconds * PRICES["lambda_second"]
    dollars += (_TRANSITIONS + 2 * seconds / _PAGE_SECONDS) * PRICES["transition"]
    return round(dollars + (0.0 if discards else _cost_of_sending(rows)), 4)


def _cost_of_sending(rows: Sequence[Row]) -> float:
    stores = sum(_units(row.size, _WRITE_BYTES) for row in rows if row.step == "store")
    objects = sum(row.step == "archive" for row in rows)
    published = [row.size for row in rows if row.stage == "publish"]
    requests = max(_units(len(published), _SNS_ENTRIES), _units(sum(published), _SNS_BYTES))
    return stores * PRICES["write"] + objects * PRICES["s3"] + requests * PRICES["sns"]


def _units(amount: int, unit: int) -> int:
    return -(-amount // unit)


def differences(plan: Plan, *, judged_by: str, letters: Sequence[tuple[str, int]]) -> Iterator[str]:
    """What has changed since the plan was made, in words; nothing when it still holds."""
    if plan.judged_by != judged_by:
        yield f"the catalogue or the code changed (from {plan.judged_by} to {judged_by})"
    then, now = dict(plan.letters), dict(letters)
    changes = {
        "added": sorted(now.keys() - then.keys()),
        "gone": sorted(then.keys() - now.keys()),
        "changed": sorted(k for k in then.keys() & now.keys() if then[k] != now[k]),
    }
    for what, keys in changes.items():
        if keys:
            more = f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else ""
            verbs = ("is", "are") if what == "gone" else ("was", "were")
            subject = f"letter {verbs[0]}" if len(keys) == 1 else f"letters {verbs[1]}"
            yield f"{len(keys)} {subject} {what}: {', '.join(keys[:_NAMED])}{more}"
