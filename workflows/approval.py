"""Wires the state machine of `approval.asl.json`, which asks for approvals and waits for their answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infrastructure.constructs.checks import accept_wildcard
from infrastructure.constructs.states import states_arn
from workflows.definition import state_machine

if TYPE_CHECKING:
    from infrastructure.constructs.function import Function
    from infrastructure.constructs.region import Region

DEFINITION = Path(__file__).with_suffix(".asl.json")


class Approval(Construct):
    """The state machine of that name, whose `function` asks, and reads the answers.

    Nobody's policy here reads its history, which has the tokens of its tasks. Nor has its log: that has the
    events, and none of what is in them.
    """

    state_machine: sfn.StateMachine

    def __init__(
        self, scope: Construct, id: str, *, region: Region, what: str, function: Function
    ) -> None:
        super().__init__(scope, id)
        self.state_machine = state_machine(
            self,
            configuration=region.configuration,
            what=what,
            definition=DEFINITION,
            functions={"Function": function.function_arn},
            logs_data=False,
        )


def let_ask(machine: sfn.StateMachine, approval: sfn.StateMachine) -> None:
    """Let it start an execution that asks, hear of its end, and stop it where it is stopped itself.

    By the developer guide of Step Functions, "IAM policies for calling nested workflows".
    """
    executions = states_arn(machine, "execution", f"{approval.state_machine_name}:*")
    rule = cdk.Stack.of(machine).format_arn(
        service="events",
        resource="rule",
        resource_name="StepFunctionsGetEventsForStepFunctionsExecutionRule",
    )
    for actions, resource in (
        (["states:StartExecution"], approval.state_machine_arn),
        (["states:DescribeExecution", "states:StopExecution"], executions),
        (["events:PutTargets", "events:PutRule", "events:DescribeRule"], rule),
    ):
        machine.add_to_role_policy(iam.PolicyStatement(actions=actions, resources=[resource]))
    accept_wildcard(machine, executions, "Executions of the one state machine.")
