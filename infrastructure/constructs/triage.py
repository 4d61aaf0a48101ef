"""The function that moves dead letters from their queues into the ledger, a page at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from constructs import Construct

from functions.contract import DLQ_URLS, Objects, Variable
from infrastructure.constructs.alarms import DEAD_LETTERS_WAIT
from infrastructure.constructs.dead_letters import TRIAGE_TIMEOUT
from infrastructure.constructs.function import Function

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infrastructure.constructs.dead_letters import DeadLetterQueue
    from infrastructure.constructs.ledger import Ledger
    from infrastructure.constructs.operations import Operations
    from infrastructure.constructs.region import Region


class TriageFunction(Construct):
    """May empty the dead-letter queues into the ledger, and keep what is no dead letter."""

    function: Function

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        region: Region,
        ledger: Ledger,
        operations: Operations,
        dead_letters: Sequence[DeadLetterQueue],
    ) -> None:
        super().__init__(scope, id)
        self.function = Function(
            self,
            "Function",
            region=region,
            name="triage",
            description="Moves a page of dead letters into the ledger",
            memory_size=1024,
            timeout=TRIAGE_TIMEOUT,
            environment={
                **{DLQ_URLS[queue.stage]: queue.queue.queue_url for queue in dead_letters},
                Variable.LEDGER_TABLE: ledger.table.table_name,
                Variable.OPEN_LETTER_DAYS: str(region.configuration.retention.open_letters),
                Variable.OPERATIONS_BUCKET: operations.bucket.bucket_name,
            },
            harm=DEAD_LETTERS_WAIT,
        )
        for queue in dead_letters:
            queue.grant_drain(self.function)
        ledger.grant_triage(self.function)
        operations.grant_read(self.function, Objects.INVOCATION_RECORDS)
        operations.grant_write(self.function, Objects.RUNS, Objects.JUNK)
