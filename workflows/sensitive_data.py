"""Wires the state machine of `sensitive-data.asl.json`, which follows up findings, to its function."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from workflows.approval import Approval
from workflows.definition import let_start, log_name_of, state_machine

if TYPE_CHECKING:
    from infrastructure.constructs.cases import CasesFunction
    from infrastructure.constructs.region import Region

DEFINITION = Path(__file__).with_name("sensitive-data.asl.json")


class SensitiveDataWorkflow(Construct):
    """The state machine; it may call its function, ask for an approval, write its log and its trace.

    `approval` is the state machine that asks for it, with a history of its own.
    """

    state_machine: sfn.StateMachine
    approval: sfn.StateMachine
    log_name: str

    def __init__(self, scope: Construct, id: str, *, region: Region, cases: CasesFunction) -> None:
        super().__init__(scope, id)
        approval = Approval(
            self, "Approval", region=region, name="case-approval", function=cases.function
        )
        self.approval = approval.state_machine
        self.log_name = log_name_of(region.configuration, "sensitive-data")
        self.state_machine = state_machine(
            self,
            configuration=region.configuration,
            what="sensitive-data",
            definition=DEFINITION,
            functions={"CasesFunction": cases.function.function_arn},
            others={"CaseApproval": self.approval.state_machine_arn},
        )
        let_start(self.state_machine, self.approval)
