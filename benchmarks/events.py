"""What is sent: events of the sample shop, as API Gateway and the stream hand them over."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Any

# As `eventing.publishers.keys` makes them; nothing is imported while a process is measured.
PUBLISHER_KEY = f"evkAcme{'0' * 43}"
STRUCTURED = "application/cloudevents+json"
BATCHED = "application/cloudevents-batch+json"
_numbers = count(1)


def event(kind: int = 0) -> dict[str, Any]:
    """A new event of about 500 bytes; five kinds, each for a topic of its own."""
    number = next(_numbers)
    order = {
        "order_id": f"order-{number}",
        "customer_id": f"customer-{number % 997}",
        "total": 1249.9 if kind == 1 else 38.5,
        "currency": "EUR",
        "lines": [{"sku": "bell-brass", "quantity": 1}, {"sku": "tube-28", "quantity": 3}],
    }
    payment = {
        "payment_id": f"pay-{number}",
        "order_id": f"order-{number}",
        "amount": 38.5,
        "currency": "EUR",
        "risk": "low",
    }
    customer = {"customer_id": f"customer-{number}", "name": "Zoë Ångström", "country": "SE"}
    types: list[tuple[str, dict[str, Any]]] = [
        ("order.placed.v1", order),
        ("order.placed.v1", order),
        ("payment.failed.v1", payment),
        ("payment.captured.v1", payment),
        ("customer.registered.v1", customer),
    ]
    type, data = types[kind]
    return {
        "specversion": "1.0",
        "id": f"{type}/{number}",
        "source": "https://shop.example.com/checkout",
        "type": f"com.example.shop.{type}",
        "subject": f"order-{number}",
        "time": "2026-11-20T09:16:40.118Z",
        "datacontenttype": "application/json",
        "data": data,
    }


def request(content: Any, *, content_type: str = STRUCTURED) -> dict[str, Any]:
    """An API Gateway request (REST, Lambda proxy) that posts `content`."""
    headers = {"Content-Type": content_type, "Host": "api.example.com", "x-api-key": "secret"}
    return {
        "resource": "/events",
        "path": "/events",
        "httpMethod": "POST",
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "extendedRequestId": f"request-{next(_numbers)}",
            "resourcePath": "/events",
            "httpMethod": "POST",
            "path": "/prod/events",
            "stage": "prod",
            "identity": {
                "apiKey": PUBLISHER_KEY,
                "apiKeyId": "abcdef1234",
                "sourceIp": "192.0.2.1",
            },
        },
        "body": json.dumps(content, ensure_ascii=False),
        "isBase64Encoded": False,
    }


def record(kind: int = 0) -> dict[str, Any]:
    """A record of the Events table's stream."""
    content = event(kind)
    return {
        "eventID": f"{next(_numbers)}",
        "eventName": "INSERT",
        "eventSource": "aws:dynamodb",
        "dynamodb": {
            "SequenceNumber": f"{next(_numbers):020}",
            "NewImage": {
                "pk": {"S": f"acme#{next(_numbers)}"},
                "publisher": {"S": "acme"},
                "event": {"S": json.dumps(content, ensure_ascii=False, separators=(",", ":"))},
                "accepted_at": {"S": "2026-11-24T09:30:00.000Z"},
            },
        },
    }


def records(number: int) -> list[dict[str, Any]]:
    """So many records of the stream, evenly for five topics."""
    return [record(n % 5) for n in range(number)]


def read(file: Path) -> dict[str, Any]:
    """An event that was left in a file for another process."""
    content: dict[str, Any] = json.loads(file.read_bytes())
    return content


class Context:
    """Lambda's context object: much time left."""

    function_name = "shop-function"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:eu-north-1:123456789012:function:shop-function"
    aws_request_id = "invocation"

    def get_remaining_time_in_millis(self) -> int:
        """As many as Lambda gives at most."""
        return 900_000
