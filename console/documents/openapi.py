"""The OpenAPI 3.1 description of the HTTP contract, made from the code's own limits and a catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from console.documents.answer_schema import ANSWER_SCHEMAS
from console.documents.event_schema import event_schemas
from eventing.answer import ACCEPTED, SEVERAL_OUTCOMES, VALID
from eventing.catalogue import Catalogue
from eventing.limits import MAX_BATCH
from eventing.problem import Kind
from functions.contract import HEALTH, STANDING

_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_RETRY_AFTER = {
    "Retry-After": {
        "description": "Seconds after which to send the request again",
        "schema": {"type": "integer", "minimum": 1},
    }
}
# What API Gateway answers by itself (eventing/gateway_answers.py).
_GATEWAY = {
    403: "No API key, one that is not known or disabled, or one of a publisher that is suspended or unknown",
    429: "Over the publisher's rate or quota",
}


def openapi(catalogue: Catalogue) -> dict[str, Any]:
    """The description, as the JSON object of an OpenAPI 3.1 document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Eventing: events from publishers",
            "version": "1",
            "description": "CloudEvents 1.0.2 over HTTP: structured and batched content mode, and "
            "plain JSON. Binary content mode has any body and its attributes in ce- headers, which no "
            "schema describes: docs/publishers.md does.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"apiKey": []}],
        "paths": {
            "/events": {
                "post": {
                    "operationId": "postEvents",
                    "summary": "Send one event, or a batch of them",
                    "parameters": [_VALIDATE],
                    "requestBody": {"required": True, "content": _request_content()},
                    "responses": _responses(),
                },
                "get": {
                    "operationId": "getEvent",
                    "summary": "What became of an event of yours",
                    "parameters": _IDENTITY,
                    "responses": {
                        "200": {"description": "What became of it", "content": _INQUIRY},
                        **_problems(
                            {
                                400: [Kind.PARAMETER.title],
                                403: [_GATEWAY[403]],
                                404: [Kind.UNKNOWN_EVENT.title],
                                429: [_GATEWAY[429]],
                                503: [Kind.INQUIRY.title],
                            }
                        ),
                    },
                },
            },
            STANDING: {
                "get": {
                    "operationId": "getStanding",
                    "summary": "Who you are here, what you may send, and your keys",
                    "responses": {
                        "200": {"description": "Where you stand", "content": _STANDING},
                        **_problems({403: [_GATEWAY[403]], 429: [_GATEWAY[429]], 503: [_NOT_NOW]}),
                    },
                }
            },
            HEALTH: {
                "get": {
                    "operationId": "getHealth",
                    "summary": "Tells anybody that the gateway answers; nothing behind it is asked",
                    "security": [],
                    "responses": {
                        "200": {"description": "It answers", "content": _OK},
                        **_problems({429: ["Everybody together asks too often"]}),
                    },
                }
            },
        },
        "components": {
            "securitySchemes": {"apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"}},
            "schemas": {
                **event_schemas(catalogue),
                **ANSWER_SCHEMAS,
            },
        },
    }


_VALIDATE = {
    "name": "validate",
    "in": "query",
    "description": "true: judge the request like any other, and keep nothing of it",
    "schema": {"type": "boolean", "default": False},
}
_IDENTITY = [
    {
        "name": name,
        "in": "query",
        "required": True,
        "description": f"The event's {name}, as its 202 says it",
        "schema": {"type": "string", "minLength": 1},
    }
    for name in ("source", "id")
]
_INQUIRY = {"application/json": {"schema": {"$ref": "#/components/schemas/Told"}}}
# Kinds of problems that POST events does not have.
_OF_QUESTIONS = (Kind.REGISTRY, Kind.UNKNOWN_EVENT, Kind.INQUIRY)
_STANDING = {"application/json": {"schema": {"$ref": "#/components/schemas/Standing"}}}
_OK = {
    "application/json": {
        "schema": {
            "type": "object",
            "required": ["status"],
            "properties": {"status": {"const": "ok"}},
            "additionalProperties": False,
        }
    }
}
_NOT_NOW = Kind.REGISTRY.title


def _request_content() -> dict[str, Any]:
    event = {"$ref": "#/components/schemas/Event"}
    batch = {"type": "array", "items": event, "maxItems": MAX_BATCH}
    return {
        "application/cloudevents+json": {"schema": event},
        "application/cloudevents-batch+json": {"schema": batch},
        "application/json": {"schema": {"anyOf": [event, batch]}},
    }


def _responses() -> dict[str, Any]:
    results = {"application/json": {"schema": {"$ref": "#/components/schemas/Results"}}}
    accepted = {
        "application/json": {
            "schema": {
                "anyOf": [
                    {"$ref": "#/components/schemas/Accepted"},
                    {"$ref": "#/components/schemas/Results"},
                ]
            }
        }
    }
    valid = {
        "application/json": {
            "schema": {
                "anyOf": [
                    {"$ref": "#/components/schemas/Valid"},
                    {"$ref": "#/components/schemas/Results"},
                ]
            }
        }
    }
    responses: dict[str, Any] = {
        str(VALID): {"description": "With validate=true: would be accepted", "content": valid},
        str(ACCEPTED): {"description": "Accepted, or accepted before", "content": accepted},
        str(SEVERAL_OUTCOMES): {
            "description": "The events of the batch have several outcomes: see each result",
            "content": results,
        },
    }
    descriptions: dict[int, list[str]] = {}
    for kind in Kind:
        if kind in _OF_QUESTIONS:
            continue
        descriptions.setdefault(kind.status, []).append(kind.title)
    for status, text in _GATEWAY.items():
        descriptions[status] = [text]
    return responses | _problems(descriptions)


def _problems(descriptions: Mapping[int, Sequence[str]]) -> dict[str, Any]:
    return {
        str(status): {"description": "; ".join(descriptions[status]), "content": _PROBLEM}
        | ({"headers": _RETRY_AFTER} if status in (429, 503) else {})
        for status in sorted(descriptions)
    }
