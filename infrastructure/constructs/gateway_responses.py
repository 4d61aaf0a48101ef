"""The answers that publishers get when API Gateway answers in the ingest function's place."""

from __future__ import annotations

import json
from dataclasses import dataclass

from aws_cdk import aws_apigateway as apigateway

from eventing.answer import RETRY_AFTER_SECONDS
from eventing.problem import Kind, naming

Type = apigateway.ResponseType


@dataclass(frozen=True, kw_only=True)
class GatewayAnswer:
    """Problem details (RFC 9457) for one or several of the gateway's own response types."""

    types: tuple[apigateway.ResponseType, ...]
    slug: str
    status: int
    title: str
    detail: str
    retry_after: int | None = None

    def add_to(self, api: apigateway.RestApi) -> None:
        """Let `api` answer like this."""
        problem = naming(self.slug) | {
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "request_id": "$context.requestId",
        }
        headers = {"Content-Type": "'application/problem+json'"}
        if self.retry_after is not None:
            headers["Retry-After"] = f"'{self.retry_after}'"
        for type_ in self.types:
            api.add_gateway_response(
                f"Answer-{type_.response_type}",
                type=type_,
                status_code=str(self.status),
                response_headers=headers,
                # The gateway looks templates up under this type, whatever the client accepts.
                templates={"application/json": json.dumps(problem)},
            )


ANSWERS = (
    GatewayAnswer(
        types=(Type.INVALID_API_KEY, Type.ACCESS_DENIED),
        slug="no-key",
        status=403,
        title="No valid API key",
        detail="Send the API key that you were given in the header x-api-key; if you did, it was revoked.",
    ),
    GatewayAnswer(
        # That is what the gateway calls a path or a method that the API does not have.
        types=(Type.MISSING_AUTHENTICATION_TOKEN, Type.RESOURCE_NOT_FOUND),
        slug="not-found",
        status=404,
        title="No such resource",
        detail="The API has one resource, and one method: POST events.",
    ),
    GatewayAnswer(
        types=(Type.REQUEST_TOO_LARGE,),
        slug=Kind.BODY_TOO_LARGE.slug,
        status=Kind.BODY_TOO_LARGE.status,
        title=Kind.BODY_TOO_LARGE.title,
        detail="Send fewer events at a time.",
    ),
    GatewayAnswer(
        types=(Type.THROTTLED,),
        slug="rate",
        status=429,
        title="Too many requests",
        detail="You sent more requests in a second than your usage plan allows.",
        retry_after=1,
    ),
    GatewayAnswer(
        types=(Type.QUOTA_EXCEEDED,),
        slug="quota",
        status=429,
        title="Quota used up",
        detail="You sent as many requests in this period as your usage plan allows.",
        # The gateway does not say when the period ends; hourly is often enough to ask.
        retry_after=3600,
    ),
    GatewayAnswer(
        # The default stands for all that have no answer of their own here; the two have another status.
        types=(Type.DEFAULT_5_XX, Type.INTEGRATION_FAILURE, Type.INTEGRATION_TIMEOUT),
        slug=Kind.UNAVAILABLE.slug,
        status=Kind.UNAVAILABLE.status,
        title=Kind.UNAVAILABLE.title,
        detail="Nothing is known to be stored. Sending the same event again does no harm.",
        retry_after=RETRY_AFTER_SECONDS,
    ),
)


def add_gateway_answers(api: apigateway.RestApi) -> None:
    """Let `api` answer with problem details whenever the gateway answers by itself."""
    for answer in ANSWERS:
        answer.add_to(api)
    # All other faults of a request: its status is the gateway's, and so is the little it says.
    # The gateway puts its words in with their quotes.
    problem = naming("request") | {"request_id": "$context.requestId"}
    title = '{"title":$context.error.messageString,'
    api.add_gateway_response(
        "Answer-DEFAULT_4XX",
        type=Type.DEFAULT_4_XX,
        response_headers={"Content-Type": "'application/problem+json'"},
        templates={"application/json": title + json.dumps(problem).removeprefix("{")},
    )
