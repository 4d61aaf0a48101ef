"""API Gateway's control plane in memory: what functions ask of it, and an assertion error for all else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from tests.faults.http import Request, body, response
from tests.faults.memory import Gateway, Memory

_VALUE = re.compile(r"[A-Za-z0-9]{20,128}")

_PATHS: tuple[tuple[str, str, str], ...] = (
    ("GET", "/usageplans", "GetUsagePlans"),
    ("POST", "/usageplans", "CreateUsagePlan"),
    ("PATCH", "/usageplans/{id}", "UpdateUsagePlan"),
    ("DELETE", "/usageplans/{id}", "DeleteUsagePlan"),
    ("GET", "/usageplans/{id}/keys", "GetUsagePlanKeys"),
    ("POST", "/usageplans/{id}/keys", "CreateUsagePlanKey"),
    ("GET", "/apikeys", "GetApiKeys"),
    ("POST", "/apikeys", "CreateApiKey"),
    ("GET", "/apikeys/{id}", "GetApiKey"),
    ("PATCH", "/apikeys/{id}", "UpdateApiKey"),
    ("DELETE", "/apikeys/{id}", "DeleteApiKey"),
)


class _Refused(Exception):  # noqa: N818 - an answer
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


def read(memory: Memory, request: AWSPreparedRequest) -> Request:
    """What a request asks for; its target is the region."""
    url = urlsplit(request.url)
    region = url.netloc.split(".")[1]
    operation, id = _operation(str(request.method), unquote(url.path))
    asked = {name: values[0] for name, values in parse_qs(url.query).items()}
    content = json.loads(body(request) or b"{}")

    def act() -> AWSResponse:
        try:
            answer = _OPERATIONS[operation](memory.gateway(region), id, asked, content)
        except _Refused as refused:
            return response(
                refused.status,
                json.dumps({"message": refused.message}),
                {"x-amzn-errortype": refused.code},
            )
        return response(200, json.dumps(answer))

    return Request(operation, region, act)


def _operation(method: str, path: str) -> tuple[str, str]:
    for known, pattern, operation in _PATHS:
        found = re.fullmatch(pattern.replace("{id}", "([a-z0-9]+)"), path)
        if known == method and found:
            return operation, found[1] if found.groups() else ""
    raise AssertionError(f"{method} {path}")


Json = dict[str, Any]


def _get_plans(gateway: Gateway, id: str, asked: Json, content: Json) -> Json:
    start = int(asked.get("position", 0))
    end = start + gateway.plans_a_page
    found = list(gateway.plans.values())[start:end]
    return {"item": found, **({"position": str(end)} if end < len(gateway.plans) else {})}


def _create_plan(gateway: Gateway, id: str, asked: Json, content: Json) -> Json:
    assert content["tags"]["deployment"]
    gateway.made += 1
    made = {**content, "id": f"plan{gateway.made}"}
    gateway.plans[made["id"]] = made
    gateway.plan_keys[made["id"]] = []
    return made


def _update_plan(gateway: Gateway, id: str, asked: Json, content: Json) -> Json:
    plan = _there(gateway.plans, id, "usage plan")
    assert content["patchOperations"], "a call for nothing"
    for patch in content["patchOperations"]:
        operation, path, value = patch["op"], patch["path"], patch.get("value", "")
        match operation, path:
            case (("add" | "remove"), "/apiStages"):
                api, stage = value.split(":")
                one = {"apiId": api, "stage": stage}
                left = [other for other in plan["apiStages"] if other != one]
                plan["apiStages"] = [*left, one] if operation == "add" else left
            case "replace", "/throttle/rateLimit":
                plan["throttle"]["rateLimit"] = float(value)
            case "replace", "/throttle/burstLimit":
                plan["throttle"]["burstLimit"] = int(value)
            case "remove", "/quota":
                del plan["quota"]
            case (("add" | "replace"), "/quota/limit"):
                plan.setdefault("quota", {})["limit"] = int(value)
            case (("add" | "replace"), "/quota/period"):
                plan.setdefault("quota", {})["period"] = value
            case _:
                raise AssertionError(patch)
    return plan


def _delete_plan(gateway: Gateway, id: str, asked: Json, content: Json) -> Json:
    plan = _there(gateway.plans, id, "usage plan")
    if plan["apiStages"]:
        raise _Refused(
            400,
            "BadRequestException",
            f"Cannot delete Usage Plan {id} because there are API Stages associated with it",
        )
    del gateway.plans[id], gateway.plan_keys[id]
    return {}


def _get_plan_keys(gateway: Gateway, id: str, asked: Json, content: Json) -> Json:
    _there(gateway.plans, id, "usage plan")
    return {"item": [{"id": key, "type": "API_KEY"} for key in gateway.plan_keys[id]]}


def _create_plan_key(gateway: Gateway, id: str, asked: Json, content: Json) -> Json:
    _there(gateway.plans, id, "usage plan")
    key = content["keyId"]
    _there(gateway.keys, key, "API key")
    # One plan for each key and stage.
    if any(key in keys for keys in gateway.plan_keys.values()):
        raise _Refused(409, "ConflictException", "Usage plan key already exists")
    gateway.plan_keys[id].append(key)
    return {"id": key, "type": "API_KEY"}


def _get_keys(gateway: Gateway, id: str, asked: Json, content: Json) -> Json:
    assert "includeValues" not in asked, "nobody needs all values"
    found = [key for key in gateway.keys.values() if key["name"].startswith(asked["name"])]
    return {"item": [_without_value(key) for key in found]}


def _create_key(gateway: Gateway, id: str, asked: Json, content: Json) -> Json:
    assert content["tags"]["deployment"]
    assert isinstance(content["enabled"], bool), "it is false unless it is said"
    assert _VALUE.fullmatch(content["value"])
    if any(key["value"] == content["value"] for key in gateway.keys.values()):
        raise _Refused(409, "ConflictException", "API Key already exists")
    gateway.made += 1
    made = {**content, "id": f"key{gateway.made}"}
    gateway.keys[made["id"]] = made
    return made


def _get_key(gateway: Gateway, id: str, asked: Json, content: Json) -> Json:
    key = _there(gateway.keys, id, "API key")
    return key if asked.get("includeValue") == "true" else _without_value(key)


def _update_key(gateway: Gateway, id: str, asked: Json, content: Json) -> Json:
    key = _there(gateway.keys, id, "API key")
    (patch,) = content["patchOperations"]
    assert (patch["op"], patch["path"]) == ("replace", "/enabled")
    key["enabled"] = {"true": True, "false": False}[patch["value"]]
    return _without_value(key)


def _delete_key(gateway: Gateway, id: str, asked: Json, content: Json) -> Json:
    _there(gateway.keys, id, "API key")
    del gateway.keys[id]
    for keys in gateway.plan_keys.values():
        if id in keys:
            keys.remove(id)
    return {}


def _there(held: dict[str, Json], id: str, what: str) -> Json:
    if id not in held:
        raise _Refused(404, "NotFoundException", f"Invalid {what} identifier specified")
    return held[id]


def _without_value(key: Json) -> Json:
    return {name: value for name, value in key.items() if name != "value"}


_OPERATIONS: dict[str, Callable[[Gateway, str, Json, Json], Json]] = {
    "GetUsagePlans": _get_plans,
    "CreateUsagePlan": _create_plan,
    "UpdateUsagePlan": _update_plan,
    "DeleteUsagePlan": _delete_plan,
    "GetUsagePlanKeys": _get_plan_keys,
    "CreateUsagePlanKey": _create_plan_key,
    "GetApiKeys": _get_keys,
    "CreateApiKey": _create_key,
    "GetApiKey": _get_key,
    "UpdateApiKey": _update_key,
    "DeleteApiKey": _delete_key,
}
