"""Alarms and the end of all alarms: writes each as a mail to operators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from aws_lambda_powertools import Logger

from eventing.mail import Mail
from functions.contract import Notice
from functions.notifier.texts import AlarmChange, alarm_mail, well_again_mail
from functions.shared.alarm_reader import AlarmReader
from functions.shared.entry import entry
from functions.shared.invocation import Context
from functions.shared.operations import OpsTopic
from functions.shared.parts import Parts


class Handler:
    """Sends one mail for one event.

    It raises what keeps a mail from being sent: Lambda tries again, and sends operators the event as it
    is when that fails too.
    """

    def __init__(
        self, *, ops: OpsTopic, alarms: AlarmReader, deployment: str, logger: Logger
    ) -> None:
        self._ops = ops
        self._alarms = alarms
        self._deployment = deployment
        self._logger = logger

    def __call__(self, event: Mapping[str, Any], context: Context) -> None:
        """Tell operators of an alarm, as CloudWatch calls for it, or of what a rule has passed on.

        Raises ValueError for an event that is neither.
        """
        mail = self._mail(event)
        self._ops.tell(mail)
        self._logger.info("told", about=event.get(Notice.KIND, "alarm"))

    def _mail(self, event: Mapping[str, Any]) -> Mail:
        if alarm := event.get("alarmData"):
            return alarm_mail(self._described(AlarmChange.read(alarm)), deployment=self._deployment)
        match event.get(Notice.KIND):
            case Notice.WELL_AGAIN:
                return well_again_mail(event["at"])
        raise ValueError("an event that is no notice of this deployment")

    def _described(self, change: AlarmChange) -> AlarmChange:
        """The same with its description, which CloudWatch may leave out."""
        if change.description:
            return change
        try:
            return replace(change, description=self._alarms.description(change.name))
        except Exception as error:  # a mail without a diagnosis is worth more than none
            self._logger.warning("no description", alarm=change.name, error=type(error).__name__)
            return change


def make_handler(parts: Parts) -> Handler:
    """The function, put together from these parts."""
    return Handler(
        ops=parts.ops,
        alarms=parts.alarm_reader,
        deployment=parts.sender.deployment,
        logger=parts.logger,
    )


handle = entry(lambda: make_handler(Parts(threads=1)))
