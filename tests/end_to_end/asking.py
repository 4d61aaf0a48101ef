"""Publishers that ask what became of their events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import urllib3

from tests.end_to_end.conftest import PUBLISHER

if TYPE_CHECKING:
    from local.deployment import Deployment


def get(deployment: Deployment, query: str, *, publisher: str = PUBLISHER) -> tuple[int, Any]:
    """Status and body, as a publisher is answered."""
    answer = urllib3.request(
        "GET",
        f"{deployment.api_url}/events?{query}",
        headers={"x-api-key": deployment.api_key(publisher)},
        timeout=35,
        retries=False,
    )
    return answer.status, json.loads(answer.data)


def ask(
    deployment: Deployment, event: dict[str, Any], *, publisher: str = PUBLISHER
) -> tuple[int, Any]:
    """What a publisher is told of an event."""
    source, id = (quote(event[name], safe="") for name in ("source", "id"))
    return get(deployment, f"source={source}&id={id}", publisher=publisher)
