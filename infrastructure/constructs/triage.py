"""The function that moves dead letters from their queues into the ledger, a page at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from constructs import Construct

from infrastructure.constructs.alarms import DEAD_LETTERS_WAIT
from infrastructure.constructs.dead_letters import TRIAGE_TIMEOUT
from infrastructure.constructs.function import Function
from infrastructure.constructs.publication import INVOCATION_RECORDS

if TYPE_CHECKING:
    from infrastructure.configuration import Configuration
    from infrastructure.constructs.dead_letters import DeadLetterQueue
    from infrastructure.constructs.ledger import Ledger
    from infrastructure.constructs.operations import Operations


class TriageFunction(Construct):
    """May empty the dead-letter queues into the ledger, and keep what is no dead letter."""

    function: Function

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        configuration: Configuration,
        ledger: Ledger,
        operations: Operations,
        ingest_dead_letters: DeadLetterQueue,
        publish_dead_letters: DeadLetterQueue,
    ) -> None:
        super().__init__(scope, id)
        self.function = Function(
            self,
            "Function",
            configuration=configuration,
            name="triage",
            description="Moves a page of dead letters into the ledger",
            memory_size=1024,
            timeout=TRIAGE_TIMEOUT,
            environment={
                "INGEST_DLQ_URL": ingest_dead_letters.queue.queue_url,
                "PUBLISH_DLQ_URL": publish_dead_letters.queue.queue_url,
                "LEDGER_TABLE": ledger.table.table_name,
                "OPERATIONS_BUCKET": operations.bucket.bucket_name,
            },
            harm=DEAD_LETTERS_WAIT,
        )
        for dead_letters in (ingest_dead_letters, publish_dead_letters):
            dead_letters.grant_drain(self.function)
        ledger.grant_triage(self.function)
        operations.grant_read(self.function, INVOCATION_RECORDS)
        operations.grant_write(self.function, "redrive/", "junk/")
