"""The dead-letter ledger: what is on record of every dead letter, and of what operators decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from constructs import Construct

from functions.contract import LEDGER_INDEX, LEDGER_INDEX_MEMBERS, LETTER_KEYS, Rows
from infrastructure.constructs.alarms import DEAD_LETTERS_WAIT
from infrastructure.constructs.bucket import removal_policy
from infrastructure.constructs.tables import backups, throttles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infrastructure.constructs.function import Function
    from infrastructure.constructs.region import Region


class Ledger(Construct):
    """The ledger of a region. Its rows: letters, locks, incidents, allowances, the audit, a summary."""

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
            point_in_time_recovery_specification=backups(configuration),
            deletion_protection=not configuration.laptop,
            removal_policy=removal_policy(configuration, protected=True),
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
        self._grant(function, "dynamodb:UpdateItem", rows=[LETTER_KEYS, f"{Rows.TRIAGE_LOCK}*"])

    def grant_redrive(self, function: Function) -> None:
        """Let it read and change letters, hold locks, remember incidents and allowances, add to the audit."""
        locks = [f"{lock}*" for lock in (Rows.LOCK, Rows.TRIAGE_LOCK, Rows.TELL_LOCK)]
        kept = [*locks, f"{Rows.INCIDENT}*", f"{Rows.ALLOWANCE}*", Rows.SUMMARY]
        self._grant(function, "dynamodb:GetItem", rows=[LETTER_KEYS, *kept])
        self._grant(function, "dynamodb:UpdateItem", rows=kept)
        self._grant(function, "dynamodb:BatchGetItem", "dynamodb:PartiQLUpdate", rows=[LETTER_KEYS])
        self.grant_audit(function)
        self._grant_index(function)

    def grant_erase(self, function: Function) -> None:
        """Let it find the letters of an event, and put rows in their place that keep them out."""
        self._grant(function, "dynamodb:PutItem", rows=[LETTER_KEYS])
        self._grant_index(function)

    def grant_audit(self, function: Function) -> None:
        """Let it add to the audit."""
        # An INSERT never overwrites, and nothing else may be done to what was decided.
        self._grant(function, "dynamodb:PartiQLInsert", rows=[f"{Rows.AUDIT}*"])

    def grant_count(self, function: Function) -> None:
        """Let it count letters, see which incident was told and who is at the triage, and end an incident.

        What it counts it may write into the summary.
        """
        incidents = f"{Rows.INCIDENT}*"
        read = [incidents, f"{Rows.TRIAGE_LOCK}*", Rows.SUMMARY]
        self._grant(function, "dynamodb:GetItem", rows=read)
        self._grant(function, "dynamodb:DeleteItem", rows=[incidents])
        self._grant(function, "dynamodb:UpdateItem", rows=[Rows.SUMMARY])
        self._grant_index(function)

    def grant_read_summary(self, function: Function) -> None:
        """Let it read the summary, and nothing else."""
        self._grant(function, "dynamodb:GetItem", rows=[Rows.SUMMARY])

    def _grant_index(self, function: Function) -> None:
        function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["dynamodb:Query"],
                resources=[f"{self.table.table_arn}/index/{LEDGER_INDEX}"],
            )
        )

    def _grant(self, function: Function, *actions: str, rows: Sequence[str]) -> None:
        function.add_to_role_policy(
            iam.PolicyStatement(
                actions=list(actions),
                resources=[self.table.table_arn],
                conditions={
                    "ForAllValues:StringLike": {"dynamodb:LeadingKeys": list(rows)},
                    # Of an empty set all is true: a request without keys, such as a scan, is not meant.
                    "Null": {"dynamodb:LeadingKeys": "false"},
                },
            )
        )


def _text(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
