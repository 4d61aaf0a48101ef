"""Alarms for several constructs together: the whole system in a region, what deals with dead letters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infrastructure.constructs.alarms import DEAD_LETTERS_WAIT, Meaning, composite

if TYPE_CHECKING:
    from collections.abc import Iterable

    from infrastructure.configuration import Configuration


class DeadLetterHandling(Construct):
    """`alarm` goes off when what counts, sorts or redrives dead letters does not work: one of `alarms`."""

    alarms: tuple[cloudwatch.IAlarm, ...]
    alarm: cloudwatch.CompositeAlarm

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        configuration: Configuration,
        alarms: Iterable[cloudwatch.IAlarm],
        alarm_action: cloudwatch.IAlarmAction,
    ) -> None:
        super().__init__(scope, id)
        self.alarms = tuple(alarms)
        self.alarm = composite(
            self,
            "Alarm",
            configuration=configuration,
            name="redrive-impaired",
            alarms=self.alarms,
            meaning=Meaning(
                what="Dead letters can't be dealt with as they should: triage, redrive or the counter "
                "fails, or the ledger turns requests away.",
                users=DEAD_LETTERS_WAIT,
                section="redrive-impaired",
            ),
            action=alarm_action,
        )


class Health(Construct):
    """`alarm` is in alarm while any of `alarms` is, and tells operators when none is any more.

    That something is wrong, the alarm that found it has told them: one incident sends one message.
    """

    alarm: cloudwatch.CompositeAlarm

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        configuration: Configuration,
        alarms: Iterable[cloudwatch.IAlarm],
        alarm_action: cloudwatch.IAlarmAction,
    ) -> None:
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
            composite_alarm_name=configuration.name("unhealthy"),
            alarm_description=meaning.text(configuration),
            alarm_rule=cloudwatch.AlarmRule.any_of(*alarms),
        )
        self.alarm.add_ok_action(alarm_action)
