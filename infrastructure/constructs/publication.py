"""Publication: from the stream of the Events table to the event's topic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
import jsii
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from constructs import Construct

from functions.contract import Dimension, Metric, Objects, Variable
from infrastructure.constructs.alarms import Meaning, Missing, Part
from infrastructure.constructs.checks import accept_wildcard
from infrastructure.constructs.function import Function

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import aws_s3 as s3

    from infrastructure.constructs.dead_letters import DeadLetterQueue
    from infrastructure.constructs.event_store import EventStore
    from infrastructure.constructs.receipts import Receipts
    from infrastructure.constructs.region import Region
    from infrastructure.constructs.topics import Topics

# docs/publication.md has the numbers that follow from these three. A batch that crashes the function
# is halved down to the record that does it, which holds up what is behind it for these few retries
# more. An outage is ridden out within invocations, for most of their time.
_RETRIES = 2
_TIMEOUT = cdk.Duration.minutes(2)
# The stream keeps 24 hours; what is given up for its age must still be there to be recorded.
_RECORD_AGE = cdk.Duration.hours(20)

# Events this late, in milliseconds, are an incident, long before the stream forgets any (24 h).
LATE = 5 * 60 * 1000


class Publication(Construct):
    """The publish function, fed by the stream with the events that this region took.

    `alarm` goes off when events do not get on, or late.
    """

    function: Function
    mapping: str
    """The id of the event source mapping."""
    alarm: cloudwatch.CompositeAlarm

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        region: Region,
        event_store: EventStore,
        topics: Topics,
        dead_letters: DeadLetterQueue,
        invocation_records: s3.IBucket,
        receipts: Receipts,
    ) -> None:
        super().__init__(scope, id)
        self.published = region.metric(Metric.EVENTS_PUBLISHED)
        self.settled = region.metric(Metric.EVENTS_SETTLED)
        self.lag = region.metric(Metric.PUBLISH_LAG)
        self.by_topic = {
            name: (
                region.metric(Metric.EVENTS_PUBLISHED, by={Dimension.TOPIC: name}),
                region.metric(Metric.PUBLISH_LAG, by={Dimension.TOPIC: name}),
            )
            for name in topics.for_subscribers
        }
        self.function = Function(
            self,
            "Function",
            region=region,
            name="publish",
            description="Publishes each event of the Events table's stream to its topic",
            memory_size=512,
            timeout=_TIMEOUT,
            environment={
                Variable.PUBLISH_DLQ_URL: dead_letters.queue.queue_url,
                Variable.TOPIC_ARN_PREFIX: topics.arn_prefix,
                Variable.RECEIPTS_TABLE: receipts.table_name,
                Variable.EVENT_RETENTION_DAYS: str(region.configuration.retention.events),
            },
            harm="subscribers get events late; those it fails on for good are dead letters.",
        )
        topics.grant_publish(self.function)
        dead_letters.grant_send(self.function)
        receipts.grant_write(self.function)
        self._grant_invocation_records(invocation_records)
        # Not a notification of the bucket: S3 would send a test message first, and set off the alarm.
        dead_letters.add_events_of(
            events.Rule(
                self,
                "InvocationRecorded",
                rule_name=region.configuration.name("invocation-recorded"),
                description="Tells the publish dead-letter queue of each invocation record",
                event_pattern=events.EventPattern(
                    source=["aws.s3"],
                    detail_type=["Object Created"],
                    detail={
                        "bucket": {"name": [invocation_records.bucket_name]},
                        "object": {"key": events.Match.prefix(Objects.INVOCATION_RECORDS)},
                    },
                ),
            )
        )
        source = sources.DynamoEventSource(
            event_store.table,
            # With LATEST, events stored while the mapping is made or changed would be missed.
            starting_position=lambda_.StartingPosition.TRIM_HORIZON,
            filters=[_stored_in(region.name)],
            batch_size=100,
            # No order is promised, so a slow batch need not hold up a whole shard.
            parallelization_factor=10,
            retry_attempts=_RETRIES,
            max_record_age=_RECORD_AGE,
            bisect_batch_on_error=True,
            report_batch_item_failures=True,
            on_failure=_InvocationRecords(invocation_records),
        )
        self.function.add_event_source(source)
        self.mapping = source.event_source_mapping_id

        self._watch(region, dead_letters)

    def _watch(self, region: Region, dead_letters: DeadLetterQueue) -> None:
        self.iterator_age = self.function.metric(
            "IteratorAge", period=cdk.Duration.minutes(1), statistic=cloudwatch.Stats.MAXIMUM
        )
        late = region.alarms.alarm(
            self,
            "LateAlarm",
            name="publish-late",
            metric=self.iterator_age,
            above=LATE,
            minutes=3,
            # Without records there is no data.
            missing=Missing.IS_FINE,
            meaning=Meaning(
                what=f"The publish function gets events {LATE // 60_000} minutes late or more.",
                users="subscribers get events late; none is lost within 24 h.",
                section="events-are-late",
            ),
        )
        self.unread = region.metric(Metric.STREAM_UNREAD, statistic=cloudwatch.Stats.MAXIMUM)
        unread = region.alarms.alarm(
            self,
            "UnreadAlarm",
            name="publish-stream-unread",
            metric=self.unread,
            above=0,
            # A deployment that changes the mapping takes less.
            minutes=3,
            missing=Missing.CHANGES_NOTHING,
            meaning=Meaning(
                what="Nobody reads the stream of the Events table: the event source mapping is off, gone, or "
                "reads the stream of a table that was there before.",
                users="subscribers get no events; none is lost within 24 h.",
                section="stream-not-read",
            ),
        )
        self.alarm = region.alarms.composite(
            self,
            "Alarm",
            part=Part.PUBLICATION,
            name="publication-impaired",
            components=(late, unread, *self.function.alarms),
            meaning=Meaning(
                what="Stored events don't get to their topics as they should: the publish function "
                "fails, is held up, or is late.",
                users="subscribers get events late; none is lost within 24 h.",
                section="publication-impaired",
            ),
            # Dead letters that come meanwhile are of the same incident, and have their own message.
            muted_while=dead_letters.arrived,
        )

    def grant_see_mapping(self, function: Function) -> None:
        """Let it see which stream the mapping reads, and whether it does."""
        arn = cdk.Stack.of(self).format_arn(
            service="lambda",
            resource="event-source-mapping",
            resource_name=self.mapping,
            arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
        )
        function.add_to_role_policy(
            iam.PolicyStatement(actions=["lambda:GetEventSourceMapping"], resources=[arn])
        )

    def _grant_invocation_records(self, bucket: s3.IBucket) -> None:
        records = bucket.arn_for_objects(f"{Objects.INVOCATION_RECORDS}*")
        grants: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
            ("s3:PutObject", records, {}),
            (
                "s3:ListBucket",
                bucket.bucket_arn,
                {"StringLike": {"s3:prefix": f"{Objects.INVOCATION_RECORDS}*"}},
            ),
            # Lambda asks whether the bucket is there, and that names no prefix. Calls of the function's own
            # code have the other key (Lambda, "Using source function ARN").
            (
                "s3:ListBucket",
                bucket.bucket_arn,
                {"Null": {"s3:prefix": "true", "lambda:SourceFunctionArn": "true"}},
            ),
        )
        for action, resource, conditions in grants:
            self.function.add_to_role_policy(
                iam.PolicyStatement(actions=[action], resources=[resource], conditions=conditions)
            )
        accept_wildcard(
            self.function.execution_role, records, "Lambda names the records by shard and time."
        )


def _stored_in(region: str) -> Mapping[str, Any]:
    """Records of events that this region took.

    A replica's stream also has those of all other regions: without the second condition each event
    would be published once per region.
    """
    return lambda_.FilterCriteria.filter(
        {
            "eventName": lambda_.FilterRule.is_equal("INSERT"),
            "dynamodb": {"NewImage": {"origin_region": {"S": lambda_.FilterRule.is_equal(region)}}},
        }
    )


@jsii.implements(lambda_.IEventSourceDlq)
class _InvocationRecords:
    """The place for records the function crashed on; the CDK's own class lets it read and delete too."""

    def __init__(self, bucket: s3.IBucket) -> None:
        self._bucket = bucket

    def bind(
        self,
        _target: lambda_.IEventSourceMapping,
        _target_handler: lambda_.IFunction,
    ) -> lambda_.DlqDestinationConfig:
        return lambda_.DlqDestinationConfig(destination=self._bucket.bucket_arn)
