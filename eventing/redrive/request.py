"""The request that operators make of the redrive state machine, checked before anything is touched."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from eventing.cause import Code
from eventing.dead_letter import STAGES, Stage
from eventing.input import MAX_NAME, MAX_REASON, Check, InvalidInput, read_fields
from eventing.members import Unfit, flag, moment, object_of, one_of, text, whole
from eventing.redrive.actions import ACTIONS, Action, ActionRules
from eventing.redrive.filter import Filter
from eventing.redrive.junk import JunkKind
from eventing.redrive.statement import says_something, statement

MAX_LETTER_IDS = 500
MAX_RATE = 10_000
MAX_JUNK_IDS = 100
MAX_APPROVAL_ABOVE = 10_000_000
# As SQS gives them to messages.
_JUNK_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
# As `DeadLetter.key` makes them: a SHA-256 in base64url.
_LETTER_ID = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True)
class RedriveRequest:
    """A checked request, every default filled in."""

    stage: Stage | Literal["all"] = "all"
    action: Action = "triage"
    filter: Filter = field(default_factory=Filter)
    everything: bool = False
    limit: int | None = None
    rate_per_second: int = 200
    canary: int = 10
    abort_failure_percent: int = 20
    max_episodes: int = 3
    approval_above: int | None = None
    """More letters need an approval, where that is less than the deployment's ceiling."""
    without_subscribers: bool = False
    """Events are published even to topics that expect subscribers and have none."""
    junk_ids: tuple[str, ...] | None = None
    junk_kind: JunkKind | None = None
    reason: str = ""
    started_by: str = "unknown"

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages that are meant."""
        return STAGES if self.stage == "all" else (self.stage,)

    @property
    def rules(self) -> ActionRules:
        """The rules of its action."""
        return ACTIONS[self.action]

    @property
    def withholds(self) -> bool:
        """Letters of suspended publishers are left out: nobody has named these publishers or letters."""
        named = self.filter.publisher is not None or self.filter.letter_ids is not None
        return self.rules.makes_steps and not named

    def members(self) -> dict[str, Any]:
        """As JSON; `read_request` reads it again."""
        content = asdict(self)
        content["filter"] = {k: v for k, v in content["filter"].items() if v is not None} or None
        return {name: value for name, value in content.items() if value is not None}


def read_request(content: Any) -> RedriveRequest:
    """The request in an execution's input; `{}` triages both stages.

    Raises `InvalidInput` for a field that is unknown, null, of the wrong kind or out of its bounds. A
    filter that is given but empty is one of these: it would mean "everything" by accident.
    """
    if not isinstance(content, Mapping):
        raise InvalidInput("the input must be a JSON object")
    faults, values = read_fields(content, _CHECKS)
    if isinstance(given := values.get("filter"), Mapping):
        found, chosen = read_fields(given, _FILTER_CHECKS, prefix="filter.")
        faults += found
        values["filter"] = Filter(**chosen)
    if not faults:
        action: Action = values.setdefault("action", "triage")
        faults = list(_lacking(action, values))
    if faults:
        raise InvalidInput("; ".join(faults))
    return RedriveRequest(**values)


def _lacking(action: Action, values: Mapping[str, Any]) -> Iterator[str]:
    """Tell in words what the action needs beside, of an input whose fields are all right."""
    rules = ACTIONS[action]
    if rules.decides:
        for name, what in (("reason", "why"), ("started_by", "who asks")):
            if not says_something(values.get(name, "")):
                yield f"{name}: must say {what}, in words of your own, to {action}"
    junk = [name for name in ("junk_ids", "junk_kind") if name in values]
    if rules.takes_junk and len(junk) != 1:
        yield f"junk_ids: either these or junk_kind are required to {action}"
    if not rules.takes_junk and junk:
        yield f"{junk[0]}: is for the action resubmit"
    everything, chosen = values.get("everything", False), "filter" in values
    if everything and chosen:
        yield "everything: contradicts the filter"
    if rules.needs_choice and not everything and not chosen:
        yield f'filter: is required to {action}, or "everything": true'


def _number(least: int, most: int) -> Check:
    check = whole(least, most)

    def number(value: Any) -> int:
        # JSONata hands whole numbers on as floats.
        return check(int(value) if isinstance(value, float) and value.is_integer() else value)

    return number


def _switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Unfit("must be true or false")
    return value


def _filter(value: Any) -> dict[str, Any]:
    if object_of()(value) == {}:
        raise Unfit("is empty; leave it out to mean all letters")
    return dict(value)


def _ids(pattern: re.Pattern[str], what: str, *, most: int) -> Check:
    def is_id(value: Any) -> bool:
        return isinstance(value, str) and pattern.fullmatch(value) is not None

    def check(value: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or not all(map(is_id, value)):
            raise Unfit(f"must be a list of {what}")
        if not 1 <= len(value) <= most:
            raise Unfit(f"must have 1 to {most} ids")
        return tuple(dict.fromkeys(value))

    return check


def _junk_kind(value: Any) -> JunkKind:
    return JunkKind(one_of(tuple(JunkKind))(value))


_CHECKS: Mapping[str, Check] = {
    "stage": one_of((*STAGES, "all")),
    "action": one_of(tuple(ACTIONS)),
    "filter": _filter,
    "everything": _switch,
    "limit": _number(1, 10_000_000),
    "rate_per_second": _number(1, MAX_RATE),
    "canary": _number(0, 1000),
    "abort_failure_percent": _number(0, 100),
    "max_episodes": _number(1, 1000),
    "approval_above": _number(0, MAX_APPROVAL_ABOVE),
    "without_subscribers": flag,
    "junk_ids": _ids(_JUNK_ID, "ids of junk", most=MAX_JUNK_IDS),
    "junk_kind": _junk_kind,
    "reason": statement(MAX_REASON, least=0),
    "started_by": statement(MAX_NAME, least=1),
}
_FILTER_CHECKS: Mapping[str, Check] = {
    "publisher": text,
    "type": text,
    "topic": text,
    "cause": one_of(tuple(Code)),
    "fingerprint": text,
    "failed_before": moment,
    "failed_after": moment,
    "letter_ids": _ids(_LETTER_ID, "ids, each of 43 characters", most=MAX_LETTER_IDS),
}
