"""The summary of a region's incident: all that the dashboard tells of it, small whatever happens.

It has three parts for each stage, each written by itself and read together: the letters that wait, the last
plan, and the run under way. Texts are those that people are shown; nothing of an event's `data` is in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from typing import Any, Literal, Self, get_args

from eventing.dead_letter import STAGES, Stage
from eventing.foreign_text import plain
from eventing.redrive.groups import Group, Waiting, in_order, merged
from eventing.timestamps import timestamp

Part = Literal["letters", "plan", "run"]
PARTS: Sequence[Part] = get_args(Part)

# Of the groups of a stage, as JSON; together with all else far below what a table takes.
MAX_BYTES = 8 * 1024
MAX_GROUPS = 10
# Topics and publishers of a group, and characters of a name and of a resource.
_NAMES, _NAME, _RESOURCE = 3, 60, 120


class _Json:
    """A part as a JSON text, and from it."""

    def text(self) -> str:
        """As JSON; `read` reads it again."""
        return json.dumps(asdict(self), separators=(",", ":"))  # type: ignore[call-overload]

    @classmethod
    def read(cls, text: str) -> Self:
        """The part in a text; members of another version are left out. Raises ValueError or TypeError."""
        content = json.loads(text)
        known = {member.name for member in fields(cls)}  # type: ignore[arg-type]
        return cls(**{name: value for name, value in content.items() if name in known})


@dataclass(frozen=True)
class GroupSummary:
    """Letters of a stage with the same root cause."""

    fingerprint: str
    step: str
    cause: str
    """The code."""
    open: int
    parked: int
    topics: Mapping[str, int]
    """The most frequent ones, and how many letters each has."""
    publishers: Mapping[str, int]
    failed_first: str
    first_expires_at: int
    """When the first of them is gone for good, in seconds since 1970."""
    example: str
    """The id of a letter: one that is open, if there is any."""
    resource: str = ""
    """What was called; empty where that is not known."""


@dataclass(frozen=True)
class LettersSummary(_Json):
    """The letters of a stage that wait. The counts cover all of them, the groups the largest."""

    at: str
    open: int = 0
    parked: int = 0
    queued: int = 0
    """Messages in the stage's queue, which triage takes in."""
    groups: Sequence[GroupSummary] = ()
    more_groups: int = 0
    more_letters: int = 0
    """Letters that are in none of `groups`."""

    @classmethod
    def read(cls, text: str) -> Self:
        made = super().read(text)
        groups: Any = made.groups
        return replace(made, groups=tuple(GroupSummary(**group) for group in groups))


@dataclass(frozen=True)
class PlanSummary(_Json):
    """The forecast of the last plan."""

    at: str
    letters: int
    will_go_through: int
    seconds: float
    fingerprint: str | None = None
    """The root cause that was planned for; None for more than one."""
    will_fail: Mapping[str, int] = field(default_factory=dict)

    def covers(self, group: GroupSummary) -> bool:
        """True when the group's letters are among those that were planned for, as far as that is known."""
        return self.fingerprint in (None, group.fingerprint) and self.at > group.failed_first


@dataclass(frozen=True)
class RunSummary(_Json):
    """A redrive or a discard that is under way, and how far it is."""

    at: str
    execution: str
    action: str
    letters: int
    waits_for_approval: bool = False
    done: int = 0
    failed: int = 0
    rate: float = 0.0


@dataclass(frozen=True)
class StageSummary:
    """All of a stage; a part that was never written is None."""

    letters: LettersSummary | None = None
    plan: PlanSummary | None = None
    run: RunSummary | None = None


def summed_up(
    open: Waiting,
    parked: Waiting,
    *,
    at: datetime,
    queued: int,
    resources: Mapping[str, str],
) -> LettersSummary:
    """The letters of a stage as the summary has them; `resources` by fingerprint, as far as known.

    What is given is used up.
    """
    numbers = {fingerprint: group.letters for fingerprint, group in open.groups.items()}
    examples = {
        fingerprint: group.first.key
        for waiting in (parked, open)
        for fingerprint, group in waiting.groups.items()
    }
    ordered = in_order(merged([open.groups, parked.groups]).values())
    groups = [_group(one, numbers, examples, resources) for one in ordered[:MAX_GROUPS]]
    whole = LettersSummary(
        at=timestamp(at),
        open=open.letters,
        parked=parked.letters,
        queued=queued,
        groups=groups,
    )
    kept = len(groups)
    while True:
        told = sum(group.open + group.parked for group in groups[:kept])
        made = replace(
            whole,
            groups=groups[:kept],
            more_groups=len(ordered) - kept,
            more_letters=open.letters + parked.letters - told,
        )
        if len(made.text().encode()) <= MAX_BYTES or not kept:
            return made
        kept -= 1


def _group(
    group: Group,
    open: Mapping[str, int],
    examples: Mapping[str, str],
    resources: Mapping[str, str],
) -> GroupSummary:
    first = group.first
    number = open.get(first.fingerprint, 0)
    return GroupSummary(
        fingerprint=first.fingerprint,
        step=first.step,
        cause=first.code,
        open=number,
        parked=group.letters - number,
        topics=_short(group.topics.most(_NAMES)),
        publishers=_short(group.publishers.most(_NAMES)),
        failed_first=first.failed_at,
        first_expires_at=group.first_expires_at,
        example=examples[first.fingerprint],
        resource=plain(resources.get(first.fingerprint, ""), _RESOURCE),
    )


def _short(names: Mapping[str, int]) -> dict[str, int]:
    return {plain(name, _NAME): count for name, count in names.items()}


def plan_summed_up(
    summary: Mapping[str, Any], *, at: datetime, fingerprint: str | None
) -> PlanSummary:
    """A plan as the summary has it, from the plan's own `summary`."""
    return PlanSummary(
        at=timestamp(at),
        letters=summary["letters"],
        will_go_through=summary["will_go_through"],
        seconds=summary["seconds"],
        fingerprint=fingerprint,
        will_fail=summary["will_fail"],
    )


_KINDS: Mapping[Part, type[LettersSummary | PlanSummary | RunSummary]] = {
    "letters": LettersSummary,
    "plan": PlanSummary,
    "run": RunSummary,
}


def read_summary(parts: Mapping[tuple[Part, Stage], str]) -> Mapping[Stage, StageSummary]:
    """The summary in its parts' texts. One that cannot be read is left out, and will be written again."""
    found: dict[Stage, StageSummary] = {}
    for stage in STAGES:
        members: dict[str, Any] = {}
        for part, kind in _KINDS.items():
            try:
                members[part] = kind.read(parts[part, stage]) if (part, stage) in parts else None
            except (ValueError, TypeError, AttributeError):
                members[part] = None
        found[stage] = StageSummary(**members)
    return found
