"""Wires the state machine of `publishers.asl.json`, which changes publishers, to its function."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from workflows.definition import state_machine

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
        function = publishers.function
        self.state_machine = state_machine(
            self,
            configuration=region.configuration,
            what="publishers",
            definition=DEFINITION,
            functions={"PublishersFunction": function.function_arn},
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
