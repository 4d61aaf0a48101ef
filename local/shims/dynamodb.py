"""DynamoDB: global tables from CloudFormation, and PartiQL."""

from __future__ import annotations

import json
from typing import Any

from ministack.core import iam_actions
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import dynamodb
from ministack.services.cloudformation import changesets
from ministack.services.cloudformation import provisioners as cloudformation

from .patching import Json, rebound


def _apply_global_table_settings(name: str, properties: Json) -> None:
    declared = {replica["Region"]: replica for replica in properties.get("Replicas", [])}
    present = set(dynamodb._replica_group(dynamodb._tables[name])) or {get_region()}
    changes = [{"Create": {"RegionName": region}} for region in sorted(set(declared) - present)]
    changes += [{"Delete": {"RegionName": region}} for region in sorted(present - set(declared))]
    for change in changes:
        cloudformation._ddb_update_call({"TableName": name, "ReplicaUpdates": [change]})
    if ttl := properties.get("TimeToLiveSpecification"):
        dynamodb._update_ttl({"TableName": name, "TimeToLiveSpecification": ttl})
    for region, replica in declared.items():
        if recovery := replica.get("PointInTimeRecoverySpecification"):
            request = {"TableName": name, "PointInTimeRecoverySpecification": recovery}
            with request_scope(get_account_id(), region):
                dynamodb._update_continuous_backups(request)


def global_table_settings_from_cloudformation() -> None:
    """AWS applies `Replicas`, TTL and point-in-time recovery of `AWS::DynamoDB::GlobalTable`.

    The emulator drops them. Replicas are what a second region is made of, and operators look at the
    other two.
    """

    handlers = cloudformation._RESOURCE_HANDLERS["AWS::DynamoDB::GlobalTable"]
    stock = dict(handlers)

    def create(logical_id: str, properties: Json, stack: str) -> Any:
        created = stock["create"](logical_id, properties, stack)
        _apply_global_table_settings(created[0], properties)
        return created[0], cloudformation._ddb_attrs(dynamodb._tables[created[0]])

    def update(name: str, old: Json, new: Json, stack: str) -> Any:
        updated = stock["update"](name, old, new, stack)
        _apply_global_table_settings(updated[0], new)
        return updated

    def delete(name: str, properties: Json) -> None:
        table = dynamodb._tables.get(name)
        for region in dynamodb._replica_group(table) if table else ():
            if region != get_region():
                with request_scope(get_account_id(), region):
                    stock["delete"](name, properties)
        stock["delete"](name, properties)

    handlers.update(create=create, update=update, delete=delete)


def existing_global_table_is_in_the_way_or_imported() -> None:
    """On AWS a table of that name fails the stack, or joins it with `ImportExistingResources`.

    The emulator makes an empty one in its place, and imports `AWS::DynamoDB::Table` only. Tables outlive
    their stacks, and the next deployment takes them over.
    """
    type = "AWS::DynamoDB::GlobalTable"
    handlers = cloudformation._RESOURCE_HANDLERS[type]
    stock = handlers["create"]

    def create(logical_id: str, properties: Json, stack: str) -> Any:
        if properties.get("TableName") in dynamodb._tables:
            raise ValueError(f"Table already exists: {properties['TableName']}")
        return stock(logical_id, properties, stack)

    handlers["create"] = create
    table = "AWS::DynamoDB::Table"
    handlers["import"] = cloudformation._RESOURCE_HANDLERS[table]["import"]
    changesets._IMPORT_LOOKUPS[type] = changesets._IMPORT_LOOKUPS[table]


def partiql_insert_is_a_write_like_any_other() -> None:
    """AWS streams and replicates what PartiQL `INSERT` writes, for who may `PartiQLInsert` there.

    The emulator does neither, and asks for `BatchExecuteStatement` on `*`, which is no IAM action.
    Batches of events are stored by it. (`ExecuteTransaction`, unused here, stays as it is.)
    """
    stock_insert = dynamodb._partiql_insert

    def insert(table: Json, parsed: Json) -> Any:
        answer = stock_insert(table, parsed)
        if answer[0] == 200:
            item = parsed["item"].get("M") if set(parsed["item"]) == {"M"} else parsed["item"]
            dynamodb._emit_stream_event(table["TableName"], "INSERT", None, item)
        return answer

    dynamodb._execute_statement = rebound(dynamodb._execute_statement, _partiql_insert=insert)

    stock_checks = iam_actions.dynamodb_transaction_checks
    statements = ("dynamodb:ExecuteStatement", "dynamodb:BatchExecuteStatement")

    def checks(action: str, body: bytes, region: str, account: str) -> list[tuple[str, str]]:
        if action not in statements:
            return stock_checks(action, body, region, account)
        request = json.loads(body)
        found = []
        for statement in request.get("Statements", [request]):
            try:
                parsed = dynamodb._parse_partiql(
                    statement["Statement"], statement.get("Parameters", [])
                )
            except (KeyError, ValueError):
                continue  # the handler says what is wrong with it
            table = iam_actions._dynamodb_table_arn(parsed["table"], region, account)
            found.append((f"dynamodb:PartiQL{parsed['op'].capitalize()}", table))
        return found

    iam_actions.dynamodb_transaction_checks = checks
