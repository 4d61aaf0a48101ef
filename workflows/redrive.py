"""Wires the redrive state machine of `redrive.asl.json` to its functions, and to what starts and ends it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from workflows.definition import let_start, log_name_of, state_machine, tell_of_end

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infrastructure.constructs.dead_letters import DeadLetterQueue
    from infrastructure.constructs.redrive import RedriveFunction
    from infrastructure.constructs.region import Region
    from infrastructure.constructs.triage import TriageFunction
    from workflows.approval import Approval

DEFINITION = Path(__file__).with_suffix(".asl.json")


class Redrive(Construct):
    """The state machine; it may call its two functions, ask for an approval, write its log and its trace.

    It starts with a triage when the alarm of a queue goes off. What an execution that did not come to
    its end has left locked or unfinished is released.
    """

    state_machine: sfn.StateMachine
    log_name: str
    outputs: dict[str, str]

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        region: Region,
        redrive: RedriveFunction,
        triage: TriageFunction,
        approval: Approval,
        dead_letters: Sequence[DeadLetterQueue],
    ) -> None:
        super().__init__(scope, id)
        self.log_name = log_name_of(region.configuration, "redrive")
        self.state_machine = state_machine(
            self,
            configuration=region.configuration,
            what="redrive",
            definition=DEFINITION,
            functions={
                "RedriveFunction": redrive.function.function_arn,
                "TriageFunction": triage.function.function_arn,
            },
            others={"Approval": approval.state_machine.state_machine_arn},
        )
        let_start(self.state_machine, approval.state_machine)
        self.outputs = {
            "RedriveStateMachineArn": self.state_machine.state_machine_arn,
            "ApprovalStateMachineArn": approval.state_machine.state_machine_arn,
        }
        for queue in dead_letters:
            self._triage_on_alarm(region, queue)
        tell_of_end(
            self,
            "Release",
            machine=self.state_machine,
            name=region.configuration.name("redrive-release"),
            description="Gives up the locks of an execution that did not come to its end",
            function=redrive.function,
            task="release",
        )

    def _triage_on_alarm(self, region: Region, queue: DeadLetterQueue) -> None:
        events.Rule(
            self,
            f"TriageOf-{queue.stage}",
            rule_name=region.configuration.name(f"{queue.stage}-triage"),
            description=f"Starts triage when the alarm on dead letters of {queue.stage} goes off",
            event_pattern=events.EventPattern(
                source=["aws.cloudwatch"],
                detail_type=["CloudWatch Alarm State Change"],
                resources=[queue.alarm.alarm_arn],
                detail={"state": {"value": ["ALARM"]}},
            ),
            targets=[
                targets.SfnStateMachine(
                    self.state_machine,
                    input=events.RuleTargetInput.from_object(
                        {"stage": queue.stage, "action": "triage", "started_by": "alarm"}
                    ),
                    # The counter starts one as well, as long as the queue is not empty.
                    retry_attempts=3,
                    max_event_age=cdk.Duration.minutes(5),
                )
            ],
        )
