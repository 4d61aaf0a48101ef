"""Alarms for several constructs together: the whole system in a region, the handling of dead letters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from infrastructure.constructs.alarms import DEAD_LETTERS_WAIT, Meaning, Part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infrastructure.constructs.region import Region


class DeadLetterHandling(Construct):
    """`alarm` goes off when what counts, sorts or redrives dead letters does not work: one of `alarms`."""

    alarm: cloudwatch.CompositeAlarm

    def __init__(
        self, scope: Construct, id: str, *, region: Region, alarms: Sequence[cloudwatch.AlarmBase]
    ) -> None:
        super().__init__(scope, id)
        self.alarm = region.alarms.composite(
            self,
            "Alarm",
            part=Part.HANDLING,
            name="redrive-impaired",
            components=alarms,
            meaning=Meaning(
                what="Dead letters can't be dealt with as they should: triage, redrive or the counter "
                "fails, or the ledger turns requests away.",
                users=DEAD_LETTERS_WAIT,
                section="redrive-impaired",
            ),
        )


class Health(Construct):
    """`alarm` is on while any notifying alarm of the region is, and tells operators when none is any more.

    The alarm that found something wrong has notified them of it: one incident sends one message.
    """

    alarm: cloudwatch.CompositeAlarm

    def __init__(self, scope: Construct, id: str, *, region: Region) -> None:
        super().__init__(scope, id)
        meaning = Meaning(
            what="The system is not healthy: at least one alarm of this region is on. "
            "Its end is told, when all of them are off again.",
            users="what each of those alarms says.",
            section="which-alarm-is-it",
        )
        self.alarm = cloudwatch.CompositeAlarm(
            self,
            "Alarm",
            composite_alarm_name=region.configuration.name("unhealthy"),
            alarm_description=meaning.text(region.configuration),
            alarm_rule=cloudwatch.AlarmRule.any_of(*region.alarms.notifying),
        )
        self._tell_the_end(region)

    def _tell_the_end(self, region: Region) -> None:
        # Not as an action of the alarm: a new composite runs that on its first evaluation, with nothing
        # before it that could be well again.
        name = region.configuration.name("unhealthy")
        events.Rule(
            self,
            "WellAgain",
            rule_name=region.configuration.name("well-again"),
            description="Tells operators that all alarms are off again",
            event_pattern=events.EventPattern(
                source=["aws.cloudwatch"],
                detail_type=["CloudWatch Alarm State Change"],
                resources=[self.alarm.alarm_arn],
                detail={"state": {"value": ["OK"]}, "previousState": {"value": ["ALARM"]}},
            ),
            targets=[
                targets.SnsTopic(
                    region.ops_topic,
                    # Otherwise the topic would let in the rules of every account.
                    authorize_using_role=True,
                    message=events.RuleTargetInput.from_text(
                        f"{region.configuration.deployment}: all is well again in "
                        f"{events.EventField.from_path('$.region')}. {name} is OK: no alarm is on."
                    ),
                )
            ],
        )
