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

from eventing.cause import FAULTS, Code
from eventing.dead_letter import USERS
from functions.contract import Dimension, Metric
from infrastructure.constructs.alarms import Meaning, Missing, Part, reported
from infrastructure.constructs.bucket import removal_policy
from infrastructure.constructs.checks import accept
from infrastructure.retention import OLD_DAYS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_cdk.interfaces.aws_events import IRuleRef

    from eventing.cause import Fault
    from eventing.dead_letter import Stage
    from infrastructure.constructs.alarms import Alarms
    from infrastructure.constructs.region import Region

# The counter starts triage every minute, and it has what it receives in the ledger in the next one.
QUEUED_TOO_LONG = cdk.Duration.minutes(5)
# Triage has what it receives in the ledger and deletes it within this time.
TRIAGE_TIMEOUT = cdk.Duration.seconds(90)
_VISIBILITY = cdk.Duration.minutes(5)
# How long operators' message may take to come from triage before the alarm sends its own.
_REPORT_WAIT = cdk.Duration.minutes(5)


class DeadLetterQueue(Construct):
    """The dead-letter queue of a stage with its alarms.

    `alarm` goes off within a minute of a dead letter that the system is to blame for, and stays until
    every one is resolved, parked or discarded. It starts triage, whose message tells the operators what
    has failed and why. Only when that message is not sent in time does the alarm tell them itself, so that
    one incident sends one message, and no fault of triage hides an incident. `old` goes off when one has
    been forgotten. No other alarm here has an action: `attention` are those on letters that wait for a
    person, whatever the system does.
    """

    stage: Stage
    queue: sqs.Queue
    arrivals_by_fault: Mapping[Fault, cloudwatch.Metric]
    waiting: cloudwatch.Metric
    waited: cloudwatch.Metric
    open: cloudwatch.Metric
    open_by_fault: Mapping[Fault, cloudwatch.Metric]
    oldest: cloudwatch.Metric
    parked: cloudwatch.Metric
    parked_oldest: cloudwatch.Metric
    parked_expiry: cloudwatch.Metric
    arrived: cloudwatch.Alarm
    waits: cloudwatch.Alarm
    is_open: cloudwatch.Alarm
    attention: Sequence[cloudwatch.Alarm]
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
            removal_policy=removal_policy(region.configuration),
        )
        accept(self.queue, "SQS3", "This is a dead-letter queue; redrive counts its own attempts.")

        by_stage = {Dimension.STAGE: stage}
        maximum = cloudwatch.Stats.MAXIMUM
        self.arrivals_by_fault = {
            fault: region.metric(Metric.DEAD_LETTERED, by={**by_stage, Dimension.FAULT: fault})
            for fault in FAULTS
        }
        self.arrivals_by_cause = {
            code.value: region.metric(
                Metric.DEAD_LETTERED, by={**by_stage, Dimension.CAUSE: code.value}
            )
            for code in Code
        }
        self.waiting = self.queue.metric_approximate_number_of_messages_visible(
            period=cdk.Duration.minutes(1), statistic=maximum
        )
        self.waited = self.queue.metric_approximate_age_of_oldest_message(
            period=cdk.Duration.minutes(1), statistic=maximum
        )

        def gauge(name: str, **more: str) -> cloudwatch.Metric:
            return region.metric(name, statistic=maximum, by={**by_stage, **more})

        self.open = gauge(Metric.OPEN_DEAD_LETTERS)
        self.open_by_fault = {
            fault: gauge(Metric.OPEN_BY_FAULT, **{Dimension.FAULT: fault}) for fault in FAULTS
        }
        self.oldest = gauge(Metric.OLDEST_DEAD_LETTER_AGE)
        self.parked = gauge(Metric.PARKED_DEAD_LETTERS)
        self.parked_oldest = gauge(Metric.OLDEST_PARKED_AGE)
        self.parked_expiry = gauge(Metric.FIRST_PARKED_EXPIRY)
        self._watch(region)

    def _watch(self, region: Region) -> None:
        stage = self.stage
        self.arrived = self._above(
            "Arrived",
            self.arrivals_by_fault["system"],
            alarms=region.alarms,
            name=f"{stage}-dead-lettered",
            what=f"The {stage} function put an event into its dead-letter queue within a minute, and not "
            "because of the event.",
            missing=Missing.IS_FINE,
        )
        # By the age and not by the number: what is on its way to the ledger is no incident by itself.
        self.waits = self._above(
            "Waiting",
            self.waited,
            above=QUEUED_TOO_LONG.to_seconds(),
            alarms=region.alarms,
            name=f"{stage}-dlq-age",
            what=f"A dead letter has been in the {stage} dead-letter queue for more than "
            f"{QUEUED_TOO_LONG.to_minutes():.0f} minutes; triage takes two.",
            # SQS has none of a queue that nobody has used for hours.
            missing=Missing.IS_FINE,
        )
        # The counter says 0, too.
        self.is_open = self._above(
            "Open",
            self.open_by_fault["system"],
            alarms=region.alarms,
            name=f"{stage}-open-dead-letters",
            what=f"The ledger has dead letters of {stage} that nobody has dealt with, and not because of "
            "their events.",
            missing=Missing.CHANGES_NOTHING,
        )
        self.attention = (
            self._above(
                "OwnFault",
                self.open_by_fault["event"],
                alarms=region.alarms,
                name=f"{stage}-own-fault-dead-letters",
                what=f"The ledger has dead letters of {stage} whose own events are at fault: they are "
                "invalid, too large, in conflict with another, or no topic takes them.",
                missing=Missing.CHANGES_NOTHING,
                section="letters-at-fault-themselves",
            ),
            self._above(
                "Parked",
                self.parked,
                alarms=region.alarms,
                name=f"{stage}-parked-dead-letters",
                what=f"Dead letters of {stage} are parked: redrives have failed with them, and no filter "
                f"selects them. {region.configuration.retention.open_letters} days after they were "
                "recorded they are gone for good.",
                missing=Missing.CHANGES_NOTHING,
                section="parked-letters",
                selects=" --parked",
            ),
        )
        self.old = region.alarms.alarm(
            self,
            "Old",
            name=f"{stage}-old-dead-letters",
            metric=self.oldest,
            above=cdk.Duration.days(OLD_DAYS).to_seconds(),
            minutes=3,
            missing=Missing.CHANGES_NOTHING,
            meaning=self._meaning(
                f"A dead letter of {stage} has been open for more than {OLD_DAYS} days; after "
                f"{region.configuration.retention.open_letters} it is gone for good.",
                "old-dead-letters",
            ),
        )
        self.reported = reported(
            self,
            region.metric(Metric.INCIDENT_REPORTED, by={Dimension.STAGE: stage}),
            configuration=region.configuration,
            name=f"{stage}-reported",
            what=f"the dead letters of {stage} that are open",
            section="dead-letters",
        )
        self.alarm = region.alarms.composite(
            self,
            "Alarm",
            part=Part.DEAD_LETTERS,
            name=f"{stage}-dead-letters",
            components=(self.arrived, self.waits, self.is_open),
            meaning=self._meaning(
                f"Events could not get past {stage}: they wait as dead letters. When this comes as "
                "a message, triage has not told you in time which and why.",
                "dead-letters",
            ),
            muted_while=self.reported,
            wait=_REPORT_WAIT,
        )
        region.alarms.notify(self.old, part=Part.ATTENTION)

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

    def _above(
        self,
        id: str,
        watched: cloudwatch.Metric,
        *,
        above: float = 0,
        alarms: Alarms,
        name: str,
        what: str,
        missing: Missing,
        section: str = "dead-letters",
        selects: str = "",
    ) -> cloudwatch.Alarm:
        return alarms.alarm(
            self,
            id,
            name=name,
            metric=watched,
            above=above,
            missing=missing,
            meaning=self._meaning(what, section, selects=selects),
        )

    def _meaning(self, what: str, section: str, *, selects: str = "") -> Meaning:
        """Of an alarm on letters that `eventing letters` lists, with more options if need be."""
        return Meaning(
            what=what,
            users=USERS[self.stage],
            section=section,
            next=f"letters --stage {self.stage}{selects}",
        )


@jsii.implements(events.IRuleTarget)
class _Target:
    """A queue as a rule's target; the CDK's own class lets the rule do more than send."""

    def __init__(self, queue: sqs.Queue) -> None:
        self._queue = queue

    def bind(self, _rule: IRuleRef, _id: str | None = None) -> events.RuleTargetConfig:
        return events.RuleTargetConfig(arn=self._queue.queue_arn)
