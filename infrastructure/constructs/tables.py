"""What DynamoDB tables have in common, and the metrics and alarms of one, or of one of its indexes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam

from infrastructure.constructs.alarms import Meaning, Missing
from infrastructure.constructs.bucket import removal_policy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from constructs import Construct

    from infrastructure.configuration import Configuration
    from infrastructure.constructs.alarms import Alarms
    from infrastructure.constructs.function import Function


def backups(configuration: Configuration) -> dynamodb.PointInTimeRecoverySpecification:
    """How far back a table can be restored."""
    return dynamodb.PointInTimeRecoverySpecification(
        point_in_time_recovery_enabled=True,
        recovery_period_in_days=configuration.retention.backups,
    )


def global_table(
    scope: Construct,
    id: str,
    *,
    name: str,
    configuration: Configuration,
    sort_key: str | None = None,
    stream: dynamodb.StreamViewType | None = None,
) -> dynamodb.TableV2:
    """A global table with the key `pk` and perhaps a sort key, whose items may expire, and its replicas."""
    return dynamodb.TableV2(
        scope,
        id,
        table_name=name,
        partition_key=text_attribute("pk"),
        sort_key=text_attribute(sort_key) if sort_key else None,
        billing=dynamodb.Billing.on_demand(),
        dynamo_stream=stream,
        time_to_live_attribute="expires_at",
        point_in_time_recovery_specification=backups(configuration),
        replicas=[
            dynamodb.ReplicaTableProps(region=region) for region in configuration.replica_regions
        ],
        deletion_protection=not configuration.laptop,
        removal_policy=removal_policy(configuration, protected=True),
    )


def text_attribute(name: str) -> dynamodb.Attribute:
    """A text, as an attribute of a key."""
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)


def table_arn(scope: Construct, table: str) -> str:
    """The ARN of a table, or of the replica of one, in the region of the stack."""
    return cdk.Stack.of(scope).format_arn(service="dynamodb", resource="table", resource_name=table)


def grant_rows(function: Function, *actions: str, table: str, rows: Sequence[str]) -> None:
    """Let it do this with rows of these keys, `*` and `?` standing for others; `table` is an ARN."""
    function.add_to_role_policy(
        iam.PolicyStatement(
            actions=list(actions),
            resources=[table],
            conditions={
                "ForAllValues:StringLike": {"dynamodb:LeadingKeys": list(rows)},
                # Of an empty set all is true: a request without keys, such as a scan, is not meant.
                "Null": {"dynamodb:LeadingKeys": "false"},
            },
        )
    )


def table_metric(table: str, name: str, *, index: str | None = None) -> cloudwatch.Metric:
    """A metric that DynamoDB keeps of a table in this region, or of one of its indexes, per minute."""
    of_index = {"GlobalSecondaryIndexName": index} if index else {}
    return cloudwatch.Metric(
        namespace="AWS/DynamoDB",
        metric_name=name,
        dimensions_map={"TableName": table, **of_index},
        statistic=cloudwatch.Stats.SUM,
        period=cdk.Duration.minutes(1),
    )


def throttles(
    scope: Construct,
    *,
    alarms: Alarms,
    table: str,
    index: str | None = None,
    what: str,
    users: str,
) -> list[cloudwatch.Alarm]:
    """Alarms on requests that a table turns away, by reads and writes; `what` names the table.

    A table's metrics leave its indexes out (DynamoDB, "Metrics and dimensions"): an `index` has its own.
    """
    return [
        alarms.alarm(
            scope,
            f"{'Index' if index else ''}{kind}Throttles",
            name=f"{what}-{kind.lower()}-throttles",
            metric=table_metric(table, f"{kind}ThrottleEvents", index=index),
            above=0,
            minutes=2,
            of=5,
            missing=Missing.IS_FINE,
            meaning=Meaning(
                what=f"DynamoDB turns away {kind.lower()}s of the table {table}"
                f"{f' (index {index})' if index else ''}: one key is too hot, "
                "or the traffic has grown faster than the table.",
                users=users,
                section="throttled-tables",
            ),
        )
        for kind in ("Read", "Write")
    ]
