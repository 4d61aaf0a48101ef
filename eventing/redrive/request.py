"""What an operator asks of the redrive state machine, checked before anything is touched."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from eventing.cause import Code
from eventing.dead_letter import STAGES, Stage
from eventing.timestamps import read_timestamp

Action = Literal["triage", "plan", "redrive", "discard"]
ACTIONS: tuple[Action, ...] = ("triage", "plan", "redrive", "discard")
MAX_REASON = 1024
MAX_LETTER_IDS = 500
MAX_RATE = 10_000
# As `DeadLetter.key` makes them: a SHA-256 in base64url.
_LETTER_ID = re.compile(r"[A-Za-z0-9_-]{43}")


class InvalidInput(ValueError):  # noqa: N818 - the name that an execution fails with
    """The input cannot be carried out; the message names every field at fault."""


@dataclass(frozen=True)
class Filter:
    """Which letters: each field that is given narrows the choice; times are `timestamp`s."""

    publisher: str | None = None
    type: str | None = None
    topic: str | None = None
    cause: str | None = None
    fingerprint: str | None = None
    failed_before: str | None = None
    failed_after: str | None = None
    letter_ids: tuple[str, ...] | None = None


@dataclass(frozen=True)
class RedriveRequest:
    """A checked request, every default filled in."""

    stage: Stage | Literal["all"] = "all"
    action: Action = "triage"
    filter: Filter = field(default_factory=Filter)
    limit: int | None = None
    rate_per_second: int = 200
    canary: int = 10
    abort_failure_percent: int = 20
    max_episodes: int = 3
    approval_above: int = 1000
    reason: str = ""
    started_by: str = "unknown"

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages that are meant."""
        return STAGES if self.stage == "all" else (self.stage,)

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
    faults: list[str] = []
    if not isinstance(content, Mapping):
        raise InvalidInput("the input must be a JSON object")
    known = {f.name for f in fields(RedriveRequest)}
    faults += [f"{name}: there is no such field" for name in sorted(set(content) - known)]
    given = {name: content[name] for name in content if name in known}
    values: dict[str, Any] = {}
    for name, value in given.items():
        fault, values[name] = _CHECKS[name](value)
        if fault:
            faults.append(f"{name}: {fault}")
    if "filter" in given and isinstance(given["filter"], Mapping):
        found, values["filter"] = _filter(given["filter"])
        faults += found
    if not faults and values.get("action") == "discard" and not values.get("reason"):
        faults.append("reason: is required to discard")
    if faults:
        raise InvalidInput("; ".join(faults))
    return RedriveRequest(**values)


def _one_of(*choices: str) -> Any:
    def check(value: Any) -> tuple[str | None, Any]:
        return (None if value in choices else f"must be one of {', '.join(choices)}"), value

    return check


def _whole(least: int, most: int) -> Any:
    def check(value: Any) -> tuple[str | None, Any]:
        # JSONata hands whole numbers on as floats.
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        sound = type(value) is int and least <= value <= most
        return (None if sound else f"must be a whole number from {least} to {most}"), value

    return check


def _text(most: int) -> Any:
    def check(value: Any) -> tuple[str | None, Any]:
        sound = isinstance(value, str) and 0 < len(value) <= most
        return (None if sound else f"must be a text of 1 to {most} characters"), value

    return check


def _object(value: Any) -> tuple[str | None, Any]:
    return (None if isinstance(value, Mapping) else "must be an object"), value


_CHECKS: Mapping[str, Any] = {
    "stage": _one_of(*STAGES, "all"),
    "action": _one_of(*ACTIONS),
    "filter": _object,
    "limit": _whole(1, 10_000_000),
    "rate_per_second": _whole(1, MAX_RATE),
    "canary": _whole(0, 1000),
    "abort_failure_percent": _whole(0, 100),
    "max_episodes": _whole(1, 1000),
    "approval_above": _whole(0, 10_000_000),
    "reason": lambda value: (None, value) if value == "" else _text(MAX_REASON)(value),
    "started_by": _text(256),
}


def _filter(content: Mapping[str, Any]) -> tuple[list[str], Filter]:
    known = {f.name for f in fields(Filter)}
    faults = [f"filter.{name}: there is no such field" for name in sorted(set(content) - known)]
    given = {name: content[name] for name in content if name in known}
    if not given and not faults:
        faults.append("filter: is empty; leave it out to mean all letters")
    values: dict[str, Any] = {}
    for name, value in given.items():
        if name in ("failed_before", "failed_after"):
            try:
                values[name] = read_timestamp(value)
            except (ValueError, TypeError):
                faults.append(
                    f"filter.{name}: must be a time with its offset, 2026-11-24T09:30:00Z"
                )
        elif name == "letter_ids":
            if not isinstance(value, list) or not all(map(_is_letter_id, value)):
                faults.append("filter.letter_ids: must be a list of ids, each of 43 characters")
            elif not 1 <= len(value) <= MAX_LETTER_IDS:
                faults.append(f"filter.letter_ids: must have 1 to {MAX_LETTER_IDS} ids")
            else:
                values[name] = tuple(dict.fromkeys(value))
        elif not isinstance(value, str) or not value:
            faults.append(f"filter.{name}: must be a text that is not empty")
        elif name == "cause" and value not in list(Code):
            faults.append(f"filter.cause: must be one of {', '.join(Code)}")
        else:
            values[name] = value
    return faults, Filter(**values)


def _is_letter_id(value: Any) -> bool:
    return isinstance(value, str) and _LETTER_ID.fullmatch(value) is not None
