"""Dead letters: the queue of one stage, and the alarm that tells operators of the first one in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
import jsii
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from eventing.cause import Code
from functions.contract import Dimension, Metric
from infrastructure.constructs.alarms import Meaning, Missing, Part, runbook
from infrastructure.constructs.checks import accept
from infrastructure.retention import OLD_DAYS

if TYPE_CHECKING:
    from aws_cdk.interfaces.aws_events import IRuleRef

    from eventing.dead_letter import Stage
    from infrastructure.constructs.alarms import Alarms
    from infrastructure.constructs.region import Region

# The longest that SQS keeps a message.
# Triage has what it receives in the ledger and deletes it within this time.
TRIAGE_TIMEOUT = cdk.Duration.seconds(90)
_VISIBILITY = cdk.Duration.minutes(5)
# How long operators' message may take to come from triage before the alarm sends its own.
_REPORT_WAIT = cdk.Duration.minutes(3)

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
        region: Region,
        stage: Stage,
    ) -> None:
        super().__init__(scope, id)
        self.stage = stage
        self.queue = sqs.Queue(
            self,
            "Queue",
            queue_name=region.configuration.name(f"{stage}-dlq"),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=cdk.Duration.days(region.configuration.retention.queued_letters),
            visibility_timeout=_VISIBILITY,
            receive_message_wait_time=cdk.Duration.seconds(20),
        )
        accept(self.queue, "SQS3", "This is a dead-letter queue; redrive counts its own attempts.")

        by_stage = {Dimension.STAGE: stage}
        maximum = cloudwatch.Stats.MAXIMUM
        self.arrivals = region.metric(Metric.DEAD_LETTERED, by=by_stage)
        self.arrivals_by_cause = {
            code.value: region.metric(
                Metric.DEAD_LETTERED, by={**by_stage, Dimension.CAUSE: code.value}
            )
            for code in Code
        }
        self.waiting = self.queue.metric_approximate_number_of_messages_visible(
            period=cdk.Duration.minutes(1), statistic=maximum
        )
        self.open = region.metric(Metric.OPEN_DEAD_LETTERS, statistic=maximum, by=by_stage)
        self.oldest = region.metric(Metric.OLDEST_DEAD_LETTER_AGE, statistic=maximum, by=by_stage)
        self._watch(region)

    def _watch(self, region: Region) -> None:
        stage = self.stage
        self.arrived = self._above_zero(
            "Arrived",
            self.arrivals,
            alarms=region.alarms,
            name=f"{stage}-dead-lettered",
            what=f"The {stage} function put an event into its dead-letter queue within a minute.",
            missing=Missing.IS_FINE,
        )
        # A queue's own metric can be minutes late, but sees letters that no function reported.
        self.waits = self._above_zero(
            "Waiting",
            self.waiting,
            alarms=region.alarms,
            name=f"{stage}-dlq-messages",
            what=f"There are dead letters in the {stage} dead-letter queue.",
            # SQS has none of a queue that nobody has used for hours.
            missing=Missing.IS_FINE,
        )
        self.is_open = self._above_zero(
            "Open",
            self.open,
            alarms=region.alarms,
            name=f"{stage}-open-dead-letters",
            what=f"The ledger has dead letters of {stage} that nobody has dealt with.",
            # The counter says 0, too.
            missing=Missing.CHANGES_NOTHING,
        )
        self.old = region.alarms.alarm(
            self,
            "Old",
            name=f"{stage}-old-dead-letters",
            metric=self.oldest,
            above=cdk.Duration.days(OLD_DAYS).to_seconds(),
            minutes=3,
            missing=Missing.CHANGES_NOTHING,
            meaning=Meaning(
                what=f"A dead letter of {stage} has been open for more than {OLD_DAYS} days; after "
                f"{region.configuration.retention.open_letters} it is gone for good.",
                users=_USERS[stage],
                section="old-dead-letters",
            ),
        )
        # Not one of the region's: it is on while all goes as it should, and only mutes.
        self.reported = region.metric(
            Metric.INCIDENT_REPORTED, by={Dimension.STAGE: stage}
        ).create_alarm(
            self,
            "Reported",
            alarm_name=region.configuration.name(f"{stage}-reported"),
            alarm_description=(
                f"Operators have been told of the dead letters of {stage} that are open, by triage. "
                "No reason to worry: it keeps the alarm from telling them again. Runbook: "
                f"{runbook(region.configuration, 'dead-letters')}"
            ),
            threshold=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            evaluation_periods=3,
            datapoints_to_alarm=1,
            # Nothing is reported while all is well.
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        self.alarm = region.alarms.composite(
            self,
            "Alarm",
            part=Part.DEAD_LETTERS,
            name=f"{stage}-dead-letters",
            components=(self.arrived, self.waits, self.is_open),
            meaning=Meaning(
                what=f"Events could not get past {stage} and wait as dead letters. When this comes as "
                "a message, triage has not told you in time which and why.",
                users=_USERS[stage],
                section="dead-letters",
            ),
            muted_while=self.reported,
            wait=_REPORT_WAIT,
        )
        region.alarms.notify(self.old, part=Part.DEAD_LETTERS)

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
        """Let it take dead letters out of the queue, or show them again."""
        self._grant(
            grantee, "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"
        )

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
        alarms: Alarms,
        name: str,
        what: str,
        missing: Missing,
    ) -> cloudwatch.Alarm:
        return alarms.alarm(
            self,
            id,
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
