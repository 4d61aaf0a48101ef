"""An operator's rights are enough for what the runbook's appendix looks at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.end_to_end.people import environment_of
from tests.shown import commands, filled_in, run

if TYPE_CHECKING:
    from local.deployment import Deployment

LOOKS = {"alarms": "", "mapping": "Enabled", "errors": "", "subscriptions": "0"}


def test_an_operator_may_look(deployment: Deployment) -> None:
    shown = commands("docs/runbook.md")
    operator = environment_of(deployment, "rosa", "OperatorPolicyArn")

    for name, expected in LOOKS.items():
        block = filled_in(shown[name], FUNCTION="publish", TOPIC="customers")
        assert expected in run(shown["setup"] + block, operator)
