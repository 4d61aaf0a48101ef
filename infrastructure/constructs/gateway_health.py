"""Lets API Gateway tell anybody that it answers: for health checks, which have no key."""

from __future__ import annotations

import json

from aws_cdk import aws_apigateway as apigateway

from functions.contract import HEALTH
from infrastructure.constructs.checks import accept

# Of all who ask together. Health checkers ask about once in two seconds; whoever floods it costs at most
# $15 a day, and makes the region look ill at worst.
RATE, BURST = 50, 100

_TEXT = apigateway.ContentHandling.CONVERT_TO_TEXT
_NO_STORE = "method.response.header.Cache-Control"


def add_health(api: apigateway.RestApi) -> None:
    """Let `api` answer `GET /health` by itself, with no key and no function."""
    method = api.root.resource_for_path(HEALTH).add_method(
        "GET",
        apigateway.MockIntegration(
            passthrough_behavior=apigateway.PassthroughBehavior.NEVER,
            request_templates={"application/json": json.dumps({"statusCode": 200})},
            # The API takes all bodies for binary, and no template is made of those.
            content_handling=_TEXT,
            integration_responses=[
                apigateway.IntegrationResponse(
                    status_code="200",
                    content_handling=_TEXT,
                    response_templates={"application/json": json.dumps({"status": "ok"})},
                    response_parameters={_NO_STORE: "'no-store'"},
                )
            ],
        ),
        api_key_required=False,
        method_responses=[
            apigateway.MethodResponse(status_code="200", response_parameters={_NO_STORE: True})
        ],
    )
    why = "Health checkers have no key, and hear nothing that is anybody's."
    accept(method, "APIG4", why)
    accept(method, "COG4", why)
