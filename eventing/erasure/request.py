"""The request to erase an event, checked before anything is touched.

It names the event by its key, which has a hash in place of source and id: what an execution and the audit
keep of a request must not keep what it erases.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from eventing import canary
from eventing.erasure.action import ACTION
from eventing.input import MAX_NAME, MAX_REASON, Check, InvalidInput, read_fields
from eventing.members import Unfit
from eventing.publishers.keys import is_name
from eventing.redrive.statement import says_something, statement

# The publisher, and a SHA-256 as base64url (eventing/event.py).
_KEY = re.compile(r"([^#]+)#[A-Za-z0-9_-]{43}")


@dataclass(frozen=True)
class ErasureRequest:
    """A checked request."""

    key: str
    """The event's, in the Events table."""
    reason: str
    started_by: str
    """The name that the request gives: a claim, which nobody has checked."""

    @property
    def publisher(self) -> str:
        """Who sent the event."""
        return self.key.partition("#")[0]

    def members(self) -> dict[str, Any]:
        """As JSON, with what it asks for."""
        return {"action": ACTION, **asdict(self)}


def read_request(content: Any) -> ErasureRequest:
    """The request in an execution's input; raises `InvalidInput`, which names every field at fault."""
    if not isinstance(content, Mapping):
        raise InvalidInput("the input must be a JSON object")
    given = {name: value for name, value in content.items() if (name, value) != ("action", ACTION)}
    faults, values = read_fields(given, _CHECKS)
    faults += [f"{name}: is required" for name in _CHECKS if name not in given]
    for name, what in (("reason", "why"), ("started_by", "who asks")):
        if name in values and not says_something(values[name]):
            faults.append(f"{name}: must say {what}, in words of your own")
    if faults:
        raise InvalidInput("; ".join(faults))
    return ErasureRequest(**values)


def tells(reason: str, *, source: str, id: str) -> bool:
    """True when a reason names the event's source or id, which the audit would keep then."""
    return any(
        re.search(rf"(?<!\w){re.escape(text)}(?!\w)", reason) is not None for text in (source, id)
    )


def _key(value: Any) -> str:
    found = _KEY.fullmatch(value) if isinstance(value, str) else None
    if not found or not (is_name(found[1]) or found[1] == canary.PUBLISHER):
        raise Unfit("must be the key of an event: its publisher, # and 43 characters")
    return found[0]


_CHECKS: Mapping[str, Check] = {
    "key": _key,
    "reason": statement(MAX_REASON, least=1),
    "started_by": statement(MAX_NAME, least=1),
}
