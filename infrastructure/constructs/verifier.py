"""What whoever verifies a deployment needs beside an operator's rights: one managed policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from eventing.canary import PUBLISHER, TOPIC
from functions.contract import Objects
from infrastructure.constructs.policies import NO_RESOURCE, allow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import aws_apigateway as apigateway

    from infrastructure.constructs.archive import Archive
    from infrastructure.constructs.dead_letters import DeadLetterQueue
    from infrastructure.constructs.event_store import EventStore
    from infrastructure.constructs.function import Function
    from infrastructure.constructs.operations import Operations
    from infrastructure.constructs.region import Region
    from infrastructure.constructs.topics import Topics

_QUEUE = "Each verification has a queue of its own."


class Verifier(Construct):
    """The managed policy `verifier`; whoever deploys attaches it, beside the operator's.

    Whoever has it can send events as the canary, put a dead letter into the queue of publish, and read the
    canary's events in the archive and those of nobody else. The API key that it may read is the canary's.
    """

    policy: iam.ManagedPolicy

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        region: Region,
        operations: Operations,
        event_store: EventStore,
        archive: Archive,
        topics: Topics,
        key: apigateway.ApiKey,
        publish_dead_letters: DeadLetterQueue,
        functions: Sequence[Function],
    ) -> None:
        super().__init__(scope, id)
        self.policy = iam.ManagedPolicy(
            self,
            "Policy",
            # IAM knows no regions.
            managed_policy_name=region.configuration.name(f"verifier-{region.name}"),
            description="Verify a deployment, for who has the rights of an operator as well",
        )
        self._look(region, functions)
        self._send(
            region,
            ops_topic=operations.topic.topic_arn,
            topic=topics.by_name[TOPIC].topic_arn,
            key_id=key.key_id,
            dead_letters=publish_dead_letters.queue.queue_arn,
        )
        self._find(event_store, archive)

    def _look(self, region: Region, functions: Sequence[Function]) -> None:
        stack, name = cdk.Stack.of(self), region.configuration.name
        stacks = [
            stack.format_arn(service="cloudformation", resource="stack", resource_name=f"{one}/*")
            for one in (stack.stack_name, name("data"))
        ]
        asked = ["cloudformation:DescribeStacks", "cloudformation:ListStackResources"]
        allow(self.policy, asked, stacks, why="CloudFormation gives a stack its id.")
        everywhere = (
            "cloudwatch:ListDashboards",
            "lambda:GetAccountSettings",
            "macie2:GetMacieSession",
            "sqs:ListQueues",
        )
        allow(self.policy, everywhere, ["*"], why=NO_RESOURCE)
        allow(
            self.policy,
            ["lambda:GetFunction"],
            [function.function_arn for function in functions],
        )
        allow(
            self.policy,
            ["iam:SimulatePrincipalPolicy"],
            [function.execution_role.role_arn for function in functions],
        )

    def _send(
        self, region: Region, *, ops_topic: str, topic: str, key_id: str, dead_letters: str
    ) -> None:
        stack = cdk.Stack.of(self)
        queues = stack.format_arn(service="sqs", resource=region.configuration.name("verify-*"))
        gateway = f"arn:{stack.partition}:apigateway:{stack.region}::"
        # Not that of all keys, which would be the right to read each of them.
        readable = [f"{gateway}/usageplans", f"{gateway}/apikeys/{key_id}"]
        allow(self.policy, ["apigateway:GET"], readable)
        allow(self.policy, ["sns:ListSubscriptionsByTopic"], [ops_topic, topic])
        allow(self.policy, ["sns:Publish"], [ops_topic])
        allow(
            self.policy,
            ["sns:Subscribe"],
            [topic],
            conditions={
                "StringEquals": {"sns:Protocol": "sqs"},
                "StringLike": {"sns:Endpoint": queues},
            },
        )
        # Sources differ on whether SNS asks for the topic here or for anything.
        allow(self.policy, ["sns:Unsubscribe"], ["*"], why=NO_RESOURCE)
        own = ("CreateQueue", "GetQueueUrl", "DeleteQueue", "ReceiveMessage", "DeleteMessage")
        allow(self.policy, [f"sqs:{action}" for action in own], [queues], why=_QUEUE)
        allow(self.policy, ["sqs:SendMessage"], [dead_letters])

    def _find(self, event_store: EventStore, archive: Archive) -> None:
        allow(
            self.policy,
            ["dynamodb:GetItem"],
            [event_store.table.table_arn],
            conditions={
                "ForAllValues:StringLike": {"dynamodb:LeadingKeys": f"{PUBLISHER}#*"},
                "ForAllValues:StringEquals": {"dynamodb:Attributes": ["pk", "digest"]},
                "Null": {"dynamodb:LeadingKeys": "false", "dynamodb:Attributes": "false"},
                "StringEquals": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
            },
        )
        prefix = f"{Objects.EVENTS}{PUBLISHER}/*"
        allow(
            self.policy,
            ["s3:ListBucket"],
            [archive.bucket.bucket_arn],
            conditions={"StringLike": {"s3:prefix": prefix}},
        )
        objects = archive.bucket.arn_for_objects(prefix)
        allow(self.policy, ["s3:GetObject"], [objects], why="The canary's events alone.")
