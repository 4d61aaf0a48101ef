"""Wires the state machine of `approval.asl.json`, which asks for approvals and waits for their answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from workflows.definition import state_machine

if TYPE_CHECKING:
    from infrastructure.constructs.function import Function
    from infrastructure.constructs.region import Region

DEFINITION = Path(__file__).with_suffix(".asl.json")


class Approval(Construct):
    """The state machine for a function whose tasks `ask` and `answer` it calls.

    Nobody's policy here reads its history, which has the tokens of its tasks. Nor has its log: that has the
    events, and none of what is in them.
    """

    state_machine: sfn.StateMachine

    def __init__(
        self, scope: Construct, id: str, *, region: Region, name: str, function: Function
    ) -> None:
        super().__init__(scope, id)
        self.state_machine = state_machine(
            self,
            configuration=region.configuration,
            what=name,
            definition=DEFINITION,
            functions={"Function": function.function_arn},
            logs_data=False,
        )
