"""Dead letters: the queue of one stage, and the alarm that tells operators of the first one in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import aws_cdk as cdk
import jsii
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infrastructure.constructs.checks import accept
from infrastructure.constructs.metrics import metric

if TYPE_CHECKING:
    from aws_cdk.interfaces.aws_events import IRuleRef

    from infrastructure.configuration import Configuration

Stage = Literal["ingest", "publish"]

# A redrive page holds what it received for at most this long before it deletes it or lets it go.
REDRIVE_PAGE = cdk.Duration.seconds(90)
_VISIBILITY = cdk.Duration.minutes(5)


class DeadLetterQueue(Construct):
    """The dead-letter queue of a stage with its alarms.

    `alarm` goes off within a minute of a dead letter, and stays while one is in the queue. It alone
    tells the operators: the two that it joins are silent, so that one incident sends one message.
    """

    stage: Stage
    queue: sqs.Queue
    arrivals: cloudwatch.Metric
    waiting: cloudwatch.Metric
    alarm: cloudwatch.CompositeAlarm

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        configuration: Configuration,
        stage: Stage,
        alarm_action: cloudwatch.IAlarmAction,
    ) -> None:
        super().__init__(scope, id)
        self.stage = stage
        self.queue = sqs.Queue(
            self,
            "Queue",
            queue_name=configuration.name(f"{stage}-dlq"),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=cdk.Duration.days(14),
            visibility_timeout=_VISIBILITY,
            receive_message_wait_time=cdk.Duration.seconds(20),
        )
        accept(self.queue, "SQS3", "This is a dead-letter queue; redrive counts its own attempts.")

        self.arrivals = metric(configuration.deployment, "DeadLettered", stage=stage)
        self.waiting = self.queue.metric_approximate_number_of_messages_visible(
            period=cdk.Duration.minutes(1), statistic=cloudwatch.Stats.MAXIMUM
        )
        arrived = self._above_zero(
            "Arrived",
            self.arrivals,
            name=configuration.name(f"{stage}-dead-lettered"),
            description=f"The {stage} function put an event into its dead-letter queue within a minute.",
        )
        # A queue's own metric can be minutes late, but sees letters that no function reported.
        waits = self._above_zero(
            "Waiting",
            self.waiting,
            name=configuration.name(f"{stage}-dlq-messages"),
            description=f"There are dead letters in the {stage} dead-letter queue.",
        )
        self.alarm = cloudwatch.CompositeAlarm(
            self,
            "Alarm",
            composite_alarm_name=configuration.name(f"{stage}-dead-letters"),
            alarm_description=(
                f"Events could not get past {stage} and wait in its dead-letter queue: look at the "
                "cause in the letters, remove it, start a redrive."
            ),
            alarm_rule=cloudwatch.AlarmRule.any_of(arrived, waits),
        )
        self.alarm.add_alarm_action(alarm_action)

    def grant_send(self, grantee: iam.IGrantable) -> None:
        """Let it put dead letters into the queue."""
        self._grant(grantee, "sqs:SendMessage")

    def add_events_of(self, rule: events.Rule) -> None:
        """Put what this rule matches into the queue, as EventBridge tells it; no other rule may."""
        rule.add_target(_Target(self.queue))
        self.queue.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[self.queue.queue_arn],
                conditions={"ArnEquals": {"aws:SourceArn": rule.rule_arn}},
            )
        )

    def grant_redrive(self, grantee: iam.IGrantable) -> None:
        """Let it take dead letters out of the queue, and put back those that fail again."""
        self._grant(
            grantee,
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:ChangeMessageVisibility",
            "sqs:SendMessage",
        )

    def _grant(self, grantee: iam.IGrantable, *actions: str) -> None:
        # The CDK's own grants add actions that nothing here calls.
        self.queue.grant(grantee, *actions)

    def _above_zero(
        self, id: str, watched: cloudwatch.Metric, *, name: str, description: str
    ) -> cloudwatch.Alarm:
        return watched.create_alarm(
            self,
            id,
            alarm_name=name,
            alarm_description=description,
            threshold=0,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
            evaluation_periods=1,
            # Both metrics have no data while all is well.
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )


@jsii.implements(events.IRuleTarget)
class _Target:
    """A queue as a rule's target; the CDK's own class lets the rule do more than send."""

    def __init__(self, queue: sqs.Queue) -> None:
        self._queue = queue

    def bind(self, _rule: IRuleRef, _id: str | None = None) -> events.RuleTargetConfig:
        return events.RuleTargetConfig(arn=self._queue.queue_arn)
