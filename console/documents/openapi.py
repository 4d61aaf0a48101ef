"""The OpenAPI 3.1 description of the HTTP contract, made from the code's own limits and a catalogue."""

from __future__ import annotations

from typing import Any

from console.documents.event_schema import event_schemas
from eventing.answer import ACCEPTED, SEVERAL_OUTCOMES
from eventing.catalogue import Catalogue
from eventing.limits import MAX_BATCH
from eventing.problem import Kind

_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_RETRY_AFTER = {
    "Retry-After": {
        "description": "Seconds after which to send the request again",
        "schema": {"type": "integer", "minimum": 1},
    }
}
# What API Gateway answers by itself (eventing/gateway_answers.py).
_GATEWAY = {
    403: "No API key, one that is not known, one that is disabled, or one of no publisher",
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
                    "requestBody": {"required": True, "content": _request_content()},
                    "responses": _responses(),
                }
            }
        },
        "components": {
            "securitySchemes": {"apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"}},
            "schemas": {
                **event_schemas(catalogue),
                **_RESULT_SCHEMAS,
            },
        },
    }


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
    responses: dict[str, Any] = {
        str(ACCEPTED): {"description": "Accepted, or accepted before", "content": accepted},
        str(SEVERAL_OUTCOMES): {
            "description": "The events of the batch have several outcomes: see each result",
            "content": results,
        },
    }
    descriptions: dict[int, list[str]] = {}
    for kind in Kind:
        descriptions.setdefault(kind.status, []).append(kind.title)
    for status, text in _GATEWAY.items():
        descriptions[status] = [text]
    for status in sorted(descriptions):
        responses[str(status)] = {
            "description": "; ".join(descriptions[status]),
            "content": _PROBLEM,
        } | ({"headers": _RETRY_AFTER} if status in (429, 503) else {})
    return responses


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
                {"$ref": "#/components/schemas/Problem"},
            ]
        },
    },
}
