"""Wires the state machine of `approval.asl.json`, which asks for approvals and waits for their answers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infrastructure.constructs.checks import accept_wildcard
from infrastructure.constructs.function import log_group_of
from workflows.definition import definition_of

if TYPE_CHECKING:
    from infrastructure.constructs.redrive import RedriveFunction
    from infrastructure.constructs.region import Region

DEFINITION = Path(__file__).with_suffix(".asl.json")


class Approval(Construct):
    """The state machine. Nobody's policy here reads its history, which has the tokens of its tasks.

    Nor has its log: that has the events, and none of what is in them.
    """

    state_machine: sfn.StateMachine

    def __init__(
        self, scope: Construct, id: str, *, region: Region, redrive: RedriveFunction
    ) -> None:
        super().__init__(scope, id)
        name = region.configuration.name("approval")
        function = redrive.function.function_arn
        self.state_machine = sfn.StateMachine(
            self,
            "StateMachine",
            state_machine_name=name,
            definition_body=definition_of(DEFINITION, self),
            definition_substitutions={"RedriveFunction": function},
            tracing_enabled=True,
            logs=sfn.LogOptions(
                destination=log_group_of(
                    self,
                    "Log",
                    f"/aws/vendedlogs/states/{name}",
                    configuration=region.configuration,
                ),
                level=sfn.LogLevel.ALL,
                include_execution_data=False,
            ),
        )
        self.state_machine.add_to_role_policy(
            iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[function])
        )
        accept_wildcard(
            self.state_machine,
            "*",
            "X-Ray's segments and the delivery of logs are no resources that a policy could name.",
        )
