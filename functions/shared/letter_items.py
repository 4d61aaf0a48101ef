"""Letters as items of the ledger's table: from an item to a letter and from values to attributes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from sys import intern
from typing import Any, TypeVar

from eventing.dead_letter import DeadLetter
from eventing.json_text import Document, parse_if_json
from eventing.redrive.ledger import ERASED, SHARDS, Outline, Row, originals_of, shard

_MEMBERS = {
    kind: [member.name for member in fields(kind) if member.name != "key"]
    for kind in (Outline, Row)
}
_NUMBERS = ("version", "episode", "expires_at", "size")
# What each letter has of its own; the other texts are the same in many.
_OWN = ("failed_at", "accepted_at", "event_key", "digest")
ORIGIN = "origin_region"
"""The member with the region that took the event, where it is another one."""

Kind = TypeVar("Kind", bound=Outline)


@dataclass(frozen=True)
class Entry:
    """A letter with its event."""

    row: Row
    event: str = field(repr=False)
    origin: str | None = None
    """The region that took the event, where it is another one: that has lost it."""
    reason: str = ""
    """Why it was closed, if anybody said."""

    @cached_property
    def document(self) -> Document | None:
        """The event, read once; None where it is no JSON."""
        return parse_if_json(self.event)


def is_letter(item: Mapping[str, Any]) -> bool:
    """False for what keeps the letter of an erased event out."""
    return bool(item["state"]["S"] != ERASED)


def projection(kind: type[Outline]) -> tuple[str, Mapping[str, str]]:
    """The members to read for it, as an expression and with the names that stand in that."""
    names = {f"#{name}": name for name in ("pk", *_MEMBERS[kind])}
    return ", ".join(names), names


def read_letter(item: Mapping[str, Any], kind: type[Kind]) -> Kind:
    """The letter in an item."""
    members: dict[str, Any] = {}
    for name in _MEMBERS[kind]:
        if name in _NUMBERS:
            members[name] = int(item[name]["N"])
            continue
        text = item.get(name, {}).get("S")
        # One text for all letters that have it, or a plan takes up twice the memory.
        members[name] = intern(text) if text and name not in _OWN else text
    return kind(key=item["pk"]["S"], **members)


def read_entry(item: Mapping[str, Any]) -> Entry:
    """The letter in an item, with its event."""
    origin, reason = (item.get(name, {}).get("S") for name in (ORIGIN, "reason"))
    return Entry(read_letter(item, Row), item["event"]["S"], origin, reason or "")


def members_of(letter: DeadLetter, row: Row, shards: int = SHARDS) -> dict[str, str | int]:
    """The members of a letter's item but its key; none that has nothing to say."""
    members: dict[str, str | int | None] = {
        **asdict(row),
        "shard": shard(row.stage, row.state, row.key, shards),
        "error_class": letter.cause.error_class,
        "message": letter.cause.message,
        "resource": letter.cause.resource or "-",
        "event": letter.event,
        "trace_id": letter.trace_id,
        **originals_of(letter, row),
    }
    del members["key"]
    return {name: value for name, value in members.items() if value is not None and value != ""}


def attribute(value: str | int) -> Any:
    """A value as DynamoDB takes it."""
    return {"N": str(value)} if isinstance(value, int) else {"S": value}
