"""A check and how it went, and what all of them say together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from eventing.foreign_text import plain
from eventing.words import counted

Outcome = Literal["ok", "failed", "skipped"]


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that was looked at."""

    name: str
    outcome: Outcome
    detail: str = ""
    """What was found; of one that was skipped, why."""
    fix: str = ""
    """Of one that failed: what to do."""
    seconds: float | None = None
    """How long it took, where that says something."""

    @property
    def line(self) -> str:
        """The check as one line of text."""
        took = "" if self.seconds is None else f", {self.seconds:.1f} s"
        parts = [f"{self.outcome:7} {self.name}{took}", self.detail, self.fix]
        return ": ".join(plain(part, most=_LINE) for part in parts if part)


# A line names all that is missing, which may be much.
_LINE = 1000
# Names that a line has room for.
_NAMED = 8


def ok(name: str, detail: str = "", *, seconds: float | None = None) -> Check:
    """A check that went well."""
    return Check(name=name, outcome="ok", detail=detail, seconds=seconds)


def failed(name: str, detail: str, *, fix: str, seconds: float | None = None) -> Check:
    """A check that found a fault, and what to do about it."""
    return Check(name=name, outcome="failed", detail=detail, fix=fix, seconds=seconds)


def skipped(name: str, why: str) -> Check:
    """A check that could not be made here."""
    return Check(name=name, outcome="skipped", detail=why)


def verdict(checks: Sequence[Check]) -> tuple[bool, str]:
    """True when none has failed, and the sentence that says so; what was skipped proves nothing."""
    bad = [check.name for check in checks if check.outcome == "failed"]
    left = sum(check.outcome == "skipped" for check in checks)
    not_made = f", {left} skipped" if left else ""
    if bad:
        return (
            False,
            f"{len(bad)} of {counted(len(checks), 'check')} failed{not_made}: {names(bad)}",
        )
    return True, f"{counted(len(checks) - left, 'check')} ok{not_made}"


def names(found: Sequence[str]) -> str:
    """Names in a row, the first of them, and how many more there are."""
    more = len(found) - _NAMED
    return ", ".join([*found[:_NAMED], *([f"{more} more"] if more > 0 else [])])
