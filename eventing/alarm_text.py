"""The description of an alarm: one text for CloudWatch, mails, the page and the command line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

# Of a description as `AlarmText` writes it. Somebody may have put another text in its place.
_DESCRIPTION = re.compile(
    r"(?P<what>.*?)(?: Users: (?P<users>.+?))?(?: Next: eventing (?P<next>.+?))?"
    r"(?: Runbook: (?P<runbook>\S+))?",
    re.DOTALL,
)
_HEADLINE = re.compile(r"[^.:;]*")


@dataclass(frozen=True, kw_only=True)
class AlarmText:
    """The parts of an alarm's description; those that it lacks are empty."""

    what: str
    """The fact, as a sentence."""
    users: str = ""
    """Its effect on publishers and subscribers."""
    next: str = ""
    """The command that comes next, without `eventing`."""
    runbook: str = ""
    """The address of the section of the runbook to open."""

    @classmethod
    def read(cls, description: str) -> Self:
        """The parts of a description; one that is none of ours is all `what`."""
        found = _DESCRIPTION.fullmatch(description)
        return cls(**found.groupdict("")) if found else cls(what=description)

    @property
    def headline(self) -> str:
        """The fact in a few words: what stands before the first colon, semicolon or full stop."""
        found = _HEADLINE.match(self.what)
        return found[0] if found else ""

    def __str__(self) -> str:
        parts = (
            (" Users: ", self.users),
            (" Next: eventing ", self.next),
            (" Runbook: ", self.runbook),
        )
        return self.what + "".join(f"{name}{text}" for name, text in parts if text)
