"""Alarms as all constructs make them: each says what it means, to whom it matters, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from constructs import Construct

    from infrastructure.configuration import Configuration

# For a composite whose cause may also produce dead letters: what waits so long is no second message.
_SUPPRESSOR_WAIT = cdk.Duration.minutes(2)
# What publishers and subscribers notice when what deals with dead letters does not work.
DEAD_LETTERS_WAIT = "they notice nothing, but dead letters wait for longer."


class Missing(Enum):
    """What no data means; there is no default, so that each alarm decides."""

    IS_FINE = cloudwatch.TreatMissingData.NOT_BREACHING
    """The metric has no data while all is well."""
    CHANGES_NOTHING = cloudwatch.TreatMissingData.IGNORE
    """The metric has data always; a minute that was skipped neither begins nor ends an alarm."""
    IS_UNKNOWN = cloudwatch.TreatMissingData.MISSING
    """The metric has data always, and nobody may take its absence for health."""


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """What operators read when an alarm goes off."""

    what: str
    """What has happened."""
    users: str
    """What publishers and subscribers notice of it."""
    section: str
    """The section of the runbook to open."""

    def text(self, configuration: Configuration) -> str:
        """The description of an alarm."""
        return f"{self.what} Users: {self.users} Runbook: {runbook(configuration, self.section)}"


def runbook(configuration: Configuration, section: str) -> str:
    """Where a section of the runbook is to be read."""
    return f"{configuration.runbook}#{section}"


def alarm(
    scope: Construct,
    id: str,
    *,
    configuration: Configuration,
    name: str,
    metric: cloudwatch.Metric,
    above: float,
    minutes: int = 1,
    of: int | None = None,
    missing: Missing,
    meaning: Meaning,
) -> cloudwatch.Alarm:
    """An alarm without an action: the metric is above a value in `minutes`, or in so many of `of`."""
    return metric.create_alarm(
        scope,
        id,
        alarm_name=configuration.name(name),
        alarm_description=meaning.text(configuration),
        threshold=above,
        comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
        evaluation_periods=of or minutes,
        datapoints_to_alarm=minutes,
        treat_missing_data=missing.value,
    )


def composite(
    scope: Construct,
    id: str,
    *,
    configuration: Configuration,
    name: str,
    alarms: Iterable[cloudwatch.IAlarm],
    meaning: Meaning,
    action: cloudwatch.IAlarmAction,
    but_for: cloudwatch.IAlarm | None = None,
    unless: cloudwatch.IAlarm | None = None,
) -> cloudwatch.CompositeAlarm:
    """One alarm, with the action, for several without.

    It is off while `but_for` is in alarm, which says more. It sends nothing while `unless` is, of which
    operators are told in another way.
    """
    rule = cloudwatch.AlarmRule.any_of(*alarms)
    if but_for:
        on = cloudwatch.AlarmRule.from_alarm(but_for, cloudwatch.AlarmState.ALARM)
        rule = cloudwatch.AlarmRule.all_of(rule, cloudwatch.AlarmRule.not_(on))
    made = cloudwatch.CompositeAlarm(
        scope,
        id,
        composite_alarm_name=configuration.name(name),
        alarm_description=meaning.text(configuration),
        alarm_rule=rule,
        actions_suppressor=unless,
        actions_suppressor_wait_period=_SUPPRESSOR_WAIT if unless else None,
        actions_suppressor_extension_period=_SUPPRESSOR_WAIT if unless else None,
    )
    made.add_alarm_action(action)
    return made


def throttles(
    scope: Construct,
    *,
    configuration: Configuration,
    table: str,
    index: str | None = None,
    what: str,
    users: str,
) -> list[cloudwatch.Alarm]:
    """Alarms on requests that a table turns away, by reads and writes; `what` names the table.

    A table's metrics leave its indexes out (DynamoDB, "Metrics and dimensions"): an `index` has its own.
    """
    return [
        alarm(
            scope,
            f"{'Index' if index else ''}{kind}Throttles",
            configuration=configuration,
            name=f"{what}-{kind.lower()}-throttles",
            metric=table_metric(table, f"{kind}ThrottleEvents", index=index),
            above=0,
            minutes=2,
            of=5,
            missing=Missing.IS_FINE,
            meaning=Meaning(
                what=f"DynamoDB turns away {kind.lower()}s of the table {table}"
                f"{f' (index {index})' if index else ''}: one key is too hot, "
                "or the traffic has grown faster than the table.",
                users=users,
                section="throttled-tables",
            ),
        )
        for kind in ("Read", "Write")
    ]


def table_metric(table: str, name: str, *, index: str | None = None) -> cloudwatch.Metric:
    """A metric that DynamoDB keeps of a table in this region, or of one of its indexes, per minute."""
    of_index = {"GlobalSecondaryIndexName": index} if index else {}
    return cloudwatch.Metric(
        namespace="AWS/DynamoDB",
        metric_name=name,
        dimensions_map={"TableName": table, **of_index},
        statistic=cloudwatch.Stats.SUM,
        period=cdk.Duration.minutes(1),
    )
