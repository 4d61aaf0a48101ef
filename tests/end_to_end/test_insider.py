"""What an insider gets with the credentials of a function: IAM refuses all but its job."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from functions.contract import Objects, Rows
from local.deployment import Deployment
from tests.end_to_end.conftest import new_event

LETTER = "jZ3DYEr4yOfPpVvPsOrfI3XTEhh9UxYBvHV0sK1mJ2k"
DENIED = ("AccessDenied", "AccessDeniedException")

Client = Callable[[str], Any]
Roles = Callable[[str], Client]


@pytest.fixture(scope="module")
def as_function(deployment: Deployment) -> Roles:
    """Clients with the credentials of a function, by its name."""

    def clients(function: str) -> Client:
        role = deployment.client("lambda").get_function_configuration(
            FunctionName=f"{deployment.name}-{function}"
        )["Role"]
        # Only Lambda may take the role; root lets this test in as well, which changes none of its rights.
        trust = [
            {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
            for principal in ({"AWS": "*"}, {"Service": "lambda.amazonaws.com"})
        ]
        deployment.client("iam").update_assume_role_policy(
            RoleName=role.rpartition("/")[2],
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust}),
        )
        issued = deployment.client("sts").assume_role(RoleArn=role, RoleSessionName="insider")[
            "Credentials"
        ]
        session = boto3.Session(
            issued["AccessKeyId"],
            issued["SecretAccessKey"],
            issued["SessionToken"],
            region_name=deployment.region,
        )

        def client(service: str) -> Any:
            make: Any = session.client
            return make(
                service,
                endpoint_url=deployment.cloud.endpoint_url,
                config=Config(retries={"total_max_attempts": 1}),
            )

        return client

    return clients


def refused(call: Callable[[], Any]) -> None:
    """The call is denied, and not wrong in another way."""
    with pytest.raises(ClientError) as raised:
        call()
    assert raised.value.response["Error"]["Code"] in DENIED, raised.value


def changes(table: str, key: str, client: Any) -> list[Callable[[], Any]]:
    """Every call that writes over a row, changes it or removes it."""
    named = {"TableName": table, "Key": {"pk": {"S": key}}}
    written = {"pk": {"S": key}, "entry": {"S": "forged"}}
    update = {"UpdateExpression": "SET entry = :e", "ExpressionAttributeValues": {":e": {"S": "x"}}}

    def execute(statement: str) -> Any:
        text = statement.format(table)
        return client.execute_statement(Statement=text, Parameters=[{"S": key}])

    return [
        lambda: client.put_item(TableName=table, Item=written),
        lambda: client.update_item(**named, **update),
        lambda: client.delete_item(**named),
        lambda: client.batch_write_item(RequestItems={table: [{"PutRequest": {"Item": written}}]}),
        lambda: client.transact_write_items(
            TransactItems=[{"Put": {"TableName": table, "Item": written}}]
        ),
        lambda: execute("""UPDATE "{}" SET "entry"='x' WHERE "pk"=?"""),
        lambda: execute("""DELETE FROM "{}" WHERE "pk"=?"""),
    ]


@pytest.mark.parametrize("function", ["redrive", "triage", "counter"])
def test_what_was_decided_cannot_be_changed(
    deployment: Deployment, as_function: Roles, function: str
) -> None:
    table, key = deployment.outputs["LedgerTable"], f"{Rows.AUDIT}2026-11-27#{uuid.uuid4()}"
    item = {"pk": {"S": key}, "entry": {"S": "decided"}}
    root = deployment.client("dynamodb")
    root.put_item(TableName=table, Item=item)
    client = as_function(function)("dynamodb")

    for change in changes(table, key, client):
        refused(change)
    # The one right that redrive has adds a row, and leaves one that is there alone.
    statement = f"""INSERT INTO "{table}" VALUE {{'pk':?,'entry':'forged'}}"""
    with pytest.raises(ClientError) as raised:
        client.execute_statement(Statement=statement, Parameters=[{"S": key}])
    code = raised.value.response["Error"]["Code"]
    assert code == "DuplicateItemException" if function == "redrive" else code in DENIED
    assert root.get_item(TableName=table, Key={"pk": {"S": key}})["Item"] == item


@pytest.mark.parametrize("function", ["redrive", "ingest"])
def test_an_event_cannot_be_changed_or_read_out_of_its_table(
    deployment: Deployment, as_function: Roles, function: str
) -> None:
    table, key = deployment.outputs["EventsTable"], f"acme-web#{uuid.uuid4()}"
    item = {"pk": {"S": key}, "event": {"S": "{}"}, "digest": {"S": "d"}}
    root = deployment.client("dynamodb")
    root.put_item(TableName=table, Item=item)
    client = as_function(function)("dynamodb")
    keys = {"Keys": [{"pk": {"S": key}}]}

    for change in changes(table, key, client):
        refused(change)
    refused(lambda: client.get_item(TableName=table, Key={"pk": {"S": key}}))
    refused(lambda: client.scan(TableName=table))
    refused(lambda: client.batch_get_item(RequestItems={table: keys}))
    refused(
        lambda: client.batch_get_item(
            RequestItems={table: {**keys, "ProjectionExpression": "pk, event"}}
        )
    )
    read = client.batch_get_item(RequestItems={table: {**keys, "ProjectionExpression": "digest"}})
    assert read["Responses"][table] == [{"digest": {"S": "d"}}]
    assert root.get_item(TableName=table, Key={"pk": {"S": key}})["Item"] == item


@pytest.mark.parametrize(
    ("function", "bucket", "prefix"),
    [
        ("redrive", "OperationsBucket", Objects.REPORTS),
        ("redrive", "OperationsBucket", Objects.RUNS),
        ("redrive", "ArchiveBucket", Objects.EVENTS),
        ("triage", "OperationsBucket", Objects.JUNK),
        ("ingest", "ArchiveBucket", Objects.EVENTS),
    ],
)
def test_an_object_cannot_be_written_over(
    deployment: Deployment, as_function: Roles, function: str, bucket: str, prefix: str
) -> None:
    name, key = deployment.outputs[bucket], f"{prefix}{uuid.uuid4()}/x.json"
    root, client = deployment.client("s3"), as_function(function)("s3")
    put = {"Bucket": name, "Key": key}

    client.put_object(**put, Body=b"first", IfNoneMatch="*")
    refused(lambda: client.put_object(**put, Body=b"forged"))
    refused(lambda: client.copy_object(**put, CopySource=put))
    refused(lambda: client.delete_object(**put))
    with pytest.raises(ClientError) as raised:
        client.put_object(**put, Body=b"forged", IfNoneMatch="*")
    assert raised.value.response["Error"]["Code"] == "PreconditionFailed"
    assert root.get_object(**put)["Body"].read() == b"first"


def test_publish_lists_invocation_records_only(deployment: Deployment, as_function: Roles) -> None:
    client, bucket = as_function("publish")("s3"), deployment.outputs["OperationsBucket"]

    client.list_objects_v2(Bucket=bucket, Prefix=Objects.INVOCATION_RECORDS)
    for prefix in (Objects.REPORTS, Objects.RUNS, "aws/"):
        refused(lambda prefix=prefix: client.list_objects_v2(Bucket=bucket, Prefix=prefix))  # type: ignore[misc]


def test_triage_touches_no_lock_and_no_incident(deployment: Deployment, as_function: Roles) -> None:
    client, table = as_function("triage")("dynamodb"), deployment.outputs["LedgerTable"]

    for key in (f"{Rows.LOCK}publish", f"{Rows.TELL_LOCK}publish", f"{Rows.INCIDENT}publish"):
        for change in changes(table, key, client):
            refused(change)
    refused(lambda: client.get_item(TableName=table, Key={"pk": {"S": LETTER}}))


def test_the_walk_goes_on_as_before(deployment: Deployment) -> None:
    event = new_event()
    key = deployment.api_key("acme-web")
    first, second = (deployment.post(json.dumps(event), key=key) for _ in range(2))

    assert (first.status, second.status) == (202, 202)
    assert first.json()["status"] == "accepted"
    assert second.json()["status"] == "duplicate"
