"""API Gateway: API keys, and the answers for functions that fail."""

from __future__ import annotations

import contextlib
import functools
import json
from typing import Any

from ministack.services import apigateway_v1 as gateway

from .patching import Json, rebound


def proxy_event_names_the_api_key() -> None:
    """AWS puts the caller's key into `requestContext.identity` (`apiKey`, `apiKeyId`).

    The ingest function knows a publisher by the id of its key.
    """
    stock = gateway._build_lambda_event_v1

    @functools.wraps(stock)
    def build(*args: Any, **kwargs: Any) -> Json:
        event = stock(*args, **kwargs)
        value = gateway._api_key_from_request(event["headers"])
        key = _key_beside(event["requestContext"]["apiId"], value) or {}
        event["requestContext"]["identity"].update(apiKey=key.get("value"), apiKeyId=key.get("id"))
        return event

    gateway._build_lambda_event_v1 = build


def gateway_responses_know_the_extended_request_id() -> None:
    """AWS fills `$context.extendedRequestId` into the body of a gateway response.

    The emulator leaves it as it is. Its two ids are the same. Publishers quote it to the operators.
    """
    stock = gateway._gateway_response_for_type

    def of_type(*args: Any) -> Json:
        response = stock(*args)
        templates = {
            kind: template.replace("$context.extendedRequestId", "$context.requestId")
            for kind, template in (response.get("responseTemplates") or {}).items()
        }
        return {**response, "responseTemplates": templates}

    gateway._gateway_response_for_type = of_type


def integration_failure_is_a_gateway_response() -> None:
    """AWS answers for a function that fails, is throttled or talks nonsense: a gateway response.

    The emulator passes the error's message on, with 502 or 429. The contract turns all of them into
    a 503 that tells nothing.
    """
    stock_invoke = gateway._invoke_lambda_proxy_v1

    class FailedError(Exception):
        pass

    def shape(result: Json) -> Any:
        answer = result.get("body")
        if isinstance(answer, (str, bytes)):
            with contextlib.suppress(ValueError):
                answer = json.loads(answer)
        understood = isinstance(answer, dict) and isinstance(answer.get("statusCode"), int)
        if result.get("error") or result.get("throttle") or not understood:
            raise FailedError
        return answer, None

    @functools.wraps(stock_invoke)
    async def invoke(*args: Any, **kwargs: Any) -> Any:
        try:
            return await stock_invoke(*args, **kwargs)
        except FailedError:
            return gateway._gw_error("INTEGRATION_FAILURE", "Internal server error")

    gateway._lambda_proxy_response, gateway._invoke_lambda_proxy_v1 = shape, invoke


def disabled_api_key_is_refused() -> None:
    """AWS answers 403 to a key that `update-api-key` has disabled.

    The emulator stores the patch's value, the string "false", and takes it for true. Revoking a
    publisher's key is an operator's command in the README.
    """
    stock = gateway._update_api_key

    def update(key_id: str, data: Json) -> Any:
        answer = stock(key_id, data)
        key = gateway._api_keys.get(key_id)
        if key:
            key["enabled"] = str(key["enabled"]).lower() == "true"
            answer = gateway._v1_response(key)
        return answer

    gateway._update_api_key = update


def stages_of_a_usage_plan_come_and_go() -> None:
    """AWS adds a stage to a plan, and takes it off, by a patch of `/apiStages` with `API:STAGE`.

    The emulator puts this text in the place of the list, and answers 500 to whoever sends. A deployment
    onto what is left of one has another API, which publishers' plans are to let them into.
    """
    stock = gateway._update_usage_plan

    def update(plan_id: str, data: Json) -> Any:
        patches = data.get("patchOperations", [])
        moves = [patch for patch in patches if patch.get("path") == "/apiStages"]
        others = [patch for patch in patches if patch not in moves]
        answer = stock(plan_id, {**data, "patchOperations": others})
        plan = gateway._usage_plans.get(plan_id)
        if plan and moves:
            for move in moves:
                api, _, stage = move["value"].partition(":")
                one = {"apiId": api, "stage": stage}
                left = [other for other in plan.get("apiStages", ()) if other != one]
                plan["apiStages"] = [*left, one] if move["op"] == "add" else left
            answer = gateway._v1_response(plan)
        return answer

    gateway._update_usage_plan = update


def regions_may_have_the_same_api_key() -> None:
    """AWS looks a key up in the region of the API.

    The emulator takes the first in any region with the value, and refuses it where that one is in no plan of
    the API. Publishers have one key for all regions.
    """
    stock = gateway._check_api_key

    def check(method: Json, api_id: str, stage: str, headers: Any) -> Any:
        here = rebound(stock, _resolve_api_key=functools.partial(_key_beside, api_id))
        return here(method, api_id, stage, headers)

    gateway._check_api_key = check


def _key_beside(api_id: str, value: str | None) -> Json | None:
    """The enabled key with this value in the region of an API."""
    places = {scope[:2] for scope, _ in gateway._rest_apis.all_items() if scope[2] == api_id}
    for scope, key in gateway._api_keys.all_items():
        if value and scope[:2] in places and key.get("value") == value and key.get("enabled", True):
            return dict(key)
    return None
