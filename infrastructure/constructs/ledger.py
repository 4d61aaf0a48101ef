"""The dead-letter ledger: what is on record of every dead letter, and of what operators decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from constructs import Construct

from functions.contract import LEDGER_INDEX, LEDGER_INDEX_MEMBERS, Rows
from infrastructure.constructs.alarms import DEAD_LETTERS_WAIT
from infrastructure.constructs.bucket import removal_policy
from infrastructure.constructs.tables import throttles

if TYPE_CHECKING:
    from infrastructure.constructs.function import Function
    from infrastructure.constructs.region import Region


class Ledger(Construct):
    """The ledger of a region. Its rows are letters, locks, incidents and the audit."""

    table: dynamodb.TableV2

    def __init__(self, scope: Construct, id: str, *, region: Region) -> None:
        super().__init__(scope, id)
        configuration = region.configuration
        self.table_name = configuration.name("ledger")
        self.table = dynamodb.TableV2(
            self,
            "Table",
            table_name=self.table_name,
            partition_key=_text("pk"),
            global_secondary_indexes=[
                dynamodb.GlobalSecondaryIndexPropsV2(
                    index_name=LEDGER_INDEX,
                    partition_key=_text("shard"),
                    sort_key=_text("failed_at"),
                    projection_type=dynamodb.ProjectionType.INCLUDE,
                    non_key_attributes=list(LEDGER_INDEX_MEMBERS),
                )
            ],
            billing=dynamodb.Billing.on_demand(),
            time_to_live_attribute="expires_at",
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=not configuration.laptop,
            removal_policy=removal_policy(configuration),
        )

        self.alarms = [
            alarm
            for index, what in ((None, "ledger"), (LEDGER_INDEX, "ledger-index"))
            for alarm in throttles(
                self,
                alarms=region.alarms,
                table=self.table_name,
                index=index,
                what=what,
                users=DEAD_LETTERS_WAIT,
            )
        ]

    def grant_triage(self, function: Function) -> None:
        """Let it record letters, and hold the lock of a triage."""
        self._grant(function, "dynamodb:UpdateItem")

    def grant_redrive(self, function: Function) -> None:
        """Let it read and change letters, hold the locks of a redrive, and add to the audit."""
        self._grant(
            function,
            "dynamodb:GetItem",
            "dynamodb:BatchGetItem",
            "dynamodb:UpdateItem",
            "dynamodb:PartiQLUpdate",
        )
        self._grant(function, "dynamodb:PutItem", rows=f"{Rows.AUDIT}*")
        self._grant_index(function)

    def grant_count(self, function: Function) -> None:
        """Let it count letters, see which incident was reported, and end that incident."""
        self._grant(function, "dynamodb:GetItem")
        self._grant(function, "dynamodb:DeleteItem", rows=f"{Rows.INCIDENT}*")
        self._grant_index(function)

    def _grant_index(self, function: Function) -> None:
        function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["dynamodb:Query"],
                resources=[f"{self.table.table_arn}/index/{LEDGER_INDEX}"],
            )
        )

    def _grant(self, function: Function, *actions: str, rows: str | None = None) -> None:
        statement = iam.PolicyStatement(actions=list(actions), resources=[self.table.table_arn])
        if rows:
            keys = {"dynamodb:LeadingKeys": [rows]}
            statement.add_condition("ForAllValues:StringLike", keys)
        function.add_to_role_policy(statement)


def _text(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
