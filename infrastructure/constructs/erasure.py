"""Erases one event everywhere: a function with a role of its own, which may what no other may."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from eventing.erasure.price import ERASER_GB
from functions.contract import Metric, Objects, Variable
from infrastructure.constructs.alarms import Meaning, Missing, Part
from infrastructure.constructs.checks import accept_wildcard
from infrastructure.constructs.function import Function

if TYPE_CHECKING:
    from aws_cdk import aws_cloudwatch as cloudwatch

    from infrastructure.constructs.archive import Archive
    from infrastructure.constructs.bucket import PrivateBucket
    from infrastructure.constructs.event_store import EventStore
    from infrastructure.constructs.ledger import Ledger
    from infrastructure.constructs.operations import Operations
    from infrastructure.constructs.region import Region

# A page takes 50 s, and what it has begun then may take half a minute.
_TIMEOUT = cdk.Duration.seconds(120)
# Of what is left of objects, a few at a time, each of which may have 128 MiB.
_DISK = cdk.Size.gibibytes(2)
_WHY = "Any object of the archive, and of what was crashed on, may hold the event."


class EraserFunction(Construct):
    """May read and write over what holds events, and leave tombstones: nobody else may.

    `unfinished` counts erasures that left something, `sent_again` events that were sent again after they were
    erased; there is an alarm on each.
    """

    function: Function
    unfinished: cloudwatch.Metric
    sent_again: cloudwatch.Metric

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        region: Region,
        event_store: EventStore,
        archive: Archive,
        ledger: Ledger,
        operations: Operations,
    ) -> None:
        super().__init__(scope, id)
        configuration = region.configuration
        retention = configuration.retention
        self.function = Function(
            self,
            "Function",
            region=region,
            name="eraser",
            description="Looks for the copies of one event, asks for an approval, and erases them",
            memory_size=int(ERASER_GB * 1024),
            timeout=_TIMEOUT,
            environment={
                Variable.EVENTS_TABLE: event_store.table.table_name,
                Variable.ARCHIVE_BUCKET: archive.bucket.bucket_name,
                Variable.LEDGER_TABLE: ledger.table.table_name,
                Variable.OPERATIONS_BUCKET: operations.bucket.bucket_name,
                Variable.EVENT_RETENTION_DAYS: str(retention.events),
                Variable.OPEN_LETTER_DAYS: str(retention.open_letters),
                Variable.BACKUP_DAYS: str(retention.backups),
                Variable.REGIONS: json.dumps(configuration.regions),
                **region.mail_environment,
            },
            harm="an event that is to be erased is kept for longer.",
            # Operators' errors fail a task; an execution that fails is counted.
            refuses=True,
            disk=_DISK,
        )
        event_store.grant_erase(self.function)
        ledger.grant_erase(self.function)
        ledger.grant_audit(self.function)
        operations.grant_notify(self.function)
        operations.grant_read(self.function, Objects.REPORTS)
        operations.grant_write(self.function, Objects.APPROVALS, Objects.REPORTS, Objects.RUNS)
        self._grant_sweep(archive.bucket, Objects.EVENTS)
        self._grant_sweep(operations.bucket, Objects.INVOCATION_RECORDS, Objects.JUNK)
        self.unfinished = region.metric(Metric.ERASURES_UNFINISHED)
        self.sent_again = region.metric(Metric.ERASED_SENT_AGAIN)
        self._watch(region)

    def _grant_sweep(self, bucket: PrivateBucket, *prefixes: str) -> None:
        """Let it list, read, write over and delete what is below these prefixes, versions included."""
        bucket.allow_erasing(self.function.execution_role, *prefixes)
        self.function.add_to_role_policy(
            iam.PolicyStatement(
                actions=["s3:ListBucketVersions"],
                resources=[bucket.bucket_arn],
                conditions={"StringLike": {"s3:prefix": [f"{prefix}*" for prefix in prefixes]}},
            )
        )
        for prefix in prefixes:
            objects = bucket.arn_for_objects(f"{prefix}*")
            self.function.add_to_role_policy(
                iam.PolicyStatement(
                    actions=[
                        "s3:GetObjectVersion",
                        "s3:GetObjectVersionTagging",
                        "s3:PutObject",
                        "s3:PutObjectTagging",
                        "s3:DeleteObject",
                        "s3:DeleteObjectVersion",
                    ],
                    resources=[objects],
                )
            )
            accept_wildcard(self.function.execution_role, objects, _WHY)

    def _watch(self, region: Region) -> None:
        unfinished = region.alarms.alarm(
            self,
            "UnfinishedAlarm",
            name="erasures-unfinished",
            metric=self.unfinished,
            above=0,
            missing=Missing.IS_FINE,
            meaning=Meaning(
                what="An erasure came to no end, or left something that it should have reached.",
                users="an event that was to be erased is kept in part.",
                section="erasures-unfinished",
                next="audit",
            ),
        )
        region.alarms.composite(
            self,
            "Alarm",
            part=Part.ERASURES,
            name="erasures-impaired",
            components=(*self.function.alarms, unfinished),
            meaning=Meaning(
                what="Erasures are not as they should be: one came to no end or left something, or their "
                "function is not run or takes too long.",
                users="an event that was to be erased is kept, all of it or in part.",
                section="erasures-unfinished",
                next="audit",
            ),
        )
        sent_again = region.alarms.alarm(
            self,
            "SentAgainAlarm",
            name="erased-sent-again",
            metric=self.sent_again,
            above=0,
            missing=Missing.IS_FINE,
            meaning=Meaning(
                what="An erased event was sent again: it was refused, but a copy of it is in the archive.",
                users="the publisher is answered 410.",
                section="erased-sent-again",
            ),
        )
        region.alarms.notify(sent_again, part=Part.ERASURES)
