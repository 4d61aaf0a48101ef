"""The canary: every minute, one event goes the whole way from a publisher to a subscriber."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from eventing import canary
from eventing.alarm_text import AlarmText
from functions.contract import Metric, Variable
from infrastructure.constructs.alarms import Meaning, Missing, Part, runbook
from infrastructure.constructs.checks import accept
from infrastructure.constructs.function import Function, every_minute
from infrastructure.constructs.neighbours import Neighbours

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_cdk import aws_apigateway as apigateway

    from infrastructure.constructs.dead_letters import DeadLetterQueue
    from infrastructure.constructs.ingestion import Ingestion
    from infrastructure.constructs.publication import Publication
    from infrastructure.constructs.region import Region
    from infrastructure.constructs.topics import Topics

_MINUTE = cdk.Duration.minutes(1)
_SECTION = "canary"

# Every event of a minute, or an alarm begins.
DELIVERED = 1


class Canary(Construct):
    """The function, the rule that calls it, and its queue, which is subscribed to its topic.

    `undelivered` is on while events do not get through, by this metric alone and whatever other alarms say.
    `alarm` tells operators so, unless they have been told of the cause: `told_otherwise` is on then.
    """

    function: Function
    queue: sqs.Queue
    delivered: cloudwatch.Metric
    latency: cloudwatch.Metric
    undelivered: cloudwatch.Alarm
    told_otherwise: cloudwatch.CompositeAlarm
    alarm: cloudwatch.CompositeAlarm
    neighbours: Neighbours | None
    """The other regions, where there are some and they have names."""
    outputs: Mapping[str, str]
    """Of the stack, by their keys."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        region: Region,
        key: apigateway.ApiKey,
        ingestion: Ingestion,
        publication: Publication,
        topics: Topics,
        dead_letters: Sequence[DeadLetterQueue],
    ) -> None:
        super().__init__(scope, id)
        topic = topics.by_name[canary.TOPIC]
        self.queue = self._queue(region, topic)
        key_id = key.key_id
        self.function = Function(
            self,
            "Function",
            region=region,
            name="canary",
            description="Sends an event every minute, and sees whether it arrives",
            memory_size=512,
            timeout=cdk.Duration.seconds(canary.MOST_SECONDS.total_seconds()),
            environment={
                Variable.API_URL: ingestion.api.url,
                Variable.CANARY_KEY_ID: key_id,
                Variable.CANARY_QUEUE_URL: self.queue.queue_url,
            },
            # Its silence sets off the alarm.
            harm=None,
        )
        self.queue.grant(self.function, "sqs:ReceiveMessage", "sqs:DeleteMessage")
        readable = cdk.Stack.of(self).format_arn(
            service="apigateway", account="", resource=f"/apikeys/{key_id}"
        )
        self.function.add_to_role_policy(
            iam.PolicyStatement(actions=["apigateway:GET"], resources=[readable])
        )
        every_minute(
            self,
            region=region,
            function=self.function,
            name="canary",
            description="Sends an event all the way",
        )
        self._watch(region, ingestion, publication, dead_letters)
        domain = region.configuration.domain
        self.neighbours = (
            Neighbours(self, "Neighbours", region=region, domain=domain, function=self.function)
            if domain and region.neighbours
            else None
        )
        self.outputs = {
            "CanaryTopicArn": topic.topic_arn,
            "CanaryKeyId": key_id,
            "CanaryFunction": self.function.function_name,
        }

    def _queue(self, region: Region, topic: sns.ITopic) -> sqs.Queue:
        queue = sqs.Queue(
            self,
            "Queue",
            queue_name=region.configuration.name("canary"),
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            # The shortest there is: what was not received by then proves nothing any more.
            retention_period=_MINUTE,
            # A message of a run that goes on beside the one that has received it shows itself again.
            visibility_timeout=cdk.Duration.seconds(2),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        accept(queue, "SQS3", "What is lost here is what the canary is there to notice.")
        topic.add_subscription(
            subscriptions.SqsSubscription(
                queue,
                raw_message_delivery=True,
                # Whoever sends a load of these events, to measure it, is no concern of the canary.
                filter_policy={
                    "source": sns.SubscriptionFilter.string_filter(allowlist=[canary.SOURCE])
                },
            )
        )
        return queue

    def _watch(
        self,
        region: Region,
        ingestion: Ingestion,
        publication: Publication,
        dead_letters: Sequence[DeadLetterQueue],
    ) -> None:
        configuration = region.configuration
        meaning = Meaning(
            what="Events do not get through, whatever other alarms say: for two minutes no event of the "
            "canary has arrived, or nobody has sent one.",
            users="publishers may be refused, or subscribers get nothing; what was answered 202 is safe.",
            section=_SECTION,
        )
        self.delivered = region.metric(Metric.CANARY_DELIVERED)
        self.latency = region.metric(Metric.CANARY_LATENCY)
        self.undelivered = region.alarms.alarm(
            self,
            "Undelivered",
            name="canary-undelivered",
            metric=self.delivered,
            below=DELIVERED,
            minutes=2,
            # A canary that says nothing is dead.
            missing=Missing.IS_BAD,
            meaning=meaning,
        )
        self.told_otherwise = cloudwatch.CompositeAlarm(
            self,
            "ToldOtherwise",
            composite_alarm_name=configuration.name("canary-reported"),
            alarm_description=str(
                AlarmText(
                    what="Operators have been told why events do not get through, by another alarm or by "
                    "triage. It keeps the alarm of the canary from telling them again.",
                    runbook=runbook(configuration, _SECTION),
                )
            ),
            # Those that are on while it happens, and not for as long as somebody has to look after it.
            alarm_rule=cloudwatch.AlarmRule.any_of(
                ingestion.unavailable,
                publication.alarm,
                *(queue.arrived for queue in dead_letters),
            ),
        )
        self.alarm = region.alarms.composite(
            self,
            "Alarm",
            part=Part.CANARY,
            name="canary",
            components=[self.undelivered],
            meaning=meaning,
            muted_while=self.told_otherwise,
        )
