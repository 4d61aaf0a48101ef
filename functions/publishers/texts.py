"""The mails that changes to publishers send to operators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eventing.foreign_text import plain, quoted
from eventing.mail import Mail
from eventing.publishers.changes import Expiry
from eventing.publishers.registry import Publisher
from eventing.publishers.request import Action, PublisherRequest
from eventing.words import counted

_DONE: Mapping[Action, str] = {
    "register": "was registered",
    "update": "was updated",
    "rotate": "has another key",
    "retire-key": "has a key less",
    "suspend": "is suspended",
    "resume": "is let in again",
    "throttle": "is throttled",
    "restore": "has its own limits again",
    "revoke": "was revoked",
}
_USERS: Mapping[Action, str] = {
    "suspend": "its requests are answered 403; what was accepted is published.",
    "revoke": "its requests are answered 403; what was accepted is published.",
    "throttle": "what it sends beyond is answered 429.",
    "retire-key": "requests with that key are answered 403.",
}
_SECTION = "publishers"


def changed_mail(
    request: PublisherRequest, publisher: Publisher, failures: Sequence[Mapping[str, Any]]
) -> Mail:
    """The mail on a publisher that was changed, in all regions but where there are failures."""
    name, done = request.name, _DONE[request.action]
    left = f", but not everywhere: {counted(len(failures), 'failure')}" if failures else ""
    return Mail(
        subject=f"publisher {name} {done}{' in part' if failures else ''}",
        first=f"The publisher {name} {done}{left}.",
        users=_USERS.get(request.action, "none."),
        next=(("publishers", "show", name),),
        section=_SECTION,
        details=[
            f"by {quoted(request.started_by)}: {quoted(request.reason or 'no reason given')}",
            f"status {publisher.status}, keys {_keys(publisher)}",
            *failure_lines(failures),
        ],
    )


def failed_mail(request: PublisherRequest, error: str) -> Mail:
    """The mail on a change that did not come to its end."""
    name = request.name
    return Mail(
        subject=f"publisher {name}: {request.action} failed",
        first=f"{request.action.capitalize()} of the publisher {name} failed, and may be done in part.",
        users="it may be let in or kept out other than was asked for, until it is done.",
        next=(("publishers", "show", name),),
        section=_SECTION,
        details=[plain(error), f"by {quoted(request.started_by)}; ask for it again to go on"],
    )


def expiring_mail(expiries: Sequence[Expiry]) -> Mail:
    """The mail on keys that will be retired by themselves soon."""
    names = sorted({one.publisher for one in expiries})
    return Mail(
        subject=f"{counted(len(expiries), 'key')} of {counted(len(names), 'publisher')} will be retired",
        first=f"{counted(len(expiries), 'key')} of publishers will be retired within a week.",
        users="whoever sends with one of them by then is answered 403.",
        next=tuple(("publishers", "show", name) for name in names[:3]),
        section=_SECTION,
        details=[
            "The publisher has a newer key: see that it is the one that it sends with.",
            *(f"{one.publisher}: key {one.key} at {one.at}" for one in expiries),
        ],
    )


def failure_lines(failures: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for each failure: where, at what, and why."""
    return [
        f"{failure['region']}, {failure['step']}: {plain(failure['why'])}" for failure in failures
    ]


def _keys(publisher: Publisher) -> str:
    return ", ".join(f"{key.number} {key.state}" for key in publisher.keys) or "none"
