"""The dead-letter ledger: what is on record of every dead letter, and of what operators decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from constructs import Construct

from functions.contract import (
    LEDGER_EVENT_INDEX,
    LEDGER_INDEX,
    LEDGER_INDEX_MEMBERS,
    LETTER_KEYS,
    LETTER_STATE_MEMBERS,
    Rows,
)
from infrastructure.constructs.alarms import DEAD_LETTERS_WAIT
from infrastructure.constructs.bucket import removal_policy
from infrastructure.constructs.tables import backups, grant_rows, text_attribute, throttles

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
            partition_key=text_attribute("pk"),
            global_secondary_indexes=[
                dynamodb.GlobalSecondaryIndexPropsV2(
                    index_name=LEDGER_INDEX,
                    partition_key=text_attribute("shard"),
                    sort_key=text_attribute("failed_at"),
                    projection_type=dynamodb.ProjectionType.INCLUDE,
                    non_key_attributes=list(LEDGER_INDEX_MEMBERS),
                ),
                # Rows that are no letters have no such key, and are not in it.
                dynamodb.GlobalSecondaryIndexPropsV2(
                    index_name=LEDGER_EVENT_INDEX,
                    partition_key=text_attribute("event_key"),
                    projection_type=dynamodb.ProjectionType.INCLUDE,
                    non_key_attributes=list(LETTER_STATE_MEMBERS),
                ),
            ],
            billing=dynamodb.Billing.on_demand(),
            time_to_live_attribute="expires_at",
            point_in_time_recovery_specification=backups(configuration),
            deletion_protection=not configuration.laptop,
            removal_policy=removal_policy(configuration, protected=True),
        )

        by_event = Construct(self, "ByEvent")
        watched = (
            (self, None, "ledger"),
            (self, LEDGER_INDEX, "ledger-index"),
            (by_event, LEDGER_EVENT_INDEX, "ledger-event-index"),
        )
        self.alarms = [
            alarm
            for within, index, what in watched
            for alarm in throttles(
                within,
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

    def grant_adopt(self, function: Function) -> None:
        """Let it add letters, never over one that is there, remember incidents, and add to the audit."""
        self._grant(function, "dynamodb:PartiQLInsert", rows=[LETTER_KEYS])
        self._grant(function, "dynamodb:UpdateItem", rows=[f"{Rows.INCIDENT}*"])
        self.grant_audit(function)

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

    def grant_find(self, function: Function) -> None:
        """Let it look through the letters, and not at their events."""
        self._grant_index(function)

    def grant_read_summary(self, function: Function) -> None:
        """Let it read the summary, and nothing else."""
        self._grant(function, "dynamodb:GetItem", rows=[Rows.SUMMARY])

    def grant_inquire(self, function: Function) -> None:
        """Let it look up the letters of an event, and what became of them."""
        self._grant_index(function, LEDGER_EVENT_INDEX)

    def _grant_index(self, function: Function, index: str = LEDGER_INDEX) -> None:
        function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["dynamodb:Query"],
                resources=[f"{self.table.table_arn}/index/{index}"],
            )
        )

    def _grant(self, function: Function, *actions: str, rows: Sequence[str]) -> None:
        grant_rows(function, *actions, table=self.table.table_arn, rows=rows)
