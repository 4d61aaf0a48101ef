"""The one place where functions are put together: from the environment and AWS clients to parts."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from functions.contract import CODE_DIGEST, DLQ_URLS, Variable
from functions.shared.table_parts import TableParts

# A part's own imports are in its property: no function loads what it does not use.
if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

    from eventing.catalogue import Catalogue
    from eventing.dead_letter import Stage
    from eventing.detection import Detection
    from eventing.mail import Sender
    from eventing.redrive.forecast import Forecaster
    from eventing.schemas import Schemas
    from functions.shared.alarm_reader import AlarmReader
    from functions.shared.archive import Archive
    from functions.shared.archive_objects import ArchiveObjects
    from functions.shared.dead_letter_queue import DeadLetterQueue
    from functions.shared.delivery_stream import DeliveryStream
    from functions.shared.executions import Executions
    from functions.shared.front_door import FrontDoor
    from functions.shared.macie import Macie
    from functions.shared.message_queue import MessageQueue
    from functions.shared.metric_reader import MetricReader
    from functions.shared.metrics import Metrics
    from functions.shared.neighbours import Neighbours
    from functions.shared.object_versions import ObjectVersions
    from functions.shared.operations import OperationsBucket, OpsTopic
    from functions.shared.receipts import Receipts
    from functions.shared.stream_mapping import StreamMapping
    from functions.shared.topics import Topics

# Where a package holds them; infrastructure/packaging.py puts them there.
_PACKAGE = Path(__file__).parents[2]
_CATALOGUE = _PACKAGE / "catalogue"
_CODE_DIGEST = _PACKAGE / CODE_DIGEST


class Parts(TableParts):
    """The parts of one function, each made when it is asked for first."""

    @cached_property
    def logger(self) -> Logger:
        from aws_lambda_powertools import Logger

        return Logger()

    @cached_property
    def metrics(self) -> Metrics:
        from functions.shared.metrics import Metrics

        return Metrics(namespace=self.namespace, service=self.service)

    @cached_property
    def catalogue(self) -> Catalogue:
        from eventing.canary import with_canary
        from eventing.catalogue import Catalogue

        catalogue = Catalogue.read(_CATALOGUE)
        return with_canary(catalogue) if Variable.CANARY in self.environment else catalogue

    @cached_property
    def detection(self) -> Detection:
        from eventing.detection import Detection

        return Detection.read(_CATALOGUE)

    @cached_property
    def schemas(self) -> Schemas:
        from eventing.schemas import Schemas

        return Schemas(self.catalogue)

    @cached_property
    def code_digest(self) -> str:
        """Another one for other code of `eventing`."""
        return _CODE_DIGEST.read_text("utf-8").strip()

    @cached_property
    def forecaster(self) -> Forecaster:
        from eventing.redrive.forecast import Forecaster

        return Forecaster(self.catalogue, code_digest=self.code_digest)

    @cached_property
    def archive(self) -> Archive:
        from functions.shared.archive import Archive

        return Archive(self.clients.client("s3"), bucket=self.environment[Variable.ARCHIVE_BUCKET])

    @cached_property
    def archive_versions(self) -> ObjectVersions:
        return self._versions(Variable.ARCHIVE_BUCKET)

    @cached_property
    def operations_versions(self) -> ObjectVersions:
        return self._versions(Variable.OPERATIONS_BUCKET)

    @cached_property
    def delivery_stream(self) -> DeliveryStream | None:
        """The archive's; a deployment may have none."""
        name = self.environment.get(Variable.DELIVERY_STREAM)
        if name is None:
            return None
        from functions.shared.delivery_stream import DeliveryStream

        return DeliveryStream(self.clients.client("firehose"), name=name)

    @cached_property
    def archive_objects(self) -> ArchiveObjects:
        from functions.shared.archive_objects import ArchiveObjects

        bucket = self.environment[Variable.ARCHIVE_BUCKET]
        return ArchiveObjects(self.clients.client("s3"), bucket=bucket)

    @cached_property
    def macie(self) -> Macie:
        from functions.shared.macie import Macie

        return Macie(self.clients.client("macie2"))

    @cached_property
    def topics(self) -> Topics:
        from functions.shared.topics import Topics

        return Topics(
            self.clients.client("sns"),
            arn_prefix=self.environment[Variable.TOPIC_ARN_PREFIX],
            clock=self.clock,
        )

    @cached_property
    def receipts(self) -> Receipts:
        from functions.shared.receipts import Receipts

        return Receipts(
            self.clients.client("dynamodb"),
            table=self.environment[Variable.RECEIPTS_TABLE],
            region=self.clients.region,
            retention_days=int(self.environment[Variable.EVENT_RETENTION_DAYS]),
            workers=self.workers,
            clock=self.clock,
            metrics=self.metrics,
            logger=self.logger,
        )

    @property
    def expecting_subscribers(self) -> Mapping[str, str]:
        """The topics that expect subscribers: SNS's names by the catalogue's."""
        prefix = self.environment[Variable.TOPIC_ARN_PREFIX].rpartition(":")[2]
        topics = self.catalogue.topics
        return {topic.name: prefix + topic.name for topic in topics if topic.subscribers_expected}

    @cached_property
    def front_door(self) -> FrontDoor:
        from functions.shared.front_door import FrontDoor

        return FrontDoor(
            self.clients.client("apigateway"),
            url=self.environment[Variable.API_URL],
            key_id=self.environment[Variable.CANARY_KEY_ID],
            certificates=self.environment.get("AWS_CA_BUNDLE"),
        )

    @cached_property
    def neighbours(self) -> Neighbours:
        from functions.shared.neighbours import Neighbours

        return Neighbours(
            json.loads(self.environment.get(Variable.NEIGHBOURS, "{}")),
            certificates=self.environment.get("AWS_CA_BUNDLE"),
        )

    @cached_property
    def canary_queue(self) -> MessageQueue:
        from functions.shared.message_queue import MessageQueue

        url = self.environment[Variable.CANARY_QUEUE_URL]
        return MessageQueue(self.clients.client("sqs"), url=url)

    @cached_property
    def ingest_queue(self) -> DeadLetterQueue:
        return self._queue("ingest")

    @cached_property
    def publish_queue(self) -> DeadLetterQueue:
        return self._queue("publish")

    @property
    def queues(self) -> Mapping[Stage, DeadLetterQueue]:
        """The dead-letter queues of both stages."""
        return {"ingest": self.ingest_queue, "publish": self.publish_queue}

    @cached_property
    def entropy(self) -> Callable[[int], bytes]:
        """Gives random bytes that nobody can guess."""
        return os.urandom

    @cached_property
    def bucket(self) -> OperationsBucket:
        from functions.shared.operations import OperationsBucket

        return OperationsBucket(
            self.clients.client("s3"), bucket=self.environment[Variable.OPERATIONS_BUCKET]
        )

    @cached_property
    def ops(self) -> OpsTopic:
        from functions.shared.operations import OpsTopic

        arn = self.environment[Variable.OPS_TOPIC_ARN]
        return OpsTopic(self.clients.client("sns"), arn=arn, sender=self.sender)

    @cached_property
    def sender(self) -> Sender:
        from eventing.mail import Sender

        return Sender(
            deployment=self.environment[Variable.DEPLOYMENT],
            region=self.clients.region,
            options=self.environment[Variable.COMMAND_OPTIONS],
            runbook=self.environment[Variable.RUNBOOK],
            dashboard=self.environment[Variable.DASHBOARD],
        )

    @cached_property
    def alarm_reader(self) -> AlarmReader:
        from functions.shared.alarm_reader import AlarmReader

        return AlarmReader(self.clients.client("cloudwatch"))

    @cached_property
    def executions(self) -> Executions:
        from functions.shared.executions import Executions

        return Executions(
            self.clients.client("stepfunctions"),
            state_machine_arn=self.environment[Variable.STATE_MACHINE_ARN],
        )

    @cached_property
    def changes(self) -> Executions:
        """The executions that change publishers, in the primary region."""
        from functions.shared.executions import Executions

        arn = self.environment[Variable.PUBLISHERS_MACHINE]
        region = arn.split(":")[3]
        return Executions(self.clients.step_functions(region), state_machine_arn=arn)

    @cached_property
    def metric_reader(self) -> MetricReader:
        from functions.shared.metric_reader import MetricReader

        return MetricReader(
            self.clients.client("cloudwatch"), namespace=self.namespace, service=self.service
        )

    @cached_property
    def stream_mapping(self) -> StreamMapping:
        from functions.shared.stream_mapping import StreamMapping

        return StreamMapping(
            lambdas=self.clients.client("lambda"),
            dynamodb=self.clients.client("dynamodb"),
            mapping=self.environment[Variable.PUBLISH_MAPPING],
            table=self.environment[Variable.EVENTS_TABLE],
        )

    def _versions(self, bucket: str) -> ObjectVersions:
        from functions.shared.object_versions import ObjectVersions

        return ObjectVersions(self.clients.client("s3"), bucket=self.environment[bucket])

    def _queue(self, stage: Stage) -> DeadLetterQueue:
        from functions.shared.dead_letter_queue import DeadLetterQueue

        return DeadLetterQueue(
            self.clients.client("sqs"),
            url=self.environment[DLQ_URLS[stage]],
            workers=self.workers,
            clock=self.clock,
        )
