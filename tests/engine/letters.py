"""Events and dead letters as the engine gets them, and another catalogue."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from eventing.catalogue import Catalogue
from eventing.catalogue_check import load_catalogue
from eventing.cause import Cause, Code
from eventing.dead_letter import DeadLetter, Stage
from eventing.timestamps import timestamp

ROOT = Path(__file__).parents[2]
CATALOGUE = load_catalogue(ROOT / "catalogue")
ORDER, PAYMENT = "com.example.shop.order.placed.v1", "com.example.shop.payment.captured.v1"


def other_catalogue() -> Catalogue:
    """The catalogue with one event type more, `org.unknown`, which the topic `customers` takes."""
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "catalogue"
        shutil.copytree(ROOT / "catalogue", copy)
        types = json.loads((copy / "event-types.json").read_text())
        types["event_types"].append({"type": "org.unknown", "description": "Known by now"})
        (copy / "event-types.json").write_text(json.dumps(types))
        topics = json.loads((copy / "topics.json").read_text())
        topics["topics"][-1]["events"].append({"type": "org.unknown"})
        (copy / "topics.json").write_text(json.dumps(topics))
        return load_catalogue(copy)


def event(id: str, type: str = ORDER, **members: Any) -> str:
    """The text of an event that the catalogue takes."""
    data: dict[str, Any] = {"order_id": id, "total": 12.5, "currency": "EUR"}
    if type == PAYMENT:
        data = {"payment_id": id, "amount": 3, "currency": "EUR"}
    content = {"specversion": "1.0", "id": id, "source": "/shop", "type": type, "data": data}
    return json.dumps(content | members, separators=(",", ":"))


def dead_letter(
    id: str,
    *,
    failed_at: datetime,
    stage: Stage = "publish",
    step: Any = None,
    topic: str | None = "orders",
    text: str | None = None,
    code: Code = Code.NOT_FOUND,
    message: str = "Topic does not exist",
    publisher: str = "acme-web",
    **members: Any,
) -> DeadLetter:
    """A dead letter of an event that was accepted a second before it failed."""
    return DeadLetter(
        stage=stage,
        step=step or ("publish" if stage == "publish" else "store"),
        publisher=publisher,
        event=text or event(id),
        accepted_at=timestamp(failed_at - timedelta(seconds=1)),
        cause=Cause(code, code.title(), message),
        failed_at=timestamp(failed_at),
        topic=topic if stage == "publish" and step != "route" else None,
        **members,
    )


def stream_record(text: str) -> dict[str, Any]:
    """The record of the Events table's stream that tells of an event."""
    image = {
        "event": {"S": text},
        "publisher": {"S": "acme-web"},
        "accepted_at": {"S": "2026-11-24T09:30:00.000Z"},
    }
    return {"eventName": "INSERT", "dynamodb": {"NewImage": image}}


def invocation_record(*events: str) -> bytes:
    """What Lambda writes when the publish function gave up on a batch."""
    records: Sequence[Any] = [stream_record(text) for text in events]
    content = {
        "requestContext": {"condition": "RetryAttemptsExhausted"},
        "payload": json.dumps({"Records": records}),
    }
    return json.dumps(content).encode()


def created(bucket: str, key: str) -> str:
    """What EventBridge puts into the publish queue about a new object."""
    content = {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "time": "2026-11-24T09:31:00Z",
        "detail": {"bucket": {"name": bucket}, "object": {"key": key}},
    }
    return json.dumps(content)
