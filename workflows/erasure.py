"""Wires the state machine of `erasure.asl.json`, which erases an event, to its function and its approval."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from constructs import Construct

from workflows.approval import Approval
from workflows.definition import let_start, state_machine, tell_of_end

if TYPE_CHECKING:
    from aws_cdk import aws_stepfunctions as sfn

    from infrastructure.constructs.erasure import EraserFunction
    from infrastructure.constructs.region import Region

DEFINITION = Path(__file__).with_suffix(".asl.json")


class Erasure(Construct):
    """The state machine; it may call its function, ask for an approval, write its log and its trace.

    An execution that comes to another end than its report is noted: it has erased a part, or nothing.
    """

    state_machine: sfn.StateMachine
    approval: sfn.StateMachine

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        region: Region,
        eraser: EraserFunction,
    ) -> None:
        super().__init__(scope, id)
        self.approval = Approval(
            self, "Approval", region=region, name="erasure-approval", function=eraser.function
        ).state_machine
        self.state_machine = state_machine(
            self,
            configuration=region.configuration,
            what="erasure",
            definition=DEFINITION,
            functions={"EraserFunction": eraser.function.function_arn},
            others={"Approval": self.approval.state_machine_arn},
        )
        let_start(self.state_machine, self.approval)
        tell_of_end(
            self,
            "Ended",
            machine=self.state_machine,
            name=region.configuration.name("erasure-ended"),
            description="Notes that an erasure did not come to its end",
            function=eraser.function,
            task="ended",
        )
