"""The topics of the catalogue, which subscribers subscribe to."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from eventing import canary
from eventing.catalogue import SNS_BYTES
from eventing.delivery import QUIET
from functions.contract import Dimension, Metric
from infrastructure.constructs.alarms import Meaning, Missing, Part

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventing import catalogue
    from infrastructure.constructs.function import Function
    from infrastructure.constructs.region import Region

# What the ARNs of an account's endpoints have after the partition, by protocol.
_RESOURCES = {
    "sqs": "sqs:*:{}:*",
    "lambda": "lambda:*:{}:function:*",
    "firehose": "firehose:*:{}:deliverystream/*",
    "application": "sns:*:{}:endpoint/*",
}
# What the endpoints of other protocols begin with, where something is to be checked.
_ADDRESSES = {"https": "https://*", "http": "http://*"}


class Topics(Construct):
    """One SNS topic for each topic of the catalogue, by the catalogue's name of it.

    `alarm` goes off when SNS gives up a delivery to a subscriber, or drops a message for its attributes,
    `unheard_alarm` when nobody at all gets the events of a topic whose subscribers the catalogue expects
    (the counter looks).
    """

    by_name: Mapping[str, sns.Topic]
    for_subscribers: Mapping[str, sns.Topic]
    """All but the canary's, which nobody subscribes to, and whose own alarm says all."""
    arn_prefix: str
    """The ARN of every topic up to the catalogue's name of it."""

    delivered: Mapping[str, cloudwatch.Metric]
    undelivered: Mapping[str, cloudwatch.Metric]
    unheard: Mapping[str, cloudwatch.Metric]
    unfilterable: Mapping[str, cloudwatch.Metric]
    """Messages that SNS has dropped for every subscription with a filter on attributes."""
    alarm: cloudwatch.CompositeAlarm
    unheard_alarm: cloudwatch.CompositeAlarm | None = None

    def __init__(self, scope: Construct, id: str, *, region: Region) -> None:
        super().__init__(scope, id)
        configuration = region.configuration
        prefix = configuration.name("topic-")
        self.arn_prefix = cdk.Stack.of(self).format_arn(service="sns", resource=prefix)
        self.by_name = {
            topic.name: self._topic(topic, f"{prefix}{topic.name}")
            for topic in configuration.catalogue.topics
        }
        self.for_subscribers = {
            name: topic for name, topic in self.by_name.items() if name != canary.TOPIC
        }
        for name, accounts in configuration.subscriber_accounts.items():
            self._open(self.by_name[name], accounts, configuration.subscriber_protocols)

        self._watch(region)
        self.unheard = {
            topic.name: region.metric(
                Metric.TOPIC_UNHEARD,
                statistic=cloudwatch.Stats.MAXIMUM,
                by={Dimension.TOPIC: topic.name},
            )
            for topic in configuration.catalogue.topics
            if topic.subscribers_expected
        }
        if self.unheard:
            self.unheard_alarm = self._watch_for_silence(region)

    def _open(self, topic: sns.Topic, accounts: Sequence[str], protocols: Sequence[str]) -> None:
        """Let accounts subscribe, of AWS's services only what is their own."""
        partition = cdk.Stack.of(self).partition
        for protocol in protocols:
            resource = _RESOURCES.get(protocol)
            endpoints = (
                [f"arn:{partition}:{resource.format(account)}" for account in accounts]
                if resource
                else [_ADDRESSES.get(protocol, "*")]
            )
            topic.add_to_resource_policy(
                iam.PolicyStatement(
                    sid=f"Subscribe{''.join(part.capitalize() for part in protocol.split('-'))}",
                    principals=[iam.AccountPrincipal(account) for account in accounts],
                    actions=["sns:Subscribe"],
                    resources=[topic.topic_arn],
                    # A request without one of these keys fits neither.
                    conditions={
                        "StringEquals": {"sns:Protocol": protocol},
                        "StringLike": {"sns:Endpoint": endpoints},
                    },
                )
            )

    def _watch(self, region: Region) -> None:
        users = "a subscriber did not get an event; others got it."
        self.undelivered = {
            name: topic.metric_number_of_notifications_failed(period=cdk.Duration.minutes(1))
            for name, topic in self.for_subscribers.items()
        }
        self.delivered = {
            name: topic.metric_number_of_notifications_delivered(period=cdk.Duration.minutes(1))
            for name, topic in self.for_subscribers.items()
        }
        self.unfilterable = {
            name: topic.metric(
                "NumberOfNotificationsFilteredOut-InvalidAttributes",
                period=cdk.Duration.minutes(1),
                statistic=cloudwatch.Stats.SUM,
            )
            for name, topic in self.for_subscribers.items()
        }
        undelivered = [
            region.alarms.alarm(
                self,
                f"{kind.capitalize()}-{name}",
                name=f"topic-{name}-{kind}",
                metric=metric,
                above=0,
                of=3,
                # SNS counts these only when there are some.
                missing=Missing.IS_FINE,
                meaning=Meaning(
                    what=f"SNS {what} of the topic {name}.", users=users, section="undelivered"
                ),
            )
            for kind, what, metrics in (
                ("undelivered", "gave up deliveries to a subscriber", self.undelivered),
                ("unfilterable", "dropped messages for their attributes", self.unfilterable),
            )
            for name, metric in metrics.items()
        ]
        self.alarm = region.alarms.composite(
            self,
            "Alarm",
            part=Part.DELIVERY,
            name="undelivered",
            components=undelivered,
            meaning=Meaning(
                what="Deliveries to subscribers failed: SNS gave up some of at least one topic, or dropped "
                "messages.",
                users=users,
                section="undelivered",
            ),
        )

    def _watch_for_silence(self, region: Region) -> cloudwatch.CompositeAlarm:
        minutes = round(QUIET.total_seconds() / 60)
        users = (
            "nobody gets these events, and nothing in this system keeps them for later subscribers."
        )
        silent = [
            region.alarms.alarm(
                self,
                f"Unheard-{name}",
                name=f"topic-{name}-unheard",
                metric=metric,
                above=0,
                # The counter says 0, too.
                missing=Missing.CHANGES_NOTHING,
                meaning=Meaning(
                    what=f"Events were published to the topic {name}, and for {minutes} minutes none was "
                    "delivered, failed or filtered out.",
                    users=users,
                    section="unheard",
                ),
            )
            for name, metric in self.unheard.items()
        ]
        return region.alarms.composite(
            self,
            "UnheardAlarm",
            part=Part.DELIVERY,
            name="unheard",
            components=silent,
            meaning=Meaning(
                what="Nobody seems to get the events of a topic: they were published, and for "
                f"{minutes} minutes nothing became of them. It has no subscription any more, or none that "
                "answers.",
                users=users,
                section="unheard",
            ),
        )

    def _topic(self, topic: catalogue.Topic, name: str) -> sns.Topic:
        made = sns.Topic(self, topic.name, topic_name=name, enforce_ssl=True)
        if topic.max_bytes != SNS_BYTES:
            # The CDK's own class has no such property yet.
            cast("sns.CfnTopic", made.node.default_child).maximum_message_size = topic.max_bytes
        return made

    def grant_publish(self, function: Function) -> None:
        """Let it publish to these topics."""
        self._grant(function, "sns:Publish")

    def grant_probe(self, function: Function) -> None:
        """Let it see whether these topics are there."""
        self._grant(function, "sns:GetTopicAttributes")

    def grant_see_subscribers(self, function: Function) -> None:
        """Let it see who is subscribed to these topics."""
        self._grant(function, "sns:ListSubscriptionsByTopic")

    def _grant(self, function: Function, action: str) -> None:
        arns = [topic.topic_arn for topic in self.by_name.values()]
        function.add_to_role_policy(iam.PolicyStatement(actions=[action], resources=arns))
