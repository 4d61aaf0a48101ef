"""DynamoDB in memory: what the functions ask of it, and an assertion error for all else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from zlib import crc32

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from tests.faults.expressions import Expressions, Item
from tests.faults.http import Request, json_body, json_response
from tests.faults.memory import Index, Memory

# Of DynamoDB.
_ITEM_BYTES = 400 * 1024
_STATEMENTS = 25
_KEYS = 100
# A page ends at 1 MB, or before; here so soon that there are many.
_PAGE = 40
# A table that has a sort key, read by its own keys.
_TABLE = Index("pk", "sk", frozenset())
_INSERT = re.compile(r"""INSERT INTO "([^"]+)" VALUE \{((?:'\w+':\?,?)+)\}""")
_UPDATE = re.compile(r'UPDATE "([^"]+)" ((?:SET "\w+"=\? )+)WHERE "pk"=\? AND "version"=\?')


def read(memory: Memory, request: AWSPreparedRequest) -> Request:
    """What a request asks for."""
    operation, content = json_body(request)
    if operation == "ExecuteStatement":
        name = _table_of(content)
        return Request(operation, name, lambda: _execute_alone(memory, name, content))
    if operation == "BatchExecuteStatement":
        statements = content["Statements"]
        name = _table_of(statements[0])
        return Request(operation, name, lambda: _execute(memory, name, statements))
    if operation == "BatchGetItem":
        ((name, wanted),) = content["RequestItems"].items()
        return Request(operation, name, lambda: _batch_get(memory, name, wanted))
    name = content["TableName"]
    act = _OPERATIONS[operation]
    return Request(operation, name, lambda: act(memory, name, content))


def _update_item(memory: Memory, name: str, content: dict[str, Any]) -> AWSResponse:
    items = memory.items(name)
    key: str = content["Key"]["pk"]["S"]
    expressions = Expressions(content)
    there = items.get(key, {})
    met = expressions.holds(content.get("ConditionExpression"), there)
    item = expressions.updated(content["UpdateExpression"], there) | {"pk": {"S": key}}
    expressions.see_all_used()
    if not met:
        return _condition_failed(content, there)
    if _size(item) > _ITEM_BYTES:
        return _too_large("Item size to update has exceeded the maximum allowed size")
    items[key] = item
    return json_response({"Attributes": item} if _asked(content, "ReturnValues", "ALL_NEW") else {})


def _get_item(memory: Memory, name: str, content: dict[str, Any]) -> AWSResponse:
    items = memory.items(name)
    item = items.get(content["Key"]["pk"]["S"])
    expressions = Expressions(content)
    named = expressions.named(content.get("ProjectionExpression"))
    expressions.see_all_used()
    return json_response({"Item": _only(named, item)} if item else {})


def _delete_item(memory: Memory, name: str, content: dict[str, Any]) -> AWSResponse:
    items = memory.items(name)
    assert "ConditionExpression" not in content
    items.pop(content["Key"]["pk"]["S"], None)
    return json_response({})


def _query(memory: Memory, name: str, content: dict[str, Any]) -> AWSResponse:
    items = memory.items(name)
    asked = content.get("IndexName")
    index = memory.indexes[asked] if asked else _TABLE
    assert not (asked and content.get("ConsistentRead")), "an index is eventually consistent"
    expressions = Expressions(content)
    condition, projection = content["KeyConditionExpression"], content.get("ProjectionExpression")
    partition = expressions.given(condition, index.partition)
    of_partition = [item for item in items.values() if item.get(index.partition) == partition]
    found = [item for item in of_partition if expressions.holds(condition, item)]
    found.sort(key=index.position)
    if start := content.get("ExclusiveStartKey"):
        found = [item for item in found if index.position(item) > index.position(start)]
    most = min(content.get("Limit", _PAGE), _PAGE)
    page = found[:most]
    # What is filtered out was read all the same.
    wanted = content.get("FilterExpression")
    expressions.holds(wanted, {})
    kept = [item for item in page if expressions.holds(wanted, item)]
    answer: dict[str, Any] = {"Count": len(kept), "ScannedCount": len(page)}
    named = expressions.named(projection)
    assert not asked or not named or named <= index.attributes, f"not in the index: {named}"
    if content.get("Select") != "COUNT":
        all_there = index.attributes if asked else None
        answer["Items"] = [_only(named or all_there, item) for item in kept]
    if len(page) == most:  # there may be more: the table has not looked
        answer["LastEvaluatedKey"] = index.key(page[-1])
    expressions.see_all_used()
    return json_response(answer)


def _scan(memory: Memory, name: str, content: dict[str, Any]) -> AWSResponse:
    # In no order of the keys, but always in the same one.
    keys = sorted(memory.items(name), key=lambda key: key[::-1])
    if segments := content.get("TotalSegments"):
        keys = [key for key in keys if crc32(key.encode()) % segments == content["Segment"]]
    if start := content.get("ExclusiveStartKey"):
        keys = [key for key in keys if key[::-1] > start["pk"]["S"][::-1]]
    expressions = Expressions(content)
    most = min(content.get("Limit", _PAGE), _PAGE)
    page = [memory.items(name)[key] for key in keys[:most]]
    wanted = content.get("FilterExpression")
    expressions.holds(wanted, {})
    kept = [item for item in page if expressions.holds(wanted, item)]
    named = expressions.named(content.get("ProjectionExpression"))
    expressions.see_all_used()
    found = [_only(named, item) for item in kept]
    answer: dict[str, Any] = {"Items": found, "Count": len(found), "ScannedCount": len(page)}
    if _asked(content, "ReturnConsumedCapacity", "TOTAL"):
        answer["ConsumedCapacity"] = {"CapacityUnits": _units(page)}
    if len(keys) > most:
        answer["LastEvaluatedKey"] = {"pk": page[-1]["pk"]}
    return json_response(answer)


def _describe_table(memory: Memory, name: str, content: dict[str, Any]) -> AWSResponse:
    items = memory.items(name).values()
    table = {
        "TableName": content["TableName"],
        "TableStatus": "ACTIVE",
        "ItemCount": len(items),
        "TableSizeBytes": sum(map(_size, items)),
    }
    return json_response({"Table": {**table, "LatestStreamArn": memory.stream}})


def _put_item(memory: Memory, name: str, content: dict[str, Any]) -> AWSResponse:
    items, item = memory.items(name), content["Item"]
    key: str = item["pk"]["S"]
    expressions = Expressions(content)
    there = items.get(key, {})
    met = expressions.holds(content.get("ConditionExpression"), there)
    expressions.see_all_used()
    if not met:
        return _condition_failed(content, there)
    items[key] = item
    return json_response({})


_OPERATIONS: Mapping[str, Callable[[Memory, str, dict[str, Any]], AWSResponse]] = {
    "PutItem": _put_item,
    "UpdateItem": _update_item,
    "GetItem": _get_item,
    "DeleteItem": _delete_item,
    "Query": _query,
    "Scan": _scan,
    "DescribeTable": _describe_table,
}


def _batch_get(memory: Memory, name: str, wanted: dict[str, Any]) -> AWSResponse:
    items = memory.items(name)
    keys = [key["pk"]["S"] for key in wanted["Keys"]]
    assert 1 <= len(keys) <= _KEYS
    assert len(set(keys)) == len(keys), "a key twice"
    half = len(keys) // 2 if memory.leaves_keys and len(keys) > 3 else len(keys)
    now, later = keys[:half], keys[half:]
    expressions = Expressions(wanted)
    named = expressions.named(wanted.get("ProjectionExpression"))
    expressions.see_all_used()
    found = [_only(named, items[key]) for key in now if key in items]
    rest = {**wanted, "Keys": [{"pk": {"S": key}} for key in later]}
    unprocessed = {name: rest} if later else {}
    return json_response({"Responses": {name: found}, "UnprocessedKeys": unprocessed})


def _table_of(statement: dict[str, Any]) -> str:
    text = statement["Statement"]
    found = _INSERT.fullmatch(text) or _UPDATE.fullmatch(text)
    assert found, text
    return found[1]


def _execute(memory: Memory, name: str, statements: list[dict[str, Any]]) -> AWSResponse:
    assert 1 <= len(statements) <= _STATEMENTS
    assert {_table_of(statement) for statement in statements} == {name}
    answers: list[dict[str, Any]] = []
    for statement in statements:
        code = _execute_one(memory, name, statement["Statement"], statement["Parameters"])
        refused = {"Error": {"Code": code, "Message": "refused by the table in memory"}}
        answers.append(refused if code else {"TableName": name})
    return json_response({"Responses": answers})


def _execute_alone(memory: Memory, name: str, content: dict[str, Any]) -> AWSResponse:
    code = _execute_one(memory, name, content["Statement"], content["Parameters"])
    error = {
        "__type": f"com.amazonaws#{code}Exception",
        "message": "refused by the table in memory",
    }
    return json_response(error, 400) if code else json_response({})


def _execute_one(memory: Memory, name: str, text: str, parameters: list[Any]) -> str | None:
    """Carry out a statement; the code of its error, or None."""
    items, inserts = memory.items(name), text.startswith("INSERT")
    members = re.findall(r"'(\w+)'" if inserts else r'SET "(\w+)"', text)
    values = parameters if inserts else parameters[:-2]
    item = dict(zip(members, values, strict=True))
    key = (item["pk"] if inserts else parameters[-2])["S"]
    if "sk" in item:
        key = f"{key}\n{item['sk']['S']}"
    there = items.get(key)
    if refused := memory.refuse_entry(name, key):
        return refused.code
    if inserts and there:
        return "DuplicateItem"
    if not inserts and (not there or there["version"] != parameters[-1]):
        return "ConditionalCheckFailed"
    items[key] = {**(there or {}), **item}
    memory.inserted[key] += inserts
    return None


def _only(named: frozenset[str] | None, item: Item) -> dict[str, Any]:
    return {name: value for name, value in item.items() if named is None or name in named}


def _condition_failed(content: dict[str, Any], there: Item) -> AWSResponse:
    error: dict[str, Any] = {
        "__type": "com.amazonaws#ConditionalCheckFailedException",
        "message": "The conditional request failed",
    }
    if there and _asked(content, "ReturnValuesOnConditionCheckFailure", "ALL_OLD"):
        error["Item"] = there
    return json_response(error, 400)


def _too_large(message: str) -> AWSResponse:
    return json_response({"__type": "com.amazonaws#ValidationException", "message": message}, 400)


def _asked(content: dict[str, Any], name: str, value: str) -> bool:
    assert content.get(name) in (None, value)
    return name in content


def _units(items: Iterable[Item]) -> float:
    """Of a read that is eventually consistent."""
    return -(-sum(map(_size, items)) // 4096) / 2


def _size(item: Item) -> int:
    """Names and values (DynamoDB, "Item sizes and formats"), numbers as if they were text."""
    return sum(
        len(name.encode()) + sum(len(str(value).encode()) for value in attribute.values())
        for name, attribute in item.items()
    )
