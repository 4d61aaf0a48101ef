"""The function that plans and does what `workflows/` drives: all of a redrive but its triage."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from eventing.redrive.pace import PAGE_SECONDS, REST_SECONDS
from eventing.redrive.price import MEMORY_MB
from functions.contract import DLQ_URLS, Objects, Variable
from infrastructure.constructs.alarms import DEAD_LETTERS_WAIT
from infrastructure.constructs.checks import accept_wildcard
from infrastructure.constructs.function import Function
from infrastructure.constructs.states import states_arn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infrastructure.constructs.archive import Archive
    from infrastructure.constructs.dead_letters import DeadLetterQueue
    from infrastructure.constructs.event_store import EventStore
    from infrastructure.constructs.ledger import Ledger
    from infrastructure.constructs.operations import Operations
    from infrastructure.constructs.publishers import Registry
    from infrastructure.constructs.receipts import Receipts
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
        dead_letters: Sequence[DeadLetterQueue],
        operations: Operations,
        event_store: EventStore,
        archive: Archive,
        topics: Topics,
        receipts: Receipts,
        registry: Registry,
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
            timeout=cdk.Duration.seconds(PAGE_SECONDS + REST_SECONDS),
            environment={
                **{DLQ_URLS[queue.stage]: queue.queue.queue_url for queue in dead_letters},
                Variable.APPROVAL_ABOVE: json.dumps(region.configuration.approval_above),
                Variable.LEDGER_TABLE: ledger.table.table_name,
                Variable.OPEN_LETTER_DAYS: str(region.configuration.retention.open_letters),
                Variable.CLOSED_LETTER_DAYS: str(region.configuration.retention.closed_letters),
                Variable.OPERATIONS_BUCKET: operations.bucket.bucket_name,
                **region.mail_environment,
                Variable.EVENTS_TABLE: event_store.table.table_name,
                Variable.ARCHIVE_BUCKET: archive.bucket.bucket_name,
                Variable.TOPIC_ARN_PREFIX: topics.arn_prefix,
                Variable.RECEIPTS_TABLE: receipts.table_name,
                Variable.EVENT_RETENTION_DAYS: str(region.configuration.retention.events),
                Variable.REGISTRY_TABLE: registry.table_name,
                Variable.REGIONS: json.dumps(region.configuration.regions),
            },
            harm=DEAD_LETTERS_WAIT,
            # The counter tells of executions that fail, except for refusals.
            refuses=True,
        )
        ledger.grant_redrive(self.function)
        # By their names: the state machine itself calls this function.
        name = region.configuration.name("redrive")
        self.function.add_environment(
            Variable.STATE_MACHINE_ARN, states_arn(self, "stateMachine", name)
        )
        executions = states_arn(self, "execution", f"{name}:*")
        self.function.add_to_role_policy(
            iam.PolicyStatement(actions=["states:DescribeExecution"], resources=[executions])
        )
        accept_wildcard(
            self.function.execution_role, executions, "Executions of the one state machine."
        )
        for queue in dead_letters:
            queue.grant_send(self.function)
        operations.grant_read(self.function, Objects.RUNS, Objects.REPORTS, Objects.JUNK)
        for prefix in (Objects.RUNS, Objects.JUNK, Objects.RESUBMITTED):
            operations.grant_list(self.function, prefix)
        # It adds what waits for an approval, and reads none of it: there lie the tokens.
        operations.grant_write(
            self.function, Objects.RUNS, Objects.APPROVALS, Objects.REPORTS, Objects.RESUBMITTED
        )
        operations.grant_notify(self.function)
        event_store.grant_store(self.function)
        event_store.grant_probe(self.function)
        archive.grant_archive(self.function)
        topics.grant_publish(self.function)
        receipts.grant_write(self.function)
        # What another region has published is not sent.
        receipts.grant_find(self.function)
        topics.grant_probe(self.function)
        # For whose letters it leaves out.
        registry.grant_doorkeeper(self.function)
