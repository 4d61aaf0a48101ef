"""The function that takes dead letters up again, a page at a time; `workflows/` has what drives it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from constructs import Construct

from infrastructure.constructs.dead_letters import REDRIVE_PAGE
from infrastructure.constructs.function import Function

if TYPE_CHECKING:
    from infrastructure.configuration import Configuration
    from infrastructure.constructs.archive import Archive
    from infrastructure.constructs.dead_letters import DeadLetterQueue
    from infrastructure.constructs.event_store import EventStore
    from infrastructure.constructs.topics import Topics


class RedriveFunction(Construct):
    """May do to a dead letter's event whatever the stage that failed would have done."""

    function: Function

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        configuration: Configuration,
        event_store: EventStore,
        archive: Archive,
        topics: Topics,
        ingest_dead_letters: DeadLetterQueue,
        publish_dead_letters: DeadLetterQueue,
    ) -> None:
        super().__init__(scope, id)
        self.function = Function(
            self,
            "Function",
            configuration=configuration,
            name="redrive",
            description="Takes a page of dead letters up again where they failed",
            memory_size=512,
            timeout=REDRIVE_PAGE,
            environment={
                "INGEST_DLQ_URL": ingest_dead_letters.queue.queue_url,
                "PUBLISH_DLQ_URL": publish_dead_letters.queue.queue_url,
                "EVENTS_TABLE": event_store.table.table_name,
                "ARCHIVE_BUCKET": archive.bucket.bucket_name,
                "TOPIC_ARN_PREFIX": topics.arn_prefix,
                "EVENT_RETENTION_DAYS": str(configuration.event_retention_days),
            },
        )
        event_store.grant_store(self.function)
        archive.grant_archive(self.function)
        topics.grant_publish(self.function)
        for dead_letters in (ingest_dead_letters, publish_dead_letters):
            dead_letters.grant_redrive(self.function)
