"""The API of a deployment, as a publisher uses it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import urllib3

STRUCTURED = "application/cloudevents+json"
_SECONDS = 30
_DETAIL = 200
# There is no function behind it.
_HEALTH_SECONDS = 5


def health(url: str) -> int | None:
    """The status that `GET` of a URL is answered with, without a key; None when nothing answers."""
    try:
        answer = urllib3.PoolManager().request("GET", url, timeout=_HEALTH_SECONDS, retries=False)
    except urllib3.exceptions.HTTPError:
        return None
    return answer.status


@dataclass(frozen=True)
class Answer:
    """What the API answers."""

    status: int
    content: Mapping[str, Any]
    """Its JSON; of anything else, the beginning of the text as the member `detail`."""


class FrontDoor:
    """The API at a URL, for who has this key; many threads may use it at once."""

    def __init__(self, url: str, key: str, *, connections: int = 1) -> None:
        self._url = f"{url.rstrip('/')}/events"
        self._key = key
        self._pool = urllib3.PoolManager(maxsize=connections, block=True)

    def post(self, body: str | bytes, *, kind: str = STRUCTURED, key: str | None = None) -> Answer:
        """Send events once, with another key if one is given; raises `urllib3.exceptions.HTTPError`."""
        answer = self._pool.request(
            "POST",
            self._url,
            body=body,
            headers={"x-api-key": key or self._key, "content-type": kind},
            timeout=_SECONDS,
            retries=False,
        )
        try:
            content: Any = json.loads(answer.data)
        except ValueError:
            content = None
        if not isinstance(content, dict):
            content = {"detail": answer.data.decode(errors="replace")[:_DETAIL]}
        return Answer(answer.status, content)
