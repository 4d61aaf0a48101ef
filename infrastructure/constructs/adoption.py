"""The function that adopts what a lost region has taken: it reads the table, the receipts, writes letters."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import aws_cdk as cdk
from constructs import Construct

from functions.contract import Variable
from infrastructure.constructs.function import Function

if TYPE_CHECKING:
    from infrastructure.constructs.event_store import EventStore
    from infrastructure.constructs.ledger import Ledger
    from infrastructure.constructs.operations import Operations
    from infrastructure.constructs.receipts import Receipts
    from infrastructure.constructs.region import Region

# From so much memory on, a function has a whole processor; receipts of a window take up half of it at most.
_MEMORY_MB = 1769
# A page, and the rest of what it is at when its time is over.
_TIMEOUT = cdk.Duration.seconds(110)


class AdopterFunction(Construct):
    """May find events without a receipt, and add letters of them to the ledger; it publishes nothing."""

    function: Function

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        region: Region,
        event_store: EventStore,
        receipts: Receipts,
        ledger: Ledger,
        operations: Operations,
    ) -> None:
        super().__init__(scope, id)
        self.function = Function(
            self,
            "Function",
            region=region,
            name="adopter",
            description="Finds what a lost region has taken and not published, as dead letters",
            memory_size=_MEMORY_MB,
            timeout=_TIMEOUT,
            environment={
                Variable.EVENTS_TABLE: event_store.table_name,
                Variable.RECEIPTS_TABLE: receipts.table_name,
                Variable.LEDGER_TABLE: ledger.table.table_name,
                Variable.OPEN_LETTER_DAYS: str(region.configuration.retention.open_letters),
                Variable.REGIONS: json.dumps(region.configuration.regions),
                **region.mail_environment,
            },
            harm="what a lost region has taken and not published gets to nobody until it is adopted.",
            # Operators see the executions that they start fail, and are told of them.
            refuses=True,
        )
        event_store.grant_adopt(self.function)
        event_store.grant_probe(self.function)
        receipts.grant_find(self.function)
        ledger.grant_adopt(self.function)
        operations.grant_notify(self.function)
