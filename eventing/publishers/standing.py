"""Where a publisher stands: what it is told of itself."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

from eventing.answer import MAX_ANSWER_BYTES
from eventing.catalogue import Catalogue, EventType
from eventing.publishers.registry import Key, Publisher
from eventing.timestamps import read_moment
from eventing.type_patterns import covers

# An answer is escaped once more on its way: see `eventing.answer`.
_MOST_SCHEMAS_BYTES = MAX_ANSWER_BYTES // 2


def standing(publisher: Publisher, catalogue: Catalogue, now: datetime) -> dict[str, Any]:
    """What a publisher may send, by which keys, until when: nothing that only operators should know.

    Schemas that would take more than an answer holds are left out, all of them.
    """
    types = [one for one in catalogue.event_types if _may_send(publisher, one)]
    with_schemas = [_type(one) | {"schema": one.schema} for one in types]
    fits = len(json.dumps(with_schemas).encode()) <= _MOST_SCHEMAS_BYTES
    return {
        "name": publisher.name,
        "status": publisher.status,
        "usage_plan": publisher.usage_plan,
        "limits": asdict(publisher.in_force),
        "throttled": publisher.throttle is not None,
        "types": with_schemas if fits else [_type(one) for one in types],
        "keys": [_key(key, now) for key in publisher.keys if key.state == "live"],
    }


def _may_send(publisher: Publisher, type: EventType) -> bool:
    """Tell whether it may send some of what this entry of the catalogue stands for."""
    allowed = ("*",) if publisher.types is None else publisher.types
    return any(covers(one, type.type) or covers(type.type, one) for one in allowed)


def _type(type: EventType) -> dict[str, Any]:
    return {"type": type.type, "description": type.description}


def _key(key: Key, now: datetime) -> dict[str, Any]:
    return {
        "number": key.number,
        "created_at": key.created_at,
        "age_days": (now - read_moment(key.created_at)).days,
        "expires_at": key.expires_at,
    }
