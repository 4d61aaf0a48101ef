"""What the API answers, as the schemas of its OpenAPI description."""

from __future__ import annotations

from typing import Any, get_args

from eventing.cause import Code
from eventing.dead_letter import STAGES
from eventing.publishers.inquiry import Status

ANSWER_SCHEMAS: dict[str, Any] = {
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
    "Told": {
        "type": "object",
        "required": ["id", "source", "status", "accepted_at", "region"],
        "properties": {
            "id": {"type": "string"},
            "source": {"type": "string"},
            "status": {"enum": list(get_args(Status))},
            "accepted_at": {"type": "string", "format": "date-time"},
            "region": {"type": "string", "description": "The one that took it"},
            "topic": {"type": "string"},
            "at": {"type": "string", "format": "date-time", "description": "When that was"},
            "stage": {"enum": list(STAGES)},
            "code": {"enum": [code.value for code in Code]},
            "since": {"type": "string", "format": "date-time"},
            "detail": {"type": "string", "description": "Where to ask for more"},
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
