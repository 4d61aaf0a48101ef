"""What several tests of the command line go by."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.unit.console.cloud import OUTPUTS, Cloud


@dataclass(frozen=True)
class Ended:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """What it put out as JSON."""
        return json.loads(self.out)


Eventing = Callable[..., Ended]


# A value for each field, other than its default.
VALUES: Mapping[str, Any] = {
    "stage": "ingest",
    "limit": 7,
    "rate_per_second": 8,
    "canary": 9,
    "abort_failure_percent": 11,
    "max_episodes": 12,
    "approval_above": 13,
    "without_subscribers": True,
    "reason": "the policy is back",
    "started_by": "dana",
    "publisher": "acme-web",
    "type": "com.example.shop.order.placed.v1",
    "topic": "orders",
    "cause": "NOT_FOUND",
    "fingerprint": "0123456789abcdef",
    "failed_before": "2026-11-24T09:30:00.000Z",
    "failed_after": "2026-11-23T09:30:00.000Z",
    "letter_ids": ["a" * 43, "b" * 43],
}
LAPTOP = {
    "endpoint_url": "http://127.0.0.1:4711",
    "region": "us-east-1",
    "api_url": "http://127.0.0.1:4711/api",
    "api_key": "the-key",
    "access_key_id": "random",
    "secret_access_key": "random-as-well",
    "stacks": {"eventing-us-east-1": OUTPUTS},
}


# The same with a second region.
TWO_REGIONS = LAPTOP | {
    "regions": {
        "us-east-1": {"api_url": LAPTOP["api_url"]},
        "eu-west-1": {"api_url": "http://127.0.0.1:4711/other"},
    },
    "stacks": {"eventing-us-east-1": OUTPUTS, "eventing-data": {}, "eventing-eu-west-1": OUTPUTS},
}


def laptop(cloud: Cloud, said: Mapping[str, Any] = LAPTOP) -> None:
    """As if `make run` were up in the folder, and said this of itself."""
    (cloud.folder / ".local").mkdir()
    (cloud.folder / ".local" / "outputs.json").write_text(json.dumps(said))
