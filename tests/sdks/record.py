"""Print the requests that the Python SDK of this environment makes of the events, as JSON.

It runs in an environment that has one version of the package `cloudevents`: see `make sdks`.
"""

from __future__ import annotations

import json
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

Sent = tuple[Mapping[str, Any], Any]
REQUIRED = {
    "specversion": "1.0",
    "source": "/sdks",
    "type": "com.example.shop.customer.registered.v1",
    "time": "2026-11-24T09:30:00Z",
}


def senders() -> Mapping[str, Callable[[dict[str, Any], Any], Sent]]:
    """By content mode, what makes headers and body of attributes and data."""
    if version("cloudevents").startswith("1."):
        from cloudevents.conversion import to_binary, to_structured
        from cloudevents.http import CloudEvent

        return {
            "structured": lambda attributes, data: to_structured(CloudEvent(attributes, data)),
            "binary": lambda attributes, data: to_binary(CloudEvent(attributes, data)),
        }
    from cloudevents.core.bindings import http
    from cloudevents.core.v1.event import CloudEvent as Event

    def sent(message: Any) -> Sent:
        return message.headers, message.body

    def event(attributes: dict[str, Any], data: Any) -> Any:
        return Event({**attributes, "time": datetime.fromisoformat(attributes["time"])}, data)

    return {
        "structured": lambda attributes, data: sent(
            http.to_structured_event(event(attributes, data))
        ),
        "binary": lambda attributes, data: sent(http.to_binary_event(event(attributes, data))),
    }


def main() -> None:
    """One entry for each event and mode: the request, or why the SDK makes none."""
    entries = []
    for case in json.loads((Path(__file__).parent / "events.json").read_text("utf-8")):
        data = case.get("json", case.get("text"))
        data = b64decode(case["base64"]) if "base64" in case else data
        for mode, send in senders().items():
            entry: dict[str, Any] = {"event": case["name"], "mode": mode}
            attributes = {**REQUIRED, "id": f"{case['name']}-{mode}", **case["attributes"]}
            try:
                headers, body = send(attributes, data)
                # What Python's HTTP libraries do with a request.
                entry["headers"] = {
                    name: str(value).encode("latin-1").decode("latin-1")
                    for name, value in headers.items()
                }
                content = body.encode() if isinstance(body, str) else bytes(body or b"")
                entry["body_base64"] = b64encode(content).decode()
            except Exception as error:
                entry = {"event": case["name"], "mode": mode, "fails": type(error).__name__}
            entries.append(entry)
    json.dump(
        {"sdk": f"Python {version('cloudevents')}", "requests": entries}, sys.stdout, indent=1
    )


if __name__ == "__main__":
    main()
