"""Wires the redrive state machine of `redrive.asl.json` to the function that does its pages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infrastructure.constructs.checks import accept_wildcard
from infrastructure.constructs.function import log_group_of

if TYPE_CHECKING:
    from infrastructure.configuration import Configuration
    from infrastructure.constructs.redrive import RedriveFunction

DEFINITION = Path(__file__).with_suffix(".asl.json")


class Redrive(Construct):
    """The state machine; it may call the redrive function, write its log and its trace."""

    state_machine: sfn.StateMachine

    def __init__(
        self, scope: Construct, id: str, *, configuration: Configuration, task: RedriveFunction
    ) -> None:
        super().__init__(scope, id)
        name = configuration.name("redrive")
        function = task.function.function_arn
        self.state_machine = sfn.StateMachine(
            self,
            "StateMachine",
            state_machine_name=name,
            # In the template itself, where cfn-lint reads it.
            definition_body=sfn.DefinitionBody.from_string(DEFINITION.read_text(encoding="utf-8")),
            definition_substitutions={"RedriveFunction": function},
            tracing_enabled=True,
            logs=sfn.LogOptions(
                # Step Functions writes under this prefix without adding to a policy of the account.
                destination=log_group_of(self, "Log", f"/aws/vendedlogs/states/{name}"),
                level=sfn.LogLevel.ALL,
                include_execution_data=True,
            ),
        )
        # The CDK's own grant covers every version of the function as well.
        self.state_machine.add_to_role_policy(
            iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[function])
        )
        accept_wildcard(
            self.state_machine,
            "*",
            "X-Ray's segments and the delivery of logs are no resources that a policy could name.",
        )
