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
    if operation == "ExecuteStatement":
        table = _table(content)
        return Request(operation, table, lambda: _insert_one(memory, table, content))
    if operation == "BatchExecuteStatement":
        table = _table(content["Statements"][0])
        return Request(operation, table, lambda: _insert(memory, table, content["Statements"]))
    assert operation == "BatchGetItem", operation
    ((table, wanted),) = content["RequestItems"].items()
    return Request(operation, table, lambda: _batch_get(memory, table, wanted))


def _table(statement: dict[str, Any]) -> str:
    found = re.match(r'INSERT INTO "([^"]+)"', statement["Statement"])
    assert found
    return found[1]


def _item(statement: dict[str, Any]) -> dict[str, Any]:
    names = re.findall(r"'(\w+)':\?", statement["Statement"])
    return dict(zip(names, statement["Parameters"], strict=True))


def _insert_one(memory: Memory, table_name: str, statement: dict[str, Any]) -> AWSResponse:
    if _inserted(memory, table_name, _item(statement)):
        return json_response({})
    return json_response({"__type": "com.amazonaws#DuplicateItemException"}, 400)


def _insert(memory: Memory, table_name: str, statements: list[dict[str, Any]]) -> AWSResponse:
    assert len(statements) <= 25
    answers: list[dict[str, Any]] = []
    for statement in statements:
        item = _item(statement)
        if refused := memory.refuse_entry(table_name, item["pk"]["S"]):
            answers.append({"Error": {"Code": refused.code, "Message": "injected"}})
        elif _inserted(memory, table_name, item):
            answers.append({"TableName": table_name})
        else:
            answers.append({"Error": {"Code": "DuplicateItem", "Message": "injected"}})
    return json_response({"Responses": answers})


def _inserted(memory: Memory, table_name: str, item: dict[str, Any]) -> bool:
    table, key = memory.tables.setdefault(table_name, {}), item["pk"]["S"]
    if key in table:
        return False
    table[key] = item
    memory.inserted[key] += 1
    return True


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
