"""Each action and each step has its rules, and each dependency its price and its maker."""

from __future__ import annotations

from typing import Any, cast, get_args

import pytest

from eventing.dead_letter import STAGES, STEPS
from eventing.input import InvalidInput
from eventing.redrive import steps
from eventing.redrive.actions import ACTIONS, Action
from eventing.redrive.price import price
from eventing.redrive.request import read_request
from functions.redrive.dependencies import make_dependencies
from functions.shared.parts import Parts
from tests.unit.letters import row

WALKED = {step: stage for stage in STAGES for step in STEPS[stage]}


def test_every_step_of_the_walk_has_rules() -> None:
    assert set(steps.STEPS) == set(WALKED)
    assert {rules.dependency for rules in steps.STEPS.values()} == set(get_args(steps.Dependency))


@pytest.mark.parametrize(("step", "stage"), WALKED.items())
def test_to_make_a_step_costs_more_than_to_close_its_letter(step: Any, stage: Any) -> None:
    letters = [row(step=step, stage=stage)] * 1000
    closed, made = (price(letters, ACTIONS[a], seconds=0) for a in ("discard", "redrive"))
    # The second change of a letter, of two units and three of the indexes, and the call.
    assert made - closed > 1000 * 5 * 0.6e-6


def test_every_dependency_has_a_maker() -> None:
    stub = cast("Any", None)
    parts = Parts(
        {},
        threads=1,
        event_store=stub,
        archive=stub,
        topics=stub,
        receipts=stub,
        forecaster=stub,
        workers=stub,
    )
    assert set(make_dependencies(parts)) == set(get_args(steps.Dependency))


def test_every_action_has_rules() -> None:
    assert set(ACTIONS) == set(get_args(Action))


@pytest.mark.parametrize("action", ACTIONS)
def test_who_decides_says_why_and_who(action: Action) -> None:
    rules = ACTIONS[action]
    chosen: dict[str, Any] = {"everything": True} if rules.needs_choice else {}
    if rules.takes_junk:
        chosen = {"junk_ids": ["17"]}
    said = {"reason": "tests", "started_by": "ada"} if rules.decides else {}
    assert read_request({"action": action, **chosen, **said}).action == action
    for name in said:
        with pytest.raises(InvalidInput, match=f"^{name}: must say "):
            read_request(
                {"action": action, **chosen, **{n: v for n, v in said.items() if n != name}}
            )


def test_a_discarded_letter_can_be_had_again_but_not_discarded_again() -> None:
    assert {a for a, rules in ACTIONS.items() if "discarded" in rules.asked_by_id} >= {
        "redrive",
        "plan",
    }
    assert "discarded" not in ACTIONS["discard"].asked_by_id
    assert all("resolved" not in rules.asked_by_id for rules in ACTIONS.values())
