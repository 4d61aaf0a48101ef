"""Inquiry: publishers ask what became of their events."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from constructs import Construct

from functions.contract import Variable
from infrastructure.constructs.alarms import Meaning, Part
from infrastructure.constructs.function import Function

if TYPE_CHECKING:
    from aws_cdk import aws_cloudwatch as cloudwatch

    from infrastructure.constructs.event_store import EventStore
    from infrastructure.constructs.ingestion import Ingestion
    from infrastructure.constructs.ledger import Ledger
    from infrastructure.constructs.publishers import Registry
    from infrastructure.constructs.receipts import Receipts
    from infrastructure.constructs.region import Region

# Two reads one after the other, each of which may hang twice.
_TIMEOUT = cdk.Duration.seconds(15)


class Inquiry(Construct):
    """`GET /events` for those who have a key, answered by the inquiry function, which only reads.

    `alarm` goes off when publishers are not answered.
    """

    function: Function
    receipts: Receipts
    alarm: cloudwatch.CompositeAlarm

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        region: Region,
        ingestion: Ingestion,
        event_store: EventStore,
        ledger: Ledger,
        receipts: Receipts,
        registry: Registry,
    ) -> None:
        super().__init__(scope, id)
        self.receipts = receipts
        self.function = Function(
            self,
            "Function",
            region=region,
            name="inquiry",
            description="Tells publishers what became of their events",
            memory_size=512,
            timeout=_TIMEOUT,
            environment={
                Variable.EVENTS_TABLE: event_store.table.table_name,
                Variable.LEDGER_TABLE: ledger.table.table_name,
                Variable.RECEIPTS_TABLE: receipts.table_name,
                Variable.REGISTRY_TABLE: registry.table_name,
            },
            harm="publishers can't ask what became of their events, which are taken and published as ever.",
        )
        if ingestion.canary_key:
            self.function.add_environment(Variable.CANARY_KEY_ID, ingestion.canary_key.key_id)
        event_store.grant_inquire(self.function)
        ledger.grant_inquire(self.function)
        receipts.grant_find(self.function)
        registry.grant_doorkeeper(self.function)
        ingestion.add_method("/events", "GET", self.function)
        self.alarm = region.alarms.composite(
            self,
            "Alarm",
            part=Part.INQUIRY,
            name="inquiry-impaired",
            components=self.function.alarms,
            meaning=Meaning(
                what="Publishers are not told what became of their events: the function that looks it up "
                "fails, is not run or takes too long.",
                users="who asks is answered 503; events are taken and published as ever.",
                section="inquiry-impaired",
            ),
        )
