"""A plan: which letters will be taken up, what will become of each, how long it takes and what it costs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from eventing.foreign_text import plain, quoted
from eventing.redrive.ledger import GOES_THROUGH, Row
from eventing.redrive.pace import seconds_for
from eventing.redrive.price import price
from eventing.redrive.request import RedriveRequest
from eventing.redrive.steps import NOTHING, needed
from eventing.redrive.withheld import Withheld
from eventing.timestamps import timestamp

# A difference is named in full up to so many letters.
_NAMED = 5
_NOTHING_WITHHELD = Withheld()


@dataclass(frozen=True)
class Prospect:
    """A selected letter and what will become of it: `ok`, or the code it will fail with again."""

    row: Row
    verdict: str
    topic: str | None
    stored_already: bool = False

    @property
    def rerouted(self) -> bool:
        """True when the event will go to another topic than the one recorded in its letter."""
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
    needs: Sequence[str]
    """The name of what each letter's step calls (`steps.needed`)."""
    withheld: Sequence[str] = ()
    """The publishers whose letters are left out because they were suspended when it was made."""
    groups: Sequence[Mapping[str, Any]] = ()
    """The largest groups of the letters, without messages: for whoever approves it, not hashed."""

    @property
    def hash(self) -> str:
        """Changes when a letter, its version, who is left out, the request, catalogue or code does."""
        content = [self.request, self.judged_by, sorted(self.letters), sorted(self.withheld)]
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return sha256(text.encode()).hexdigest()

    def text(self) -> str:
        """As JSON; `read_plan` reads it again."""
        members = {
            "hash": self.hash,
            "request": self.request,
            "judged_by": self.judged_by,
            "summary": self.summary,
            "groups": self.groups,
            "letters": self.letters,
            "needs": self.needs,
            "withheld": self.withheld,
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
        content["needs"],
        content["withheld"],
        content["groups"],
    )


def make_plan(
    request: RedriveRequest,
    judged_by: str,
    prospects: Sequence[Prospect],
    now: datetime,
    *,
    subscriptions: Mapping[str, int | str] | None = None,
    subscribers_needed: Sequence[str] = (),
    groups: Sequence[Mapping[str, Any]] = (),
    withheld: Withheld = _NOTHING_WITHHELD,
) -> Plan:
    """Freeze the prospects and sum them up for whoever has to decide.

    `subscriptions` has the confirmed ones of each topic that events go to, or the code for which they
    can't be seen; a redrive stops where one of `subscribers_needed` has none.
    """
    count = len(prospects)
    seconds = seconds_for(count, request)
    ends = now.timestamp() + seconds
    expires = min((p.row.expires_at for p in prospects), default=None)
    summary: dict[str, Any] = {
        "letters": count,
        "will_go_through": sum(p.verdict == GOES_THROUGH for p in prospects),
        "will_fail": dict(Counter(p.verdict for p in prospects if p.verdict != GOES_THROUGH)),
        "already_stored": sum(p.stored_already for p in prospects),
        "rerouted": _most(f"{p.row.topic or 'none'} -> {p.topic}" for p in prospects if p.rerouted),
        "topics": dict(Counter(p.topic for p in prospects if p.topic).most_common(100)),
        "subscriptions": dict(subscriptions or {}),
        "subscribers_needed": list(subscribers_needed),
        "by_step": dict(Counter(p.row.step for p in prospects)),
        "by_publisher": _most(p.row.publisher for p in prospects),
        "withheld": withheld.letters,
        "withheld_by_publisher": _most(withheld.publishers),
        "warnings": withheld.warnings(),
        "by_fingerprint": dict(Counter(p.row.fingerprint for p in prospects).most_common(20)),
        "seconds": round(seconds, 1),
        "dollars": price([p.row for p in prospects], request.rules, seconds=seconds),
        "expire_before_it_is_done": sum(p.row.expires_at <= ends for p in prospects),
        "first_expires_at": timestamp(datetime.fromtimestamp(expires, UTC)) if expires else None,
    }
    letters = [(p.row.key, p.row.version) for p in prospects]
    needs = [
        needed(p.row.step, p.topic)
        if request.rules.makes_steps and p.verdict == GOES_THROUGH
        else NOTHING
        for p in prospects
    ]
    left_out = sorted(withheld.publishers)
    return Plan(request.members(), judged_by, letters, summary, needs, left_out, groups)


def _most(names: Iterable[str] | Mapping[str, int]) -> dict[str, int]:
    """How often the most frequent names are there; they may be others', of any length and number."""
    return {plain(name, 100): count for name, count in Counter(names).most_common(20)}


def differences(
    plan: Plan,
    *,
    judged_by: str,
    letters: Sequence[tuple[str, int]],
    withheld: Iterable[str] = (),
) -> Iterator[str]:
    """Tell in words what has changed since the plan was made; nothing when it still holds.

    `withheld` are the publishers whose letters would be left out by now.
    """
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
    since = sorted(set(withheld) - set(plan.withheld))
    if changes["gone"] and since:
        yield f"suspended since: {', '.join(quoted(name) for name in since[:_NAMED])}"
