"""What operators do to a publisher: the commands of the README, as calls."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.end_to_end.conftest import eventually, new_event

if TYPE_CHECKING:
    from local.deployment import Deployment


def test_a_revoked_key_is_refused_until_it_is_enabled_again(deployment: Deployment) -> None:
    gateway, key_id = deployment.client("apigateway"), deployment.outputs["ApiKeyIdNordicCrm"]

    def enable(value: str) -> None:
        operation = {"op": "replace", "path": "/enabled", "value": value}
        gateway.update_api_key(apiKey=key_id, patchOperations=[operation])

    assert _post(deployment, "nordic-crm") == 202
    enable("false")
    try:
        eventually(lambda: _post(deployment, "nordic-crm"), lambda status: status == 403)
        assert _post(deployment, "acme-web") == 202
    finally:
        enable("true")
    eventually(lambda: _post(deployment, "nordic-crm"), lambda status: status == 202)


def test_a_throttled_plan_answers_429_and_says_when_to_come_back(deployment: Deployment) -> None:
    gateway, plan_id = deployment.client("apigateway"), deployment.outputs["UsagePlanIdAcmePay"]
    before = gateway.get_usage_plan(usagePlanId=plan_id)["throttle"]

    def throttle(rate: float, burst: int) -> None:
        changes = {"/throttle/rateLimit": rate, "/throttle/burstLimit": burst}
        operations: list[Any] = [
            {"op": "replace", "path": path, "value": str(value)} for path, value in changes.items()
        ]
        gateway.update_usage_plan(usagePlanId=plan_id, patchOperations=operations)

    throttle(1, 1)
    try:
        eventually(lambda: _post(deployment, "acme-pay"), lambda status: status == 429)
        answer = deployment.post("{}", key=deployment.api_key("acme-pay"))
        assert answer.status == 429
        assert answer.headers["content-type"] == "application/problem+json"
        assert int(answer.headers["retry-after"]) > 0
        assert _post(deployment, "acme-web") == 202
    finally:
        throttle(before["rateLimit"], before["burstLimit"])
    eventually(lambda: _post(deployment, "acme-pay"), lambda status: status == 202)


def _post(deployment: Deployment, publisher: str) -> int:
    event = json.dumps(new_event())
    return deployment.post(event, key=deployment.api_key(publisher)).status
