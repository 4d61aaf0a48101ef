"""DynamoDB in memory: what the functions ask of it, and an assertion error for all else."""

from __future__ import annotations

import re
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from tests.faults.http import Request, json_body, json_response
from tests.faults.memory import Memory


def read(memory: Memory, request: AWSPreparedRequest) -> Request:
    """What a request asks for."""
    operation, content = json_body(request)
    if operation == "PutItem":
        table = content["TableName"]
        return Request(operation, table, lambda: _put_item(memory, content))
    if operation == "BatchExecuteStatement":
        found = re.match(r'INSERT INTO "([^"]+)"', content["Statements"][0]["Statement"])
        assert found
        table = found[1]
        return Request(operation, table, lambda: _insert(memory, table, content["Statements"]))
    assert operation == "BatchGetItem", operation
    ((table, wanted),) = content["RequestItems"].items()
    return Request(operation, table, lambda: _batch_get(memory, table, wanted))


def _put_item(memory: Memory, content: dict[str, Any]) -> AWSResponse:
    table = memory.tables.setdefault(content["TableName"], {})
    key = content["Item"]["pk"]["S"]
    if key in table:
        assert content["ConditionExpression"] == "attribute_not_exists(pk)"
        error = {"__type": "com.amazonaws#ConditionalCheckFailedException", "Item": table[key]}
        return json_response(error, 400)
    table[key] = content["Item"]
    memory.inserted[key] += 1
    return json_response({})


def _insert(memory: Memory, table_name: str, statements: list[dict[str, Any]]) -> AWSResponse:
    assert len(statements) <= 25
    table = memory.tables.setdefault(table_name, {})
    answers: list[dict[str, Any]] = []
    for statement in statements:
        names = re.findall(r"'(\w+)':\?", statement["Statement"])
        item = dict(zip(names, statement["Parameters"], strict=True))
        key = item["pk"]["S"]
        if refused := memory.refuse_entry(table_name, key):
            answers.append({"Error": {"Code": refused.code, "Message": "injected"}})
        elif key in table:
            answers.append({"Error": {"Code": "DuplicateItem", "Message": "injected"}})
        else:
            table[key] = item
            memory.inserted[key] += 1
            answers.append({"TableName": table_name})
    return json_response({"Responses": answers})


def _batch_get(memory: Memory, table_name: str, wanted: dict[str, Any]) -> AWSResponse:
    assert wanted["ConsistentRead"]
    table = memory.tables.setdefault(table_name, {})
    names = [name.strip() for name in wanted["ProjectionExpression"].split(",")]
    keys = [key["pk"]["S"] for key in wanted["Keys"]]
    # Half of what was asked for, to see that the rest is asked for again.
    now, later = (keys[: len(keys) // 2], keys[len(keys) // 2 :]) if len(keys) > 3 else (keys, [])
    found = [{name: table[key][name] for name in names} for key in now if key in table]
    rest = {**wanted, "Keys": [{"pk": {"S": key}} for key in later]}
    unprocessed = {table_name: rest} if later else {}
    return json_response({"Responses": {table_name: found}, "UnprocessedKeys": unprocessed})
