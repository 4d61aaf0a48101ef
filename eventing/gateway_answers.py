"""What publishers are told when API Gateway answers in the ingest function's place."""

from __future__ import annotations

from dataclasses import dataclass

from eventing.answer import RETRY_AFTER_SECONDS
from eventing.limits import MAX_BODY_BYTES
from eventing.problem import Kind


@dataclass(frozen=True, kw_only=True)
class GatewayAnswer:
    """A problem (RFC 9457) for one or several of the gateway's own response types, by their names."""

    types: tuple[str, ...]
    slug: str
    status: int
    title: str
    detail: str
    retry_after: int | None = None


ANSWERS = (
    GatewayAnswer(
        types=("INVALID_API_KEY", "ACCESS_DENIED"),
        slug="no-key",
        status=403,
        title="No valid API key",
        detail="Send the API key that you were given in the header x-api-key; if you did, it was revoked.",
    ),
    GatewayAnswer(
        # That is what the gateway calls a path or a method that the API does not have.
        types=("MISSING_AUTHENTICATION_TOKEN", "RESOURCE_NOT_FOUND"),
        slug="not-found",
        status=404,
        title="No such resource",
        detail="The API has POST events and GET me.",
    ),
    GatewayAnswer(
        types=("REQUEST_TOO_LARGE",),
        slug=Kind.BODY_TOO_LARGE.slug,
        status=Kind.BODY_TOO_LARGE.status,
        title=Kind.BODY_TOO_LARGE.title,
        detail=f"A body has at most {MAX_BODY_BYTES} bytes: send fewer events at a time.",
    ),
    GatewayAnswer(
        types=("THROTTLED",),
        slug="rate",
        status=429,
        title="Too many requests",
        detail="You sent more requests in a second than your usage plan allows: GET me has its numbers.",
        retry_after=1,
    ),
    GatewayAnswer(
        types=("QUOTA_EXCEEDED",),
        slug="quota",
        status=429,
        title="Quota used up",
        detail="You sent as many requests in this period as your usage plan allows: GET me has its numbers.",
        # The gateway does not say when the period ends; hourly is often enough to ask.
        retry_after=3600,
    ),
    GatewayAnswer(
        # The default stands for all that have no answer of their own here; the two have another status.
        types=("DEFAULT_5XX", "INTEGRATION_FAILURE", "INTEGRATION_TIMEOUT"),
        slug=Kind.UNAVAILABLE.slug,
        status=Kind.UNAVAILABLE.status,
        title=Kind.UNAVAILABLE.title,
        # What is too large for Lambda may end here as well, and no answer can look at a request.
        detail=f"Nothing is known to be stored. A body of more than {MAX_BODY_BYTES} bytes never gets "
        "through: send fewer events at a time. Any other may be sent again, which does no harm.",
        retry_after=RETRY_AFTER_SECONDS,
    ),
)
SLUGS = {type: answer.slug for answer in ANSWERS for type in answer.types}
"""Of the problems, by the gateway's own response types."""
