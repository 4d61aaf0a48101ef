"""What `make run` says of itself while it is up, for programs; `eventing` finds the laptop by it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from eventing.catalogue import Catalogue
    from local.deployment import Deployment


@dataclass(frozen=True)
class Site:
    """A region that is up, with the queues that are subscribed to its topics."""

    deployment: Deployment
    subscribers: Mapping[str, str]
    """By topic."""
    watcher: str
    """Of all topics."""

    @classmethod
    def of(cls, deployment: Deployment, catalogue: Catalogue) -> Site:
        """Subscribe to the topics of this region."""
        topics = {topic.name: deployment.topic_arn(topic.name) for topic in catalogue.topics}
        subscribers = {
            topic: deployment.subscribe(f"sample-subscriber-of-{topic}", [arn], raw=True)
            for topic, arn in topics.items()
        }
        watcher = deployment.subscribe(
            "sample-subscriber-of-all-topics", list(topics.values()), raw=False
        )
        return cls(deployment, subscribers, watcher)


def write(outputs: Path, sites: Sequence[Site], *, publisher: str, dashboard_url: str) -> None:
    """Write the file for programs, which has keys in it: nobody else may read it.

    Its appearing is the sign that everything is ready, so it appears complete. The first region is the one
    that is meant where none is named; `regions` has what differs from region to region.
    """
    deployment = sites[0].deployment
    content = {
        "endpoint_url": deployment.cloud.endpoint_url,
        "region": deployment.region,
        "api_url": deployment.api_url,
        "dashboard_url": dashboard_url,
        "api_key": deployment.api_key(publisher),
        "publisher": publisher,
        "access_key_id": deployment.cloud.root_key.id,
        "secret_access_key": deployment.cloud.root_key.secret,
        "subscribers": sites[0].subscribers,
        "regions": {
            site.deployment.region: {
                "api_url": site.deployment.api_url,
                "subscribers": site.subscribers,
            }
            for site in sites
        },
        "stacks": deployment.stacks,
    }
    draft = _draft(outputs)
    draft.touch(mode=0o600, exist_ok=False)
    draft.write_text(json.dumps(content, indent=2) + "\n")
    draft.replace(outputs)


def _draft(outputs: Path) -> Path:
    return outputs.with_suffix(".new")


def remove(outputs: Path) -> None:
    """Remove the file, and what a killed run left of it."""
    for file in (outputs, _draft(outputs)):
        file.unlink(missing_ok=True)
