"""The actions that operators ask of the redrive state machine, and what each needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from eventing.redrive.ledger import State

Action = Literal["triage", "plan", "redrive", "discard"]


@dataclass(frozen=True)
class ActionRules:
    """The rules of an action: what it does to the letters that it takes up, and needs for that."""

    needs_reason: bool = False
    """An input without a reason is refused."""
    closes_as: State | None = None
    """The state that letters are closed in; None for an action that makes their steps again.

    To make a step is to call its dependency: such a run begins with a canary and climbs, and its plan says
    what will become of each letter.
    """
    reports_to_operators: bool = False
    """Operators get a message on how it went."""

    @property
    def makes_steps(self) -> bool:
        """The letters' steps are made again."""
        return self.closes_as is None


ACTIONS: Mapping[Action, ActionRules] = {
    "triage": ActionRules(),
    # Of the redrive that it plans.
    "plan": ActionRules(),
    "redrive": ActionRules(reports_to_operators=True),
    "discard": ActionRules(needs_reason=True, closes_as="discarded", reports_to_operators=True),
}
