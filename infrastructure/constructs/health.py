"""Alarms for several constructs together: the whole system in a region, the handling of dead letters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_cloudwatch as cloudwatch
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
        self.alarm.add_ok_action(region.alarms.action)
