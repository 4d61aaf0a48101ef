"""AWS in memory without the SDK: clients that hand their calls over as they are, twenty times as fast.

For tests of very many calls; what the SDK makes of a call is for the others.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

from botocore.exceptions import ClientError

from tests.faults.aws import FakeAws
from tests.faults.http import body
from tests.faults.memory import REGION

# By operation: the method, the path, and the parameters that are part of the query.
_GATEWAY: Mapping[str, tuple[str, str, Mapping[str, str]]] = {
    "GetUsagePlans": ("GET", "/usageplans", {"limit": "limit", "position": "position"}),
    "CreateUsagePlan": ("POST", "/usageplans", {}),
    "UpdateUsagePlan": ("PATCH", "/usageplans/{usagePlanId}", {}),
    "DeleteUsagePlan": ("DELETE", "/usageplans/{usagePlanId}", {}),
    "GetUsagePlanKeys": ("GET", "/usageplans/{usagePlanId}/keys", {"limit": "limit"}),
    "CreateUsagePlanKey": ("POST", "/usageplans/{usagePlanId}/keys", {}),
    "GetApiKeys": ("GET", "/apikeys", {"nameQuery": "name", "limit": "limit"}),
    "CreateApiKey": ("POST", "/apikeys", {}),
    "GetApiKey": ("GET", "/apikeys/{apiKey}", {"includeValue": "includeValue"}),
    "UpdateApiKey": ("PATCH", "/apikeys/{apiKey}", {}),
    "DeleteApiKey": ("DELETE", "/apikeys/{apiKey}", {}),
}


class DirectClients:
    """Stands for `Clients`: of DynamoDB, SNS, Step Functions and API Gateway, in any region."""

    def __init__(self, aws: FakeAws, *, region: str = REGION) -> None:
        self._aws = aws
        self.region = region

    def client(self, service: str) -> Any:
        """The client of a service in this region."""
        make = {"dynamodb": _of_json, "stepfunctions": _of_json, "sns": _of_query}[service]
        host = {"stepfunctions": "states"}.get(service, service)
        return _Client(lambda name, kw: self._send(name, make(host, self.region, name, kw)))

    def api_gateway(self, region: str) -> Any:
        """API Gateway's client in a region."""
        return _Client(lambda name, kw: self._send(name, _of_rest(region, name, kw)))

    def _send(self, operation: str, request: Any) -> Any:
        answer = self._aws.send(request)
        text = b"".join(answer.raw.stream()).decode()
        try:
            content = json.loads(text) if text else {}
        except ValueError:  # of SNS, whose answers nobody reads here
            content = {}
        if answer.status_code < 300:
            return {("items" if k == "item" else k): value for k, value in content.items()}
        kind = content.get("__type") or answer.headers.get("x-amzn-errortype") or "Unknown"
        error = {"Code": kind.rpartition("#")[2], "Message": content.get("message", "")}
        table = _table(request)
        resource = f"table {table}" if table else None
        metadata = {"HTTPStatusCode": answer.status_code, "resource": resource}
        more = {"Item": content["Item"]} if "Item" in content else {}
        raise ClientError({"Error": error, "ResponseMetadata": metadata, **more}, operation)  # type: ignore[typeddict-item]


class _Client:
    def __init__(self, call: Callable[[str, Mapping[str, Any]], Any]) -> None:
        self._call = call

    def __getattr__(self, name: str) -> Callable[..., Any]:
        operation = "".join(word.capitalize() for word in name.split("_"))
        return lambda **parameters: self._call(operation, parameters)


def _of_json(host: str, region: str, operation: str, parameters: Mapping[str, Any]) -> Any:
    return SimpleNamespace(
        method="POST",
        url=f"https://{host}.{region}.amazonaws.com/",
        headers={"X-Amz-Target": f"Version.{operation}"},
        body=json.dumps(parameters).encode(),
    )


def _of_query(host: str, region: str, operation: str, parameters: Mapping[str, Any]) -> Any:
    return SimpleNamespace(
        method="POST",
        url=f"https://{host}.{region}.amazonaws.com/",
        headers={},
        body=urlencode({"Action": operation, **parameters}).encode(),
    )


def _of_rest(region: str, operation: str, parameters: Mapping[str, Any]) -> Any:
    method, path, query = _GATEWAY[operation]
    in_path = {name for name in parameters if f"{{{name}}}" in path}
    asked = {
        query[name]: str(v).replace("True", "true")
        for name, v in parameters.items()
        if name in query
    }
    content = {k: v for k, v in parameters.items() if k not in in_path and k not in query}
    return SimpleNamespace(
        method=method,
        url=f"https://apigateway.{region}.amazonaws.com{path.format(**parameters)}?{urlencode(asked)}",
        headers={},
        body=json.dumps(content).encode(),
    )


def _table(request: Any) -> str:
    try:
        content = json.loads(body(request) or b"{}")
    except ValueError:
        return ""
    return str(content.get("TableName", ""))
