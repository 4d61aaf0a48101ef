"""What the registry has of a publisher and its keys; nothing of a key's value is in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from eventing.catalogue import Quota, UsagePlan

Status = Literal["active", "suspended", "revoked"]
KeyState = Literal["live", "retiring", "retired"]
"""It is to work; it is to go, and may be there still; it is gone from every region."""


@dataclass(frozen=True, kw_only=True)
class Key:
    """An API key of a publisher: the same one in every region, each with its own id there."""

    number: int
    """From 1, in the order of their making."""
    created_at: str
    state: KeyState = "live"
    expires_at: str | None = None
    """When it is retired by itself."""
    warned: bool = False
    """Operators were told that this will be soon."""
    ids: Mapping[str, str] = field(default_factory=dict)
    """API Gateway's, by region."""


@dataclass(frozen=True, kw_only=True)
class Publisher:
    """A sender of events. One that is revoked is the tombstone that keeps its name from being given again.

    Times are as `timestamp` writes them.
    """

    name: str
    contact: str
    usage_plan: str | None
    """By its name in the catalogue; None for one with limits of its own."""
    limits: UsagePlan
    """What it may send, unless it is throttled."""
    types: tuple[str, ...] | None = None
    """Patterns of the event types that it may send; None for all."""
    status: Status = "active"
    reason: str = ""
    """Why it has this status."""
    changed_by: str
    changed_at: str
    """By whom and when the status was changed."""
    registered_at: str
    throttle: UsagePlan | None = None
    """What it may send while it is throttled, in place of its limits."""
    keys: tuple[Key, ...] = ()
    name_free_at: str | None = None
    """Of a tombstone: from then on nothing of this publisher is kept, and the name may be given again."""

    @property
    def in_force(self) -> UsagePlan:
        """What it may send now."""
        return self.throttle or self.limits

    @property
    def live_keys(self) -> tuple[Key, ...]:
        """Those that are to work, the oldest first."""
        return tuple(key for key in self.keys if key.state == "live")

    def to_text(self) -> str:
        """As JSON; `read_publisher` reads it again."""
        return json.dumps(asdict(self), separators=(",", ":"))


def read_publisher(text: str) -> Publisher:
    """The publisher in a text that `Publisher.to_text` has made."""
    content: dict[str, Any] = json.loads(text)
    types = content["types"]
    return Publisher(
        **{
            **content,
            "limits": limits_of(content["limits"]),
            "throttle": limits_of(content["throttle"]) if content["throttle"] else None,
            "types": None if types is None else tuple(types),
            "keys": tuple(Key(**key) for key in content["keys"]),
        }
    )


def limits_of(content: Mapping[str, Any]) -> UsagePlan:
    """The limits in the members of a `UsagePlan`, as JSON has them."""
    quota = content.get("quota")
    return UsagePlan(**{**content, "quota": Quota(**quota) if quota else None})
