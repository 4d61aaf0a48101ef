"""The parts of a function that a test may hand in instead of having them made."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from typing import TYPE_CHECKING, TypedDict

from functions.shared.clients import Clients
from functions.shared.clock import Clock

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

    from eventing.catalogue import Catalogue
    from eventing.mail import Sender
    from eventing.redrive.forecast import Forecaster
    from eventing.schemas import Schemas
    from functions.shared.alarm_reader import AlarmReader
    from functions.shared.allowances import Allowances
    from functions.shared.archive import Archive
    from functions.shared.audit import Audit
    from functions.shared.dead_letter_queue import DeadLetterQueue
    from functions.shared.delivery_stream import DeliveryStream
    from functions.shared.doorkeeper import DoorkeeperReader
    from functions.shared.event_store import EventStore
    from functions.shared.executions import Executions
    from functions.shared.front_door import FrontDoor
    from functions.shared.incidents import Incidents
    from functions.shared.letters import Letters
    from functions.shared.locks import Locks
    from functions.shared.macie import Macie
    from functions.shared.metric_reader import MetricReader
    from functions.shared.metrics import Metrics
    from functions.shared.operations import OperationsBucket, OpsTopic
    from functions.shared.receipts import Receipts
    from functions.shared.summary_row import SummaryRow
    from functions.shared.topics import Topics


class Given(TypedDict, total=False):
    """Parts that are handed in instead of made."""

    clients: Clients
    clock: Clock
    workers: Executor
    logger: Logger
    metrics: Metrics
    catalogue: Catalogue
    schemas: Schemas
    code_digest: str
    forecaster: Forecaster
    doorkeeper: DoorkeeperReader
    event_store: EventStore
    archive: Archive
    delivery_stream: DeliveryStream | None
    topics: Topics
    receipts: Receipts
    front_door: FrontDoor
    ingest_queue: DeadLetterQueue
    publish_queue: DeadLetterQueue
    letters: Letters
    locks: Locks
    macie: Macie
    incidents: Incidents
    allowances: Allowances
    audit: Audit
    bucket: OperationsBucket
    ops: OpsTopic
    sender: Sender
    alarm_reader: AlarmReader
    executions: Executions
    summary_row: SummaryRow
    metric_reader: MetricReader
    shards: int
    page_seconds: float
    entropy: Callable[[int], bytes]
    poll_seconds: int
