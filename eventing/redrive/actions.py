"""The actions that operators ask of the redrive state machine, and what each needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from eventing.redrive.ledger import State

Action = Literal["triage", "plan", "redrive", "discard", "resubmit"]


@dataclass(frozen=True)
class ActionRules:
    """The rules of an action: what it does to the letters that it takes up, and needs for that."""

    decides: bool = False
    """A person decides about events: an input without a name and a reason that say something is refused."""
    needs_choice: bool = False
    """An input has to say which letters are meant, or that all are."""
    asked_by_id: Sequence[State] = ("open", "parked")
    """The states of letters that it takes up when it is asked for them by their ids."""
    takes_junk: bool = False
    """It is about junk, by its ids or its kind, and not about letters."""
    closes_as: State | None = None
    """The state that letters are closed in; None for an action that makes their steps again.

    To make a step is to call its dependency: such a run begins with a canary and climbs, and its plan says
    what will become of each letter.
    """
    reports_to_operators: bool = False
    """Operators get a message on how it went."""

    @property
    def has_ceiling(self) -> bool:
        """More letters than the deployment's ceiling need the approval of another person."""
        return self.decides and not self.takes_junk

    @property
    def makes_steps(self) -> bool:
        """The letters' steps are made again."""
        return self.closes_as is None


# What was discarded by mistake can be had again, by its id, for as long as it is kept.
_HAD_AGAIN: Sequence[State] = ("open", "parked", "discarded")

ACTIONS: Mapping[Action, ActionRules] = {
    "triage": ActionRules(),
    # Of the redrive that it plans.
    "plan": ActionRules(asked_by_id=_HAD_AGAIN),
    "redrive": ActionRules(decides=True, asked_by_id=_HAD_AGAIN, reports_to_operators=True),
    "discard": ActionRules(
        decides=True,
        needs_choice=True,
        closes_as="discarded",
        reports_to_operators=True,
    ),
    "resubmit": ActionRules(decides=True, takes_junk=True),
}
