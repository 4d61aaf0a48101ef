"""Problems: the closed list of refusals that a publisher can meet, as problem details (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import islice
from typing import Any

# An event may have as many faults as members, and each takes more room than the member did.
MAX_FAULTS = 50
# Has a section for each problem; `make docs` writes it.
_PAGE = "docs/generated/problems.md"
_PART_CHARACTERS = 128


class Kind(Enum):
    """A kind of problem: the last part of its `type` URI, its HTTP status and its title."""

    NOT_JSON = ("not-json", 400, "The body is not JSON")
    NOT_A_CLOUDEVENT = ("not-a-cloudevent", 400, "The event breaks CloudEvents 1.0.2")
    CONFLICT = ("conflict", 409, "Another event with this source and id was accepted before")
    ERASED = ("event-erased", 410, "The event with this source and id was erased")
    EVENT_TOO_LARGE = ("event-too-large", 413, "The event is larger than an event may be")
    BATCH_TOO_LARGE = ("batch-too-large", 413, "The batch holds more events than a batch may")
    BODY_TOO_LARGE = ("body-too-large", 413, "The body is larger than a body may be")
    CONTENT_TYPE = ("content-type", 415, "The content type is none that events are read from")
    UNKNOWN_TYPE = ("unknown-type", 422, "The catalogue has no event of this type")
    SCHEMA = ("schema", 422, "The data breaks the schema of the event's type")
    TYPE_NOT_ALLOWED = ("type-not-allowed", 422, "You may not send events of this type")
    PARAMETER = ("parameter", 400, "A query parameter has another value than it may have")
    UNKNOWN_EVENT = ("unknown-event", 404, "You have sent no event with this source and id")
    INQUIRY = ("inquiry-unavailable", 503, "What became of the event can't be told now")
    REGISTRY = ("registry-unavailable", 503, "The registry can't be asked now")
    SUSPENDED = ("suspended", 403, "The publisher is suspended")
    NO_PUBLISHER = ("no-publisher", 403, "The API key belongs to no publisher")
    SEVERAL = ("several", 400, "No event of the batch was accepted")
    UNAVAILABLE = ("unavailable", 503, "The event could not be kept safe; send it again")

    def __init__(self, slug: str, status: int, title: str) -> None:
        self.slug = slug
        self.status = status
        self.title = title


@dataclass(frozen=True)
class Fault:
    """One thing to fix: a JSON pointer (RFC 6901) into the event, and what is wrong there.

    `detail` never holds a value of the event's `data`.
    """

    pointer: str
    detail: str


@dataclass(frozen=True)
class Problem:
    """A refusal of a request or of one event, and its reasons."""

    kind: Kind
    detail: str
    faults: Sequence[Fault] = ()

    def body(self) -> dict[str, Any]:
        """The members of `application/problem+json` (RFC 9457 section 3); `errors` as in its appendix A."""
        members: dict[str, Any] = naming(self.kind.slug) | {
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
        }
        if self.faults:
            members["errors"] = [
                {"pointer": fault.pointer, "detail": fault.detail} for fault in self.faults
            ]
        return members


class Refused(Exception):  # noqa: N818 - what happened to the event, not an error of ours
    """A request or an event that is refused; `problem` says why, with the first `MAX_FAULTS` faults."""

    def __init__(
        self,
        kind: Kind,
        detail: str,
        faults: Sequence[Fault] = (),
        *,
        id: Any = None,
        source: Any = None,
    ) -> None:
        super().__init__(detail)
        self.problem = Problem(kind, detail, tuple(islice(faults, MAX_FAULTS)))
        self.identity: Mapping[str, str] = {
            name: value
            for name, value in (("id", id), ("source", source))
            if isinstance(value, str)
        }


def naming(slug: str) -> dict[str, str]:
    """The members that say which problem it is: its `type`, and where the documentation explains it."""
    return {"type": f"urn:eventing:problem:{slug}", "documentation": f"{_PAGE}#{slug}"}


def faults_in_words(count: int, *, complete: bool = True) -> str:
    """So many faults, or at least so many: "1 fault", "2 faults", "50 faults or more"."""
    return f"{count} fault{'s'[: count != 1]}{'' if complete else ' or more'}"


def pointer(*path: str | int) -> str:
    """A JSON pointer from its parts (RFC 6901 section 3); of a very long name, only its beginning."""
    parts = (str(part)[:_PART_CHARACTERS] for part in path)
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in parts)
