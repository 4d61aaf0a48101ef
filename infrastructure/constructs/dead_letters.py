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

from eventing.cause import Code
from infrastructure.constructs.alarms import Meaning, Missing, alarm, runbook
from infrastructure.constructs.checks import accept
from infrastructure.constructs.metrics import metric

if TYPE_CHECKING:
    from aws_cdk.interfaces.aws_events import IRuleRef

    from infrastructure.configuration import Configuration

Stage = Literal["ingest", "publish"]

# Triage has what it receives in the ledger and deletes it within this time.
TRIAGE_TIMEOUT = cdk.Duration.seconds(90)
_VISIBILITY = cdk.Duration.minutes(5)
# How long operators' message may take to come from triage before the alarm sends its own.
_REPORT_WAIT = cdk.Duration.minutes(3)
# The ledger keeps an open letter for 180 days; one that waits for so many has been forgotten.
OLD_DAYS = 14

_USERS = {
    "ingest": "none yet: what was answered 202 is safe, but not published until it is redriven.",
    "publish": "subscribers don't get these events until they are redriven.",
}


class DeadLetterQueue(Construct):
    """The dead-letter queue of a stage with its alarms.

    `alarm` goes off within a minute of a dead letter, and stays until every one is resolved, parked or
    discarded. It starts triage, whose message tells the operators what has failed and why. Only when
    that message is not sent in time does the alarm tell them itself, so that one incident sends one
    message, and no fault of triage hides an incident. `old` goes off when one has been forgotten. No
    other alarm here has an action.
    """

    stage: Stage
    queue: sqs.Queue
    arrivals: cloudwatch.Metric
    waiting: cloudwatch.Metric
    open: cloudwatch.Metric
    oldest: cloudwatch.Metric
    arrived: cloudwatch.Alarm
    waits: cloudwatch.Alarm
    is_open: cloudwatch.Alarm
    old: cloudwatch.Alarm
    reported: cloudwatch.Alarm
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
        self.arrivals_by_cause = {
            code.value: metric(
                configuration.deployment, "DeadLettered", stage=stage, cause=code.value
            )
            for code in Code
        }
        self.waiting = self.queue.metric_approximate_number_of_messages_visible(
            period=cdk.Duration.minutes(1), statistic=cloudwatch.Stats.MAXIMUM
        )
        self.open = metric(
            configuration.deployment,
            "OpenDeadLetters",
            statistic=cloudwatch.Stats.MAXIMUM,
            stage=stage,
        )
        self.oldest = metric(
            configuration.deployment,
            "OldestDeadLetterAge",
            statistic=cloudwatch.Stats.MAXIMUM,
            stage=stage,
        )
        self._watch(configuration, alarm_action)

    def _watch(self, configuration: Configuration, alarm_action: cloudwatch.IAlarmAction) -> None:
        stage = self.stage
        self.arrived = self._above_zero(
            "Arrived",
            self.arrivals,
            configuration=configuration,
            name=f"{stage}-dead-lettered",
            what=f"The {stage} function put an event into its dead-letter queue within a minute.",
            missing=Missing.IS_FINE,
        )
        # A queue's own metric can be minutes late, but sees letters that no function reported.
        self.waits = self._above_zero(
            "Waiting",
            self.waiting,
            configuration=configuration,
            name=f"{stage}-dlq-messages",
            what=f"There are dead letters in the {stage} dead-letter queue.",
            # SQS has none of a queue that nobody has used for hours.
            missing=Missing.IS_FINE,
        )
        self.is_open = self._above_zero(
            "Open",
            self.open,
            configuration=configuration,
            name=f"{stage}-open-dead-letters",
            what=f"The ledger has dead letters of {stage} that nobody has dealt with.",
            # The counter says 0, too.
            missing=Missing.CHANGES_NOTHING,
        )
        self.old = alarm(
            self,
            "Old",
            configuration=configuration,
            name=f"{stage}-old-dead-letters",
            metric=self.oldest,
            above=cdk.Duration.days(OLD_DAYS).to_seconds(),
            minutes=3,
            missing=Missing.CHANGES_NOTHING,
            meaning=Meaning(
                what=f"A dead letter of {stage} has been open for more than {OLD_DAYS} days; after "
                "180 it is gone for good.",
                users=_USERS[stage],
                section="old-dead-letters",
            ),
        )
        self.old.add_alarm_action(alarm_action)
        self.reported = metric(
            configuration.deployment, "IncidentReported", stage=stage
        ).create_alarm(
            self,
            "Reported",
            alarm_name=configuration.name(f"{stage}-reported"),
            alarm_description=(
                f"Operators have been told of the dead letters of {stage} that are open, by triage. "
                "No reason to worry: it keeps the alarm from telling them again. Runbook: "
                f"{runbook(configuration, 'dead-letters')}"
            ),
            threshold=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            evaluation_periods=3,
            datapoints_to_alarm=1,
            # Nothing is reported while all is well.
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        self.alarm = cloudwatch.CompositeAlarm(
            self,
            "Alarm",
            composite_alarm_name=configuration.name(f"{stage}-dead-letters"),
            alarm_description=Meaning(
                what=f"Events could not get past {stage} and wait as dead letters. When this comes as "
                "a message, triage has not told you in time which and why.",
                users=_USERS[stage],
                section="dead-letters",
            ).text(configuration),
            alarm_rule=cloudwatch.AlarmRule.any_of(self.arrived, self.waits, self.is_open),
            actions_suppressor=self.reported,
            actions_suppressor_wait_period=_REPORT_WAIT,
            actions_suppressor_extension_period=_REPORT_WAIT,
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

    def grant_drain(self, grantee: iam.IGrantable) -> None:
        """Let it take dead letters out of the queue."""
        self._grant(grantee, "sqs:ReceiveMessage", "sqs:DeleteMessage")

    def grant_measure(self, grantee: iam.IGrantable) -> None:
        """Let it see how many dead letters are in the queue."""
        self._grant(grantee, "sqs:GetQueueAttributes")

    def _grant(self, grantee: iam.IGrantable, *actions: str) -> None:
        # The CDK's own grants add actions that nothing here calls.
        self.queue.grant(grantee, *actions)

    def _above_zero(
        self,
        id: str,
        watched: cloudwatch.Metric,
        *,
        configuration: Configuration,
        name: str,
        what: str,
        missing: Missing,
    ) -> cloudwatch.Alarm:
        return alarm(
            self,
            id,
            configuration=configuration,
            name=name,
            metric=watched,
            above=0,
            missing=missing,
            meaning=Meaning(what=what, users=_USERS[self.stage], section="dead-letters"),
        )


@jsii.implements(events.IRuleTarget)
class _Target:
    """A queue as a rule's target; the CDK's own class lets the rule do more than send."""

    def __init__(self, queue: sqs.Queue) -> None:
        self._queue = queue

    def bind(self, _rule: IRuleRef, _id: str | None = None) -> events.RuleTargetConfig:
        return events.RuleTargetConfig(arn=self._queue.queue_arn)
