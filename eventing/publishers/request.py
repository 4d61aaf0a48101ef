"""The request that operators make of the state machine of publishers, checked before anything is touched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any, Literal, cast, get_args

from eventing import canary
from eventing.catalogue import Period, Quota
from eventing.input import MAX_NAME, Check, InvalidInput, read_fields
from eventing.limits import MAX_BATCH, MAX_BODY_BYTES
from eventing.members import Unfit, flag, moment, nullable, object_of, one_of, positive, text, whole
from eventing.publishers.keys import NAME_RULE, is_name
from eventing.redrive.statement import says_something, statement
from eventing.type_patterns import is_pattern

Action = Literal[
    "register",
    "update",
    "rotate",
    "retire-key",
    "suspend",
    "resume",
    "throttle",
    "restore",
    "revoke",
    "show",
    "list",
]

MAX_REASON = 512
MAX_CONTACT = 256
MAX_TYPES = 50
MAX_TYPE = 255
PAGE = 100
"""Publishers that `list` tells of at once."""


@dataclass(frozen=True)
class ActionRules:
    """The rules of an action: the fields that it needs and may have beside those of all, and what it does."""

    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    changes: bool = True
    """It changes a publisher, and needs to know who asks."""
    explained: bool = False
    """It does something to a publisher, and needs to say why."""


ACTIONS: Mapping[Action, ActionRules] = {
    "register": ActionRules(("contact",), ("usage_plan", "limits", "types")),
    # With nothing to change, what is there is made as it should be: in a region that is new, say.
    "update": ActionRules((), ("contact", "usage_plan", "limits", "types")),
    "rotate": ActionRules((), ("retire_at",)),
    "retire-key": ActionRules((), ("key",)),
    "suspend": ActionRules(explained=True),
    "resume": ActionRules(explained=True),
    "throttle": ActionRules(("limits",), explained=True),
    "restore": ActionRules(),
    "revoke": ActionRules(explained=True),
    "show": ActionRules(changes=False),
    "list": ActionRules((), ("after",), changes=False),
}
_OF_ALL = ("action", "reason", "started_by", "elsewhere")


@dataclass(frozen=True, kw_only=True)
class PublisherRequest:
    """A checked request; what is None was not given."""

    action: Action
    name: str = ""
    contact: str | None = None
    usage_plan: str | None = None
    limits: Mapping[str, Any] | None = None
    """Members of a `UsagePlan`; with a rate there is a burst."""
    types: tuple[str, ...] | None = None
    """Patterns of event types; `*` for all."""
    key: int | None = None
    retire_at: str | None = None
    after: str | None = None
    """The publisher after which `list` goes on."""
    elsewhere: bool = False
    """It is to run in a region that is not the primary one, where locks don't hold against that."""
    reason: str = ""
    started_by: str = ""

    @property
    def rules(self) -> ActionRules:
        """The rules of its action."""
        return ACTIONS[self.action]


def read_request(content: Any) -> PublisherRequest:
    """The request in an execution's input.

    Raises `InvalidInput` for a field that is unknown, of the wrong kind or out of its bounds, that the action
    needs and that is missing, or that it has no use for.
    """
    if not isinstance(content, Mapping):
        raise InvalidInput("the input must be a JSON object")
    faults, values = read_fields(content, _CHECKS)
    if not faults:
        if "action" not in values:
            raise InvalidInput(f"action: is required, one of {', '.join(ACTIONS)}")
        faults = list(_unfitting(values))
    if faults:
        raise InvalidInput("; ".join(faults))
    return PublisherRequest(**values)


def _unfitting(values: Mapping[str, Any]) -> Iterator[str]:
    """Tell in words what the action needs and takes beside, of an input whose fields are all right."""
    action: Action = values["action"]
    rules = ACTIONS[action]
    needs = rules.needs if action == "list" else ("name", *rules.needs)
    for name in needs:
        if name not in values:
            yield f"{name}: is required to {action}"
    for name in values:
        if name not in (*needs, *rules.takes, *_OF_ALL):
            yield f"{name}: is of no use to {action}"
    if rules.changes and not says_something(values.get("started_by", "")):
        yield f"started_by: must say who asks, to {action}"
    if rules.explained and not says_something(values.get("reason", "")):
        yield f"reason: must say why, in words of your own, to {action}"
    chosen = [name for name in ("usage_plan", "limits") if name in values]
    if len(chosen) == 2:
        yield "usage_plan: contradicts the limits"
    if chosen == ["limits"] and "rate_per_second" not in values["limits"]:
        yield "limits.rate_per_second: is required"


def _name(value: Any) -> str:
    name = text(value)
    if not is_name(name):
        raise Unfit(f"{name[:80]!r} {NAME_RULE}")
    if name == canary.PUBLISHER:
        raise Unfit(f"{name!r} is the canary's name, which each deployment has of its own")
    return name


def _limits(value: Any) -> dict[str, Any]:
    faults, values = read_fields(object_of()(value), _LIMITS_CHECKS)
    if faults:
        raise Unfit("; ".join(faults))
    if "rate_per_second" in values:
        values.setdefault("burst", ceil(values["rate_per_second"]))
    return values


def _quota(value: Any) -> Quota:
    faults, values = read_fields(object_of()(value), _QUOTA_CHECKS)
    faults += [f"{name}: is required" for name in _QUOTA_CHECKS if name not in value]
    if faults:
        raise Unfit("; ".join(faults))
    return Quota(values["limit"], cast("Period", values["period"]))


def _types(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MAX_TYPES:
        raise Unfit(f"must be a list of at most {MAX_TYPES} patterns of event types")
    for pattern in value:
        if not isinstance(pattern, str) or not is_pattern(pattern) or len(pattern) > MAX_TYPE:
            raise Unfit("has an entry that is no type, prefix followed by '.*', or '*'")
    return tuple(dict.fromkeys(value))


_CHECKS: Mapping[str, Check] = {
    "action": one_of(tuple(ACTIONS)),
    "name": _name,
    "contact": statement(MAX_CONTACT, least=1),
    "usage_plan": text,
    "limits": _limits,
    "types": _types,
    "key": whole(1),
    "retire_at": moment,
    "after": _name,
    "elsewhere": flag,
    "reason": statement(MAX_REASON, least=0),
    "started_by": statement(MAX_NAME, least=1),
}
_LIMITS_CHECKS: Mapping[str, Check] = {
    "rate_per_second": positive,
    "burst": whole(1),
    "quota": nullable(_quota),
    "max_events": whole(1, MAX_BATCH),
    "max_body_bytes": whole(1, MAX_BODY_BYTES),
}
_QUOTA_CHECKS: Mapping[str, Check] = {
    "limit": whole(1),
    "period": one_of(get_args(Period)),
}
