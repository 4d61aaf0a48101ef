"""The function that plans and does what `workflows/` drives: all of a redrive but its triage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from constructs import Construct

from eventing.redrive.pace import PAGE_SECONDS
from eventing.redrive.price import MEMORY_MB
from functions.contract import Objects, Variable
from infrastructure.constructs.alarms import DEAD_LETTERS_WAIT
from infrastructure.constructs.function import Function

if TYPE_CHECKING:
    from infrastructure.constructs.archive import Archive
    from infrastructure.constructs.event_store import EventStore
    from infrastructure.constructs.ledger import Ledger
    from infrastructure.constructs.operations import Operations
    from infrastructure.constructs.region import Region
    from infrastructure.constructs.topics import Topics


class RedriveFunction(Construct):
    """May do to a dead letter's event whatever the stage that failed would have done."""

    function: Function

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        region: Region,
        ledger: Ledger,
        operations: Operations,
        event_store: EventStore,
        archive: Archive,
        topics: Topics,
    ) -> None:
        super().__init__(scope, id)
        self.function = Function(
            self,
            "Function",
            region=region,
            name="redrive",
            description="Plans a redrive, takes a page of dead letters up again where they failed",
            memory_size=MEMORY_MB,
            # More than a page takes: making a plan, or its report, may take longer.
            timeout=cdk.Duration.seconds(PAGE_SECONDS + 70),
            environment={
                Variable.LEDGER_TABLE: ledger.table.table_name,
                Variable.CLOSED_LETTER_DAYS: str(region.configuration.retention.closed_letters),
                Variable.OPERATIONS_BUCKET: operations.bucket.bucket_name,
                Variable.OPS_TOPIC_ARN: region.ops_topic.topic_arn,
                Variable.DEPLOYMENT: region.configuration.deployment,
                Variable.RUNBOOK: region.configuration.runbook,
                Variable.EVENTS_TABLE: event_store.table.table_name,
                Variable.ARCHIVE_BUCKET: archive.bucket.bucket_name,
                Variable.TOPIC_ARN_PREFIX: topics.arn_prefix,
                Variable.EVENT_RETENTION_DAYS: str(region.configuration.retention.events),
            },
            harm=DEAD_LETTERS_WAIT,
            # The counter tells of executions that fail, except for refusals.
            refuses=True,
        )
        ledger.grant_redrive(self.function)
        operations.grant_read(self.function, Objects.RUNS, Objects.REPORTS)
        operations.grant_list(self.function, Objects.RUNS)
        operations.grant_write(self.function, Objects.RUNS, Objects.REPORTS)
        operations.grant_notify(self.function)
        event_store.grant_store(self.function)
        event_store.grant_probe(self.function)
        archive.grant_archive(self.function)
        topics.grant_publish(self.function)
        topics.grant_probe(self.function)
