"""The OpenAPI 3.1 description of the HTTP contract, made from the code's own limits and a catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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
                }
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
                **_RESULT_SCHEMAS,
            },
        },
    }


_VALIDATE = {
    "name": "validate",
    "in": "query",
    "description": "true: judge the request like any other, and keep nothing of it",
    "schema": {"type": "boolean", "default": False},
}
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
        if kind is Kind.REGISTRY:
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


_RESULT_SCHEMAS: dict[str, Any] = {
    "Accepted": {
        "type": "object",
        "required": ["id", "source", "status", "accepted_at"],
        "properties": {
            "id": {"type": "string"},
            "source": {"type": "string"},
            "status": {"enum": ["accepted", "duplicate"]},
            "accepted_at": {"type": "string", "format": "date-time"},
        },
        "additionalProperties": False,
    },
    "Valid": {
        "type": "object",
        "required": ["id", "source", "status", "topic"],
        "properties": {
            "id": {"type": "string"},
            "source": {"type": "string"},
            "status": {"const": "valid"},
            "topic": {
                "type": ["string", "null"],
                "description": "Where it would go; null: no topic takes it, and operators would see it",
            },
        },
        "additionalProperties": False,
    },
    "Standing": {
        "type": "object",
        "required": ["name", "status", "usage_plan", "limits", "throttled", "types", "keys"],
        "properties": {
            "name": {"type": "string"},
            "status": {"enum": ["active", "suspended", "revoked"]},
            "usage_plan": {"type": ["string", "null"]},
            "throttled": {"type": "boolean", "description": "The limits are narrower than agreed"},
            "limits": {
                "type": "object",
                "required": ["rate_per_second", "burst", "quota", "max_events", "max_body_bytes"],
                "properties": {
                    "rate_per_second": {"type": "number", "description": "Requests"},
                    "burst": {"type": "integer"},
                    "quota": {"type": ["object", "null"]},
                    "max_events": {"type": "integer", "description": "In one request"},
                    "max_body_bytes": {"type": "integer", "description": "In one request"},
                },
            },
            "types": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["type", "description"],
                    "properties": {
                        "type": {"type": "string"},
                        "description": {"type": "string"},
                        "schema": {"description": "The JSON Schema of data; null: there is none"},
                    },
                },
            },
            "keys": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["number", "created_at", "age_days", "expires_at"],
                    "properties": {
                        "number": {"type": "integer"},
                        "created_at": {"type": "string", "format": "date-time"},
                        "age_days": {"type": "integer"},
                        "expires_at": {"type": ["string", "null"], "format": "date-time"},
                    },
                },
            },
        },
    },
    "Problem": {
        "description": "RFC 9457. In a batch's results, with the event's id and source; for a batch "
        "of which no event was accepted, with the results.",
        "type": "object",
        "required": ["type", "title", "status"],
        "properties": {
            "type": {"type": "string", "format": "uri-reference"},
            "title": {"type": "string"},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": {"type": "string"},
            "documentation": {
                "type": "string",
                "format": "uri-reference",
                "description": "Where the documentation explains this problem and its fix",
            },
            "request_id": {"type": "string", "description": "What to quote to the operators"},
            "id": {"type": "string"},
            "source": {"type": "string"},
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["pointer", "detail"],
                    "properties": {
                        "pointer": {"type": "string", "description": "A JSON pointer (RFC 6901)"},
                        "detail": {"type": "string"},
                    },
                },
            },
            "results": {"$ref": "#/components/schemas/ResultList"},
        },
    },
    "Results": {
        "type": "object",
        "required": ["results"],
        "properties": {"results": {"$ref": "#/components/schemas/ResultList"}},
        "additionalProperties": False,
    },
    "ResultList": {
        "description": "One for each event, in the order sent",
        "type": "array",
        "items": {
            "anyOf": [
                {"$ref": "#/components/schemas/Accepted"},
                {"$ref": "#/components/schemas/Valid"},
                {"$ref": "#/components/schemas/Problem"},
            ]
        },
    },
}
