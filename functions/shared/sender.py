"""Who sends a request, by the key that API Gateway has verified."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eventing import canary
from eventing.problem import Kind, Problem
from eventing.publishers.keys import publisher_of

NO_PUBLISHER = Problem(Kind.NO_PUBLISHER, "Ask the operators for a key of a publisher.")
"""The answer to a key that is of no publisher."""


def sender(identity: Mapping[str, Any], *, canary_key_id: str | None) -> str | None:
    """The publisher of a request with this `identity` (of the proxy event); None: the key is of none.

    No header and no body has a say in it.
    """
    if canary_key_id and identity.get("apiKeyId") == canary_key_id:
        return canary.PUBLISHER
    return publisher_of(identity.get("apiKey") or "")
