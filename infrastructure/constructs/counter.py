"""The counter: every minute, what only the whole tells; and triage where a queue is not empty."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from constructs import Construct

from infrastructure.constructs.alarms import Meaning, Missing, alarm
from infrastructure.constructs.checks import accept_wildcard
from infrastructure.constructs.function import Function
from infrastructure.constructs.metrics import metric

if TYPE_CHECKING:
    from aws_cdk import aws_stepfunctions as sfn

    from infrastructure.configuration import Configuration
    from infrastructure.constructs.dead_letters import DeadLetterQueue
    from infrastructure.constructs.ledger import Ledger

_MINUTE = cdk.Duration.minutes(1)

# An execution that has worked for longer is stuck: a page takes a minute, and a run paces itself.
LONG_RUN = cdk.Duration.hours(2)
# Conservation looks at events of so many minutes ago. Later, most are still on their way; earlier, the
# alarm has told of them long since.
_CONSERVATION_MINUTES = (180, 10)


class Counter(Construct):
    """The function, and the rule that calls it. `state_machine` is the one that it starts for a triage.

    Its alarms: `unaccounted` for events that were stored and have gone nowhere, `failed` and `long` for
    executions of the state machine. Those of the function itself are not among them.
    """

    function: Function
    unaccounted: cloudwatch.Alarm
    failed: cloudwatch.Alarm
    long: cloudwatch.Alarm

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
        alarm_action: cloudwatch.IAlarmAction,
    ) -> None:
        super().__init__(scope, id)
        self.function = Function(
            self,
            "Function",
            configuration=configuration,
            name="counter",
            description="Counts what is open, unaccounted for or stuck, and starts triage",
            memory_size=512,
            # Over before the next one begins.
            timeout=cdk.Duration.seconds(50),
            environment={
                "INGEST_DLQ_URL": ingest_dead_letters.queue.queue_url,
                "PUBLISH_DLQ_URL": publish_dead_letters.queue.queue_url,
                "LEDGER_TABLE": ledger.table.table_name,
                "STATE_MACHINE_ARN": state_machine.state_machine_arn,
                "CONSERVATION_FROM_MINUTES": str(_CONSERVATION_MINUTES[0]),
                "CONSERVATION_UNTIL_MINUTES": str(_CONSERVATION_MINUTES[1]),
            },
            harm="they notice nothing, but operators don't see what the counter counts.",
        )
        for dead_letters in (ingest_dead_letters, publish_dead_letters):
            dead_letters.grant_measure(self.function)
        ledger.grant_count(self.function)
        self._allow(
            state_machine.state_machine_arn, "states:StartExecution", "states:ListExecutions"
        )
        executions = cdk.Stack.of(self).format_arn(
            service="states",
            resource="execution",
            resource_name=f"{configuration.name('redrive')}:*",
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        self._allow(executions, "states:DescribeExecution", "states:GetExecutionHistory")
        accept_wildcard(
            self.function.execution_role, executions, "Executions of the one state machine."
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
        self._watch(configuration, alarm_action)

    def _watch(self, configuration: Configuration, alarm_action: cloudwatch.IAlarmAction) -> None:
        maximum, deployment = cloudwatch.Stats.MAXIMUM, configuration.deployment
        self.events_unaccounted = metric(deployment, "EventsUnaccounted", statistic=maximum)
        self.runs_failed = metric(deployment, "RedriveRunsFailed", statistic=maximum)
        self.succeeded = metric(deployment, "RedriveSucceeded")
        self.failed_again = metric(deployment, "RedriveFailed")
        self.run_seconds = metric(deployment, "RedriveRunSeconds", statistic=maximum)
        self.unaccounted = alarm(
            self,
            "Unaccounted",
            configuration=configuration,
            name="events-unaccounted",
            metric=self.events_unaccounted,
            above=0,
            minutes=3,
            # A counter that is silent is told as well: nobody else would notice a loss.
            missing=Missing.IS_UNKNOWN,
            meaning=Meaning(
                what="Events that were accepted and stored have neither been published nor become "
                "dead letters within ten minutes; or, if the state is INSUFFICIENT_DATA, nobody "
                "counts them.",
                users="subscribers don't get these events.",
                section="events-unaccounted-for",
            ),
        )
        self.unaccounted.add_insufficient_data_action(alarm_action)
        self.failed = alarm(
            self,
            "RunFailed",
            configuration=configuration,
            name="redrive-failed",
            metric=self.runs_failed,
            above=0,
            missing=Missing.CHANGES_NOTHING,
            meaning=Meaning(
                what="An execution of triage or redrive failed or timed out, and not because of its "
                "input.",
                users="they notice nothing, but dead letters wait for longer.",
                section="redrive-failed",
            ),
        )
        self.long = alarm(
            self,
            "RunLong",
            configuration=configuration,
            name="redrive-long",
            metric=self.run_seconds,
            above=LONG_RUN.to_seconds(),
            minutes=3,
            missing=Missing.CHANGES_NOTHING,
            meaning=Meaning(
                what=f"An execution of triage or redrive has worked for more than {LONG_RUN.to_hours():.0f} "
                "hours, time that it waited for approval not counted.",
                users="they notice nothing, but dead letters wait for longer.",
                section="redrive-runs-long",
            ),
        )
        for one in (self.unaccounted, self.failed, self.long):
            one.add_alarm_action(alarm_action)

    def _allow(self, resource: str, *actions: str) -> None:
        self.function.add_to_role_policy(
            iam.PolicyStatement(actions=list(actions), resources=[resource])
        )
