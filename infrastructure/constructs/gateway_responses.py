"""Lets API Gateway answer publishers as the ingest function does."""

from __future__ import annotations

import json

from aws_cdk import aws_apigateway as apigateway

from eventing.gateway_answers import ANSWERS, GatewayAnswer
from eventing.problem import naming

Type = apigateway.ResponseType


def add_gateway_answers(api: apigateway.RestApi) -> None:
    """Let `api` answer with problem details whenever the gateway answers by itself."""
    for answer in ANSWERS:
        _add(api, answer)
    # All other faults of a request: its status is the gateway's, and so is the little it says.
    # The gateway puts its words in with their quotes.
    problem = naming("request") | {"request_id": "$context.extendedRequestId"}
    title = '{"title":$context.error.messageString,'
    api.add_gateway_response(
        "Answer-DEFAULT_4XX",
        type=Type.DEFAULT_4_XX,
        response_headers={"Content-Type": "'application/problem+json'"},
        templates={"application/json": title + json.dumps(problem).removeprefix("{")},
    )


def _add(api: apigateway.RestApi, answer: GatewayAnswer) -> None:
    problem = naming(answer.slug) | {
        "title": answer.title,
        "status": answer.status,
        "detail": answer.detail,
        "request_id": "$context.extendedRequestId",
    }
    headers = {"Content-Type": "'application/problem+json'"}
    if answer.retry_after is not None:
        headers["Retry-After"] = f"'{answer.retry_after}'"
    for name in answer.types:
        api.add_gateway_response(
            f"Answer-{name}",
            type=Type.of(name),
            status_code=str(answer.status),
            response_headers=headers,
            # The gateway looks templates up under this type, whatever the client accepts.
            templates={"application/json": json.dumps(problem)},
        )
