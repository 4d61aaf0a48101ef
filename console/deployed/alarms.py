"""The notifying alarms of a deployment: those that tell its operators."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from eventing.alarm_text import AlarmText

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient

# Of CloudWatch (DescribeAlarms).
_NAMES_PER_CALL = 100


@dataclass(frozen=True)
class Alarm:
    """An alarm that is on."""

    name: str
    """Without the deployment's name: `publish-dead-letters`."""
    since: datetime
    what: str
    """What has happened."""
    users: str
    """What publishers and subscribers notice of it."""
    next: str
    """The command that comes next, without `eventing`."""
    runbook: str
    """The section of the runbook to open."""


@dataclass(frozen=True)
class State:
    """An alarm that is there."""

    arn: str
    is_on: bool
    tells: bool
    """Nobody has switched its actions off."""


class Alarms:
    """Those that tell the operators of one deployment. Its methods raise what the SDK raises."""

    def __init__(self, client: CloudWatchClient, *, deployment: str, ops_topic: str) -> None:
        self._client = client
        self._prefix = f"{deployment}-"
        # By the notifier or, when that fails, by themselves.
        notifier = f"{ops_topic.rpartition(':')[0]}:function:{deployment}-notifier"
        self._actions = {ops_topic, notifier.replace(":sns:", ":lambda:", 1)}

    def on(self) -> list[Alarm]:
        """Those in alarm, the first to go off first."""
        pages = self._client.get_paginator("describe_alarms").paginate(
            AlarmNamePrefix=self._prefix,
            StateValue="ALARM",
            AlarmTypes=["CompositeAlarm", "MetricAlarm"],
        )
        # Another deployment's name may begin with this one's; its notifier is its own.
        notifying = (
            one for one in _entries(pages) if self._actions & {*one.get("AlarmActions", ())}
        )
        return sorted(map(self._alarm, notifying), key=lambda alarm: (alarm.since, alarm.name))

    def _alarm(self, found: Any) -> Alarm:
        text = AlarmText.read(found.get("AlarmDescription", ""))
        return Alarm(
            name=found["AlarmName"].removeprefix(self._prefix),
            since=found["StateUpdatedTimestamp"],
            what=text.what,
            users=text.users,
            next=text.next,
            runbook=text.runbook,
        )


def states(client: CloudWatchClient, names: Sequence[str]) -> dict[str, State]:
    """Those that are there of these, by their whole names; composites and metric alarms alike.

    Raises what the SDK raises.
    """
    found: dict[str, State] = {}
    for start in range(0, len(names), _NAMES_PER_CALL):
        pages = client.get_paginator("describe_alarms").paginate(
            AlarmNames=list(names[start : start + _NAMES_PER_CALL]),
            AlarmTypes=["CompositeAlarm", "MetricAlarm"],
        )
        for one in _entries(pages):
            found[one["AlarmName"]] = State(
                arn=one["AlarmArn"],
                is_on=one.get("StateValue") == "ALARM",
                tells=one.get("ActionsEnabled", True),
            )
    return found


def _entries(pages: Iterable[Any]) -> Iterator[Any]:
    for page in pages:
        for kind in ("CompositeAlarms", "MetricAlarms"):
            yield from page.get(kind, ())
