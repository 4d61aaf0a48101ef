"""Receipts: the table that proves which events which region has published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_iam as iam
from constructs import Construct

from functions.contract import Metric
from infrastructure.constructs.alarms import Meaning, Missing, Part
from infrastructure.constructs.tables import global_table, grant_rows, table_arn, throttles

if TYPE_CHECKING:
    from aws_cdk import aws_cloudwatch as cloudwatch

    from infrastructure.configuration import Configuration
    from infrastructure.constructs.function import Function
    from infrastructure.constructs.region import Region

_USERS = "events get to subscribers as ever; who asks for one may be told `accepted` when it is published."


def receipts_name(configuration: Configuration) -> str:
    """The same in every region, so that a regional stack needs no reference into another region."""
    return configuration.name("receipts")


class GlobalReceipts(Construct):
    """The global table, with its replicas."""

    def __init__(self, scope: Construct, id: str, *, configuration: Configuration) -> None:
        super().__init__(scope, id)
        global_table(
            self,
            "Table",
            name=receipts_name(configuration),
            configuration=configuration,
            sort_key="sk",
        )


class Receipts(Construct):
    """The receipts as a region sees them. `alarm` goes off when events are published without one."""

    alarm: cloudwatch.CompositeAlarm

    def __init__(self, scope: Construct, id: str, *, region: Region) -> None:
        super().__init__(scope, id)
        self._regions = region.configuration.regions
        self.table_name = receipts_name(region.configuration)
        self.table_arn = table_arn(self, self.table_name)
        self.missing = region.metric(Metric.RECEIPTS_MISSING)
        missing = region.alarms.alarm(
            self,
            "MissingAlarm",
            name="receipts-unwritten",
            metric=self.missing,
            above=0,
            missing=Missing.IS_FINE,
            meaning=Meaning(
                what="Events were published whose receipts could not be written, tried twice.",
                users=_USERS,
                section="receipts-missing",
            ),
        )
        self.alarm = region.alarms.composite(
            self,
            "Alarm",
            part=Part.INQUIRY,
            name="receipts-missing",
            components=(
                missing,
                *throttles(
                    self,
                    alarms=region.alarms,
                    table=self.table_name,
                    what="receipts",
                    users=_USERS,
                ),
            ),
            meaning=Meaning(
                what="Receipts can't be kept as they should: events are published without proof of it, or "
                "their table turns requests away.",
                users=_USERS,
                section="receipts-missing",
            ),
        )

    def grant_write(self, function: Function) -> None:
        """Let it add receipts of what the regions of this deployment took; it can change none.

        Of other regions: those of what it has adopted, and of what it should never have published.
        """
        # An INSERT never overwrites.
        rows = [f"{region}#*" for region in self._regions]
        grant_rows(function, "dynamodb:PartiQLInsert", table=self.table_arn, rows=rows)

    def grant_find(self, function: Function) -> None:
        """Let it look for a receipt, of any region."""
        function.add_to_role_policy(
            iam.PolicyStatement(actions=["dynamodb:Query"], resources=[self.table_arn])
        )
