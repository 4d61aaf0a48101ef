"""Wires the state machine of `publishers.asl.json`, which changes publishers, to its function."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from infrastructure.constructs.checks import accept_wildcard
from infrastructure.constructs.function import log_group_of
from workflows.definition import definition_of

if TYPE_CHECKING:
    from infrastructure.constructs.publishers import PublishersFunction
    from infrastructure.constructs.region import Region

DEFINITION = Path(__file__).with_suffix(".asl.json")


class Publishers(Construct):
    """The state machine; it may call its function, write its log and its trace.

    In the primary region the function looks once a day which keys are to be retired. Elsewhere the state
    machine is there for when that region is down.
    """

    state_machine: sfn.StateMachine

    def __init__(
        self, scope: Construct, id: str, *, region: Region, publishers: PublishersFunction
    ) -> None:
        super().__init__(scope, id)
        name = region.configuration.name("publishers")
        function = publishers.function
        self.state_machine = sfn.StateMachine(
            self,
            "StateMachine",
            state_machine_name=name,
            definition_body=definition_of(DEFINITION, self),
            definition_substitutions={"PublishersFunction": function.function_arn},
            tracing_enabled=True,
            logs=sfn.LogOptions(
                destination=log_group_of(
                    self,
                    "Log",
                    f"/aws/vendedlogs/states/{name}",
                    configuration=region.configuration,
                ),
                level=sfn.LogLevel.ALL,
                include_execution_data=True,
            ),
        )
        self.state_machine.add_to_role_policy(
            iam.PolicyStatement(
                actions=["lambda:InvokeFunction"], resources=[function.function_arn]
            )
        )
        accept_wildcard(
            self.state_machine,
            "*",
            "X-Ray's segments and the delivery of logs are no resources that a policy could name.",
        )
        if region.name != region.configuration.primary_region:
            return
        events.Rule(
            self,
            "Daily",
            rule_name=region.configuration.name("publishers-daily"),
            description="Looks for keys of publishers that are to be retired, or will be within a week",
            schedule=events.Schedule.rate(cdk.Duration.days(1)),
            targets=[
                targets.LambdaFunction(
                    function,
                    event=events.RuleTargetInput.from_object({"task": "due"}),
                    retry_attempts=185,
                    max_event_age=cdk.Duration.hours(20),
                )
            ],
        )
