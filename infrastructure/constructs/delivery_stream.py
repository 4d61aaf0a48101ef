"""The archive's delivery stream: Firehose gathers small requests' events into objects of the archive."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_logs as logs
from constructs import Construct

from functions.contract import Metric, Objects
from infrastructure.constructs.alarms import Meaning, Missing, Part
from infrastructure.constructs.checks import accept_wildcard
from infrastructure.constructs.function import log_group_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_s3 as s3

    from infrastructure.constructs.region import Region

# The longest and largest there are: Firehose bills each object (decision 29).
BUFFER_SECONDS = 900
_BUFFER_MIB = 128
# A record that has waited for so long is late by four buffers.
LATE_SECONDS = 3600
# JQ 1.6, of a line: it lies where the object of its own request would (`functions/shared/archive.py`).
_KEYS = "{publisher:.publisher,date:.accepted_at[:10],hour:.accepted_at[11:13]}"
_PREFIX = (
    f"{Objects.EVENTS}!{{partitionKeyFromQuery:publisher}}/date=!{{partitionKeyFromQuery:date}}/"
    # Without a time of its own, a prefix may get one, which would be a folder more.
    "!{partitionKeyFromQuery:hour}/!{timestamp:mm}-"
)
_ERROR_PREFIX = f"{Objects.UNDELIVERED}!{{firehose:error-output-type}}/!{{timestamp:yyyy-MM-dd}}/"


def delivery_role(scope: Construct) -> iam.Role:
    """The role in which Firehose writes into the archive; only streams of this account have it."""
    stack = cdk.Stack.of(scope)
    return iam.Role(
        scope,
        "DeliveryRole",
        description="Firehose writes the archive in it",
        assumed_by=iam.ServicePrincipal(
            "firehose.amazonaws.com",
            conditions={"StringEquals": {"aws:SourceAccount": stack.account}},
        ),
    )


class DeliveryStream(Construct):
    """The delivery stream into `bucket`, by publisher, date and hour of each line.

    One alarm goes off when copies come late or are turned away, another one while some are undelivered.
    """

    name: str
    arn: str

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        region: Region,
        bucket: s3.Bucket,
        role: iam.Role,
    ) -> None:
        super().__init__(scope, id)
        configuration = region.configuration
        self.name = configuration.name("archive")
        self.arn = cdk.Stack.of(self).format_arn(
            service="firehose", resource="deliverystream", resource_name=self.name
        )
        self.log_name = f"/aws/kinesisfirehose/{self.name}"
        log = log_group_of(self, "Log", self.log_name, configuration=configuration)
        errors = logs.LogStream(
            self,
            "Errors",
            log_group=log,
            log_stream_name="errors",
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        self._bucket = bucket
        self._let_write(bucket, role)
        log.grant_write(role)
        stream = firehose.CfnDeliveryStream(
            self,
            "Stream",
            delivery_stream_name=self.name,
            delivery_stream_type="DirectPut",
            delivery_stream_encryption_configuration_input=(
                firehose.CfnDeliveryStream.DeliveryStreamEncryptionConfigurationInputProperty(
                    key_type="AWS_OWNED_CMK"
                )
            ),
            extended_s3_destination_configuration=(
                firehose.CfnDeliveryStream.ExtendedS3DestinationConfigurationProperty(
                    bucket_arn=bucket.bucket_arn,
                    role_arn=role.role_arn,
                    prefix=_PREFIX,
                    error_output_prefix=_ERROR_PREFIX,
                    # Macie knows a file by how its name ends.
                    file_extension=".jsonl",
                    compression_format="UNCOMPRESSED",
                    buffering_hints=firehose.CfnDeliveryStream.BufferingHintsProperty(
                        interval_in_seconds=BUFFER_SECONDS, size_in_m_bs=_BUFFER_MIB
                    ),
                    dynamic_partitioning_configuration=(
                        firehose.CfnDeliveryStream.DynamicPartitioningConfigurationProperty(
                            enabled=True
                        )
                    ),
                    processing_configuration=_extract(_KEYS),
                    cloud_watch_logging_options=(
                        firehose.CfnDeliveryStream.CloudWatchLoggingOptionsProperty(
                            enabled=True,
                            log_group_name=log.log_group_name,
                            log_stream_name=errors.log_stream_name,
                        )
                    ),
                )
            ),
        )
        # Firehose tries the role when the stream is made.
        stream.node.add_dependency(role)
        if policy := bucket.policy:
            stream.node.add_dependency(policy)
        self._watch(region)

    def grant_put(self, grantee: iam.IGrantable) -> None:
        """Let it put records."""
        grantee.grant_principal.add_to_principal_policy(
            iam.PolicyStatement(actions=["firehose:PutRecordBatch"], resources=[self.arn])
        )

    def grant_count_undelivered(self, grantee: iam.IGrantable) -> None:
        """Let it see what objects there are that hold what was not delivered, and read none."""
        grantee.grant_principal.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["s3:ListBucket"],
                resources=[self._bucket.bucket_arn],
                conditions={"StringEquals": {"s3:prefix": Objects.UNDELIVERED}},
            )
        )

    def _let_write(self, bucket: s3.Bucket, role: iam.Role) -> None:
        """Grant what Firehose asks for, below its prefixes ("Grant Firehose access to an S3 destination")."""
        objects = [
            bucket.arn_for_objects(f"{prefix}*") for prefix in (Objects.EVENTS, Objects.UNDELIVERED)
        ]
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"],
                resources=objects,
            )
        )
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"],
                resources=[bucket.bucket_arn],
            )
        )
        for one in objects:
            accept_wildcard(role, one, "Objects are named by their publisher, and by Firehose.")

    def _watch(self, region: Region) -> None:
        self.age = self._metric("DeliveryToS3.DataFreshness", cloudwatch.Stats.MAXIMUM)
        self.throttled = self._metric("ThrottledRecords", cloudwatch.Stats.SUM)
        self.partitions = self._metric("PartitionCountExceeded", cloudwatch.Stats.MAXIMUM)
        self.incoming = self._metric("IncomingRecords", cloudwatch.Stats.SUM)
        self.undelivered = region.metric(
            Metric.COPIES_UNDELIVERED, statistic=cloudwatch.Stats.MAXIMUM
        )
        late, throttled, partitions = (
            region.alarms.alarm(
                self,
                f"{id}Alarm",
                name=f"archive-{name}",
                metric=metric,
                above=above,
                # Firehose has no data where nothing waits, or is turned away.
                missing=Missing.IS_FINE,
                meaning=Meaning(what=what, users=_USERS, section="archive-impaired"),
            )
            for id, name, metric, above, what in (
                (
                    "Late",
                    "late",
                    self.age,
                    LATE_SECONDS,
                    "Events have waited for an hour to be written into the archive; after 24 h Firehose "
                    "gives them up.",
                ),
                (
                    "Throttled",
                    "throttled",
                    self.throttled,
                    0,
                    "The archive's delivery stream is given more than its quota: each request that it turns "
                    "away is an object, which costs more.",
                ),
                (
                    "Partitions",
                    "partitions",
                    self.partitions,
                    0,
                    "More publishers send at once than the archive's delivery stream has room for: copies of "
                    "the others' events are kept apart.",
                ),
            )
        )
        region.alarms.composite(
            self,
            "Alarm",
            part=Part.ARCHIVE,
            name="archive-impaired",
            components=(late, throttled, partitions),
            meaning=Meaning(
                what="The archive's delivery stream is late or over a limit.",
                users=_USERS,
                section="archive-impaired",
            ),
        )

        undelivered = region.alarms.alarm(
            self,
            "UndeliveredAlarm",
            name="archive-undelivered",
            metric=self.undelivered,
            above=0,
            missing=Missing.CHANGES_NOTHING,
            meaning=Meaning(
                what="Copies of events are kept apart: Firehose could not tell their publisher, or had too "
                "many publishers at once.",
                users="none: events are taken and published.",
                section="archive-undelivered",
            ),
        )
        region.alarms.notify(undelivered, part=Part.ARCHIVE)

    def _metric(self, name: str, statistic: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="AWS/Firehose",
            metric_name=name,
            dimensions_map={"DeliveryStreamName": self.name},
            statistic=statistic,
            # Firehose's own.
            period=cdk.Duration.minutes(5),
        )


_USERS = "none: events are taken and published; copies come later."


def _extract(query: str) -> firehose.CfnDeliveryStream.ProcessingConfigurationProperty:
    made = firehose.CfnDeliveryStream
    parameters: Sequence[tuple[str, str]] = (
        ("MetadataExtractionQuery", query),
        ("JsonParsingEngine", "JQ-1.6"),
    )
    return made.ProcessingConfigurationProperty(
        enabled=True,
        processors=[
            made.ProcessorProperty(
                type="MetadataExtraction",
                parameters=[
                    made.ProcessorParameterProperty(parameter_name=name, parameter_value=value)
                    for name, value in parameters
                ],
            )
        ],
    )
