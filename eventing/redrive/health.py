"""The health of what letters need, as a run has seen it: what works, what is in doubt, what is down."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from eventing.cause import Cause, Code
from eventing.redrive.steps import NOTHING


@dataclass
class Health:
    """What a run knows of the dependencies that its letters need, by their names (`steps.needed`).

    Of one that is not known to work, a single letter is tried at a time. A refusal (denied, missing) is
    the dependency's; another of its failures may yet be what this one letter does to it, so it takes a
    second letter to tell.
    """

    working: set[str] = field(default_factory=set)
    doubted: dict[str, Cause] = field(default_factory=dict)
    """Those that failed for one letter, and why."""
    down: dict[str, Cause] = field(default_factory=dict)
    """Those whose letters are left out of the run, and why."""

    def works(self, needed: str) -> bool:
        """True when many letters may be tried at once."""
        return needed == NOTHING or needed in self.working

    def note(self, needed: str, causes: Sequence[Cause | None]) -> None:
        """Take note of how letters fared that were tried side by side: None, or why it failed."""
        if None in causes:
            self.working.add(needed)
            self.doubted.pop(needed, None)
            return
        failed = next((cause for cause in causes if cause and cause.of_a_dependency), None)
        if failed is None:
            return  # by the letters' own fault: nothing is known
        self.working.discard(needed)
        if failed.retryable and needed not in self.doubted:
            self.doubted[needed] = failed
        else:
            self.doubted.pop(needed, None)
            self.down[needed] = failed

    def members(self) -> dict[str, Any]:
        """As JSON, with codes and resources only; `read_health` reads it again."""
        return {
            "working": sorted(self.working),
            "doubted": _members(self.doubted),
            "down": _members(self.down),
        }


def read_health(content: Mapping[str, Any] | None) -> Health:
    """The health that `Health.members` wrote; of nothing known, where there is none."""
    if content is None:
        return Health()
    return Health(set(content["working"]), _causes(content["doubted"]), _causes(content["down"]))


def _members(causes: Mapping[str, Cause]) -> dict[str, Any]:
    return {needed: [cause.code, cause.resource] for needed, cause in causes.items()}


def _causes(content: Mapping[str, Iterable[Any]]) -> dict[str, Cause]:
    return {
        needed: Cause(Code(code), "", "", resource) for needed, (code, resource) in content.items()
    }
