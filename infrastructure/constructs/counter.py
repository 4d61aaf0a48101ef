"""The counter: every minute, how many dead letters are open; and triage where a queue is not empty."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from constructs import Construct

from infrastructure.constructs.checks import accept_wildcard
from infrastructure.constructs.function import Function

if TYPE_CHECKING:
    from aws_cdk import aws_stepfunctions as sfn

    from infrastructure.configuration import Configuration
    from infrastructure.constructs.dead_letters import DeadLetterQueue
    from infrastructure.constructs.ledger import Ledger

_MINUTE = cdk.Duration.minutes(1)


class Counter(Construct):
    """The function, and the rule that calls it. `state_machine` is the one that it starts for a triage."""

    function: Function

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        configuration: Configuration,
        ledger: Ledger,
        ingest_dead_letters: DeadLetterQueue,
        publish_dead_letters: DeadLetterQueue,
        state_machine: sfn.StateMachine,
    ) -> None:
        super().__init__(scope, id)
        self.function = Function(
            self,
            "Function",
            configuration=configuration,
            name="counter",
            description="Counts open dead letters, starts triage where a queue is not empty",
            memory_size=512,
            # Over before the next one begins.
            timeout=cdk.Duration.seconds(50),
            environment={
                "INGEST_DLQ_URL": ingest_dead_letters.queue.queue_url,
                "PUBLISH_DLQ_URL": publish_dead_letters.queue.queue_url,
                "LEDGER_TABLE": ledger.table.table_name,
                "STATE_MACHINE_ARN": state_machine.state_machine_arn,
            },
        )
        for dead_letters in (ingest_dead_letters, publish_dead_letters):
            dead_letters.grant_measure(self.function)
        ledger.grant_count(self.function)
        self._allow(
            state_machine.state_machine_arn, "states:StartExecution", "states:ListExecutions"
        )
        self._allow("*", "cloudwatch:GetMetricData")
        accept_wildcard(
            self.function.execution_role, "*", "Metrics are no resources that a policy could name."
        )
        # A count that comes late says nothing: the next one is there by then.
        self.function.configure_async_invoke(retry_attempts=0, max_event_age=_MINUTE)
        events.Rule(
            self,
            "EveryMinute",
            rule_name=configuration.name("counter"),
            description="Counts open dead letters",
            schedule=events.Schedule.rate(_MINUTE),
            targets=[
                targets.LambdaFunction(self.function, retry_attempts=0, max_event_age=_MINUTE)
            ],
        )

    def _allow(self, resource: str, *actions: str) -> None:
        self.function.add_to_role_policy(
            iam.PolicyStatement(actions=list(actions), resources=[resource])
        )
