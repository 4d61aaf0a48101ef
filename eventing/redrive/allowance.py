"""The allowance: how many letters of a stage may be taken up in a day before a person has to approve."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from eventing.dead_letter import STAGES, STEPS, Stage
from eventing.input import InvalidInput
from eventing.redrive.request import RedriveRequest
from eventing.timestamps import timestamp

Ceilings = Mapping[str, int]
"""By action: more letters than this need an approval. An action that is not in it needs none."""

_DAY = timedelta(hours=24)
# Of a timestamp, the part that says the hour.
_HOUR = 13


@dataclass(frozen=True)
class Allowance:
    """What of one stage was taken up without an approval, by the hour in which it began."""

    hours: Mapping[str, int] = field(default_factory=dict)
    """Letters by hour, such as `2026-11-27T19`; only hours of the last day."""
    run: str | None = None
    """The execution that took letters last, as long as it can give some back."""
    hour: str = ""
    letters: int = 0
    """When that execution took them, and how many."""

    def used(self, now: datetime) -> int:
        """The letters of the last 24 hours, and of the rest of the hour in which these begin."""
        return sum(self._recent(now).values())

    def take(self, run: str, letters: int, now: datetime) -> Allowance:
        """The allowance once a run has taken these."""
        hour = _hour(now)
        hours = self._recent(now)
        return Allowance(hours | {hour: hours.get(hour, 0) + letters}, run, hour, letters)

    def give_back(self, run: str, letters: int) -> Allowance:
        """The allowance without the letters that a run has not come to; the same when it can't give any."""
        if run != self.run or letters <= 0:
            return self
        kept = self.hours.get(self.hour, 0) - min(letters, self.letters)
        return Allowance({**self.hours, self.hour: max(kept, 0)})

    def _recent(self, now: datetime) -> dict[str, int]:
        first = _hour(now - _DAY)
        return {hour: letters for hour, letters in self.hours.items() if hour >= first}


def check_ceiling(request: RedriveRequest, ceilings: Ceilings) -> None:
    """Raise `InvalidInput` for an input that would lift the deployment's ceiling."""
    ceiling, asked = ceilings.get(request.action), request.approval_above
    if ceiling is not None and asked is not None and asked > ceiling:
        raise InvalidInput(
            f"approval_above: must be at most {ceiling}, the ceiling of this deployment for "
            f"{request.action}: an input can only lower it"
        )


def why_approval(
    request: RedriveRequest,
    letters: Mapping[Stage, int],
    used: Mapping[Stage, int],
    ceilings: Ceilings,
) -> str | None:
    """The reason why a run over these letters needs an approval, in words; None when it needs none.

    `used` is what each of its stages has had taken up in a day without an approval.
    """
    if (ceiling := ceilings.get(request.action)) is None:
        return None
    total, lowered = sum(letters.values()), request.approval_above
    all_of_it = "1 letter is" if total == 1 else f"{total} letters are"
    if lowered is not None and total > lowered:
        return f"{all_of_it} more than {lowered}, which its input allows"
    if total > ceiling:
        return f"{all_of_it} more than {ceiling}, the ceiling of this deployment"
    for stage, count in letters.items():
        if count and count + used[stage] > ceiling:
            some = "1 letter" if count == 1 else f"{count} letters"
            return (
                f"{some} of {stage}, with {used[stage]} that were taken up within 24 hours "
                f"without an approval, are more than {ceiling}, the ceiling of this deployment"
            )
    return None


def letters_by_stage(summary: Mapping[str, Any]) -> dict[Stage, int]:
    """How many letters of each stage a plan has, by its summary; stages without any are left out."""
    by_step: Mapping[str, int] = summary["by_step"]
    found = {stage: sum(by_step.get(step, 0) for step in STEPS[stage]) for stage in STAGES}
    return {stage: count for stage, count in found.items() if count}


def _hour(moment: datetime) -> str:
    return timestamp(moment)[:_HOUR]
