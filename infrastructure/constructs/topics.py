"""The topics of the catalogue, which subscribers subscribe to."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sns as sns
from constructs import Construct

from eventing.catalogue import SNS_BYTES
from infrastructure.constructs.alarms import Meaning, Missing, Part

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventing import catalogue
    from infrastructure.constructs.function import Function
    from infrastructure.constructs.region import Region


class Topics(Construct):
    """One SNS topic for each topic of the catalogue, by the catalogue's name of it.

    `alarm` goes off when SNS gives up a delivery to a subscriber.
    """

    by_name: Mapping[str, sns.Topic]
    arn_prefix: str
    """The ARN of every topic up to the catalogue's name of it."""

    delivered: Mapping[str, cloudwatch.Metric]
    undelivered: Mapping[str, cloudwatch.Metric]
    alarm: cloudwatch.CompositeAlarm

    def __init__(self, scope: Construct, id: str, *, region: Region) -> None:
        super().__init__(scope, id)
        configuration = region.configuration
        prefix = configuration.name("topic-")
        self.arn_prefix = cdk.Stack.of(self).format_arn(service="sns", resource=prefix)
        self.by_name = {
            topic.name: self._topic(topic, f"{prefix}{topic.name}")
            for topic in configuration.catalogue.topics
        }
        for name, accounts in configuration.subscriber_accounts.items():
            topic = self.by_name[name]
            topic.add_to_resource_policy(
                iam.PolicyStatement(
                    sid="SubscriberAccounts",
                    principals=[iam.AccountPrincipal(account) for account in accounts],
                    actions=["sns:Subscribe"],
                    resources=[topic.topic_arn],
                )
            )

        self._watch(region)

    def _watch(self, region: Region) -> None:
        users = "a subscriber did not get an event; others got it."
        self.undelivered = {
            name: topic.metric_number_of_notifications_failed(period=cdk.Duration.minutes(1))
            for name, topic in self.by_name.items()
        }
        self.delivered = {
            name: topic.metric_number_of_notifications_delivered(period=cdk.Duration.minutes(1))
            for name, topic in self.by_name.items()
        }
        undelivered = [
            region.alarms.alarm(
                self,
                f"Undelivered-{name}",
                name=f"topic-{name}-undelivered",
                metric=metric,
                above=0,
                of=3,
                # SNS counts failures only when there are some.
                missing=Missing.IS_FINE,
                meaning=Meaning(
                    what=f"SNS gave up deliveries to a subscriber of the topic {name}.",
                    users=users,
                    section="undelivered",
                ),
            )
            for name, metric in self.undelivered.items()
        ]
        self.alarm = region.alarms.composite(
            self,
            "Alarm",
            part=Part.DELIVERY,
            name="undelivered",
            components=undelivered,
            meaning=Meaning(
                what="SNS gave up deliveries to a subscriber of at least one topic.",
                users=users,
                section="undelivered",
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

    def _grant(self, function: Function, action: str) -> None:
        arns = [topic.topic_arn for topic in self.by_name.values()]
        function.add_to_role_policy(iam.PolicyStatement(actions=[action], resources=arns))
