"""The Events table: written in whichever region took the event, and there in all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import custom_resources
from constructs import Construct

from functions.contract import ERASER_MEMBERS, EVENT_KEY_MEMBERS, FOUND_MEMBERS, STORED_MEMBERS
from infrastructure.constructs.aws_calls import Permission
from infrastructure.constructs.tables import global_table, table_arn, throttles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from infrastructure.configuration import Configuration
    from infrastructure.constructs.aws_calls import AwsCalls
    from infrastructure.constructs.region import Region


def table_name(configuration: Configuration) -> str:
    """The same in every region, so that a regional stack needs no reference into another region."""
    return configuration.name("events")


class GlobalEventStore(Construct):
    """The global table, with its replicas."""

    def __init__(self, scope: Construct, id: str, *, configuration: Configuration) -> None:
        super().__init__(scope, id)
        global_table(
            self,
            "Events",
            name=table_name(configuration),
            configuration=configuration,
            # The one that is documented for replicas; once there are several it can't be changed.
            stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES,
        )


def lookup_permissions(scope: Construct, configuration: Configuration) -> list[Permission]:
    """The permissions that an `EventStore` in this stack needs at deployment."""
    return [
        Permission(
            actions=("dynamodb:DescribeTable",),
            resource=table_arn(scope, table_name(configuration)),
        )
    ]


class EventStore(Construct):
    """The Events table as a region sees it: the replica that is there, and its stream."""

    table: dynamodb.ITableV2

    def __init__(self, scope: Construct, id: str, *, region: Region, calls: AwsCalls) -> None:
        super().__init__(scope, id)
        name = table_name(region.configuration)
        # Every replica has a stream of its own, whose name ends with the time that it was made at;
        # CloudFormation and the CDK know the one of the primary region only. A table or a replica that is
        # made anew has another one, and nothing in this stack has changed by that.
        stream = "Table.LatestStreamArn"
        describe = custom_resources.AwsSdkCall(
            service="dynamodb",
            action="describeTable",
            parameters={"TableName": name},
            output_paths=[stream],
            physical_resource_id=custom_resources.PhysicalResourceId.from_response(stream),
        )
        lookup = calls.call(self, "Stream", on_create=describe, on_update=describe, each_time=True)
        self.table = dynamodb.TableV2.from_table_attributes(
            self,
            "Events",
            table_arn=table_arn(self, name),
            table_stream_arn=lookup.get_response_field(stream),
        )
        self.table_name = name
        self.alarms = throttles(
            self,
            alarms=region.alarms,
            table=name,
            what="events-table",
            users="none: what can't be stored at once is a dead letter, and stored later.",
        )

    def grant_store(self, grantee: iam.IGrantable) -> None:
        """Let it add events, and see which are there; it can neither change one nor read what is in it."""
        # An INSERT never overwrites, where a PutItem does if the caller forgets its condition.
        self.table.grant(grantee, "dynamodb:PartiQLInsert")
        self._grant_read(grantee, "dynamodb:BatchGetItem", EVENT_KEY_MEMBERS)

    def grant_inquire(self, grantee: iam.IGrantable) -> None:
        """Let it see when an event was taken and where, and whether it is the same; not what is in it."""
        self._grant_read(grantee, "dynamodb:GetItem", ("pk", *STORED_MEMBERS))

    def grant_adopt(self, grantee: iam.IGrantable) -> None:
        """Let it look through all events, though not at what is in them, and read those it names."""
        self.grant_look_through(grantee)
        self._grant_read(grantee, "dynamodb:BatchGetItem", ("pk", "event"))

    def grant_look_through(self, grantee: iam.IGrantable) -> None:
        """Let it look through all events, though not at what is in them."""
        self._grant_read(grantee, "dynamodb:Scan", FOUND_MEMBERS)

    def grant_probe(self, grantee: iam.IGrantable) -> None:
        """Let it see whether the table is there."""
        self.table.grant(grantee, "dynamodb:DescribeTable")

    def _grant_read(self, grantee: iam.IGrantable, action: str, members: Sequence[str]) -> None:
        """Let it read these attributes and no others."""
        grantee.grant_principal.add_to_principal_policy(
            iam.PolicyStatement(
                actions=[action],
                resources=[self.table.table_arn],
                conditions={
                    "ForAllValues:StringEquals": {"dynamodb:Attributes": list(members)},
                    # Of an empty set all is true, and a request that names no attribute reads all of them.
                    "Null": {"dynamodb:Attributes": "false"},
                    "StringEqualsIfExists": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
                },
            )
        )

    def grant_erase(self, grantee: iam.IGrantable) -> None:
        """Let it look up events one at a time, but not read them, and leave tombstones in their place."""
        self.table.grant(grantee, "dynamodb:UpdateItem")
        grantee.grant_principal.add_to_principal_policy(
            iam.PolicyStatement(
                actions=["dynamodb:GetItem"],
                resources=[self.table.table_arn],
                conditions={
                    "ForAllValues:StringEquals": {"dynamodb:Attributes": list(ERASER_MEMBERS)},
                    "Null": {"dynamodb:Attributes": "false"},
                    "StringEqualsIfExists": {"dynamodb:Select": "SPECIFIC_ATTRIBUTES"},
                },
            )
        )
