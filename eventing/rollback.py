"""The command that deploys, so that what is deployed and found bad is rolled back.

CloudFormation watches alarms while it updates a stack and for some minutes after, and rolls the update back
when one of them goes off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

# Metric alarms, as the CDK CLI takes no composite; of CloudFormation ("RollbackConfiguration"), five at most.
# All are about events that don't get through now. None is about letters that wait: those may be old ones.
TRIGGERS = (
    "canary-undelivered",
    "api-failures",
    "ingest-errors",
    "publish-errors",
    "publish-stream-unread",
)
"""The alarms that roll a deployment back, without the deployment's name."""
MONITORED_MINUTES = 10
"""How long they are watched after the update: the slowest of them takes three minutes to go off."""
MOST_MINUTES = 180
"""Of CloudFormation ("RollbackConfiguration")."""


class Alarmed(ValueError):  # noqa: N818 - a refusal of what was asked
    """An alarm that would roll the deployment back is on already; the message says which."""


@dataclass(frozen=True, kw_only=True)
class Trigger:
    """An alarm that is there."""

    name: str
    """As in `TRIGGERS`."""
    arn: str
    is_on: bool


@dataclass(frozen=True, kw_only=True)
class Region:
    """What is deployed in one region."""

    deployment: str
    name: str
    is_deployed: bool
    """The stack of the region has been there, whole, before."""
    has_data: bool
    """The stack of the Events table is in this region."""
    triggers: Sequence[Trigger] = ()

    def command(self, *, fix: bool, minutes: int = MONITORED_MINUTES) -> list[str]:
        """The command of the CDK CLI that deploys this region.

        Nothing rolls a first deployment back: there is no alarm yet, and what it made is worth keeping for
        the next try. With `fix` no alarm is watched. Raises `Alarmed` when one is on and it is no fix.
        """
        words = ["npx", "cdk", "deploy", f"{self.deployment}-{self.name}"]
        if not self.is_deployed:
            return [*words, "--no-rollback"]
        if not self.has_data:
            # Its alarms are of this region, and can't watch the stack of the table in another one.
            words.append("--exclusively")
        if fix:
            # Without this the stack keeps the alarms of the deployment before.
            return [*words, "--rollback-trigger-alarm-arns", "none"]
        if on := [trigger.name for trigger in self.triggers if trigger.is_on]:
            raise Alarmed(", ".join(on))
        if not self.triggers:
            return words
        watched = (("--rollback-trigger-alarm-arns", trigger.arn) for trigger in self.triggers)
        options = [word for pair in watched for word in pair]
        return [*words, *options, "--monitoring-time-minutes", str(minutes)]
