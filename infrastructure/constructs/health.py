"""Alarms for several constructs together: the whole system in a region, the handling of dead letters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from constructs import Construct

from functions.contract import Metric, Notice
from infrastructure.constructs.alarms import DEAD_LETTERS_WAIT, Meaning, Part, reported

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infrastructure.constructs.dead_letters import DeadLetterQueue
    from infrastructure.constructs.function import Function
    from infrastructure.constructs.ledger import Ledger
    from infrastructure.constructs.notifier import Notifier
    from infrastructure.constructs.region import Region


class DeadLetterHandling(Construct):
    """`alarm` goes off when what counts, sorts, redrives or keeps dead letters does not work."""

    alarm: cloudwatch.CompositeAlarm

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        region: Region,
        functions: Sequence[Function],
        ledger: Ledger,
    ) -> None:
        super().__init__(scope, id)
        self.alarm = region.alarms.composite(
            self,
            "Alarm",
            part=Part.HANDLING,
            name="redrive-impaired",
            components=[*(a for one in functions for a in one.alarms), *ledger.alarms],
            meaning=Meaning(
                what="Dead letters can't be dealt with as they should: triage, redrive or the counter "
                "fails, or the ledger turns requests away.",
                users=DEAD_LETTERS_WAIT,
                section="redrive-impaired",
            ),
        )


class Attention(Construct):
    """`alarm` is on while dead letters wait for a person: parked ones, and those at fault themselves.

    It sends nothing when triage has told of the letters, and says why they failed.
    """

    alarm: cloudwatch.CompositeAlarm

    def __init__(
        self, scope: Construct, id: str, *, region: Region, dead_letters: Sequence[DeadLetterQueue]
    ) -> None:
        super().__init__(scope, id)
        self.reported = reported(
            self,
            region.metric(Metric.ATTENTION_REPORTED),
            configuration=region.configuration,
            name="attention-reported",
            what="the dead letters that are at fault themselves",
            section="attention",
        )
        self.alarm = region.alarms.composite(
            self,
            "Alarm",
            part=Part.ATTENTION,
            name="attention",
            components=[alarm for queue in dead_letters for alarm in queue.attention],
            meaning=Meaning(
                what="Dead letters wait for a person: redrives have failed with them too often, or their "
                "own events are at fault. All other events flow.",
                users="subscribers don't get these events until somebody has dealt with them.",
                section="attention",
                next="letters",
            ),
            muted_while=self.reported,
        )


class Health(Construct):
    """The state of the whole region, in two alarms.

    `unhealthy` is on while any notifying alarm is that tells of what stops the flow of events or slows it
    down, and has no action: the alarm that found it has told operators. `any_alarm` is on while any
    notifying alarm is, also of what waits for a person, and tells operators when none is any more.
    """

    unhealthy: cloudwatch.CompositeAlarm
    any_alarm: cloudwatch.CompositeAlarm

    def __init__(self, scope: Construct, id: str, *, region: Region, notifier: Notifier) -> None:
        super().__init__(scope, id)
        alarms = region.alarms
        self.unhealthy = self._any_of(
            "Alarm",
            alarms.of_the_flow,
            region=region,
            name="unhealthy",
            what="The system is not healthy: something stops the flow of events, or slows it down.",
        )
        self.any_alarm = self._any_of(
            "AnyAlarm",
            alarms.notifying,
            region=region,
            name="any-alarm",
            what="At least one alarm of this region is on. Its end is told: nothing stops the flow of "
            "events any more, and nothing waits for a person.",
        )
        self._tell_the_end(region, notifier)

    def _any_of(
        self,
        id: str,
        alarms: Sequence[cloudwatch.IAlarm],
        *,
        region: Region,
        name: str,
        what: str,
    ) -> cloudwatch.CompositeAlarm:
        meaning = Meaning(
            what=what, users="what each of those alarms says.", section="which-alarm-is-it"
        )
        return cloudwatch.CompositeAlarm(
            self,
            id,
            composite_alarm_name=region.configuration.name(name),
            alarm_description=meaning.text(region.configuration),
            alarm_rule=cloudwatch.AlarmRule.any_of(*alarms),
        )

    def _tell_the_end(self, region: Region, notifier: Notifier) -> None:
        # Not as an action of the alarm: a new composite runs that on its first evaluation, with nothing
        # before it that could be well again.
        since = events.EventField.from_path("$.detail.state.timestamp")
        events.Rule(
            self,
            "WellAgain",
            rule_name=region.configuration.name("well-again"),
            description="Tells operators that all alarms are off again",
            event_pattern=events.EventPattern(
                source=["aws.cloudwatch"],
                detail_type=["CloudWatch Alarm State Change"],
                resources=[self.any_alarm.alarm_arn],
                detail={"state": {"value": ["OK"]}, "previousState": {"value": ["ALARM"]}},
            ),
            targets=[
                notifier.target(
                    Notice.WELL_AGAIN, {"at": since}, is_news_for=cdk.Duration.minutes(15)
                )
            ],
        )
