"""What is shown of a publisher, and of what could not be done to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from console.shell.screen import Screen


def show_publisher(screen: Screen, publisher: Mapping[str, Any]) -> None:
    """What is on record of a publisher."""
    limits, types = publisher["in_force"], publisher["types"]
    quota = limits["quota"]
    screen.facts(
        {
            "publisher": publisher["name"],
            "status": publisher["status"],
            "why": publisher["reason"],
            "since": f"{publisher['changed_at']}, by {publisher['changed_by']}",
            "contact": publisher["contact"],
            "usage plan": publisher["usage_plan"] or "limits of its own",
            "throttled": "yes" if publisher["throttle"] else "",
            "requests": f"{limits['rate_per_second']:g} a second, {limits['burst']} at once",
            "quota": f"{quota['limit']} a {quota['period'].lower()}" if quota else "none",
            "a request": f"{limits['max_events']} events, {limits['max_body_bytes']} bytes",
            "types": "all" if types is None else ", ".join(types) or "none",
            "keys": ", ".join(
                f"{one['number']} {one['state']}"
                + (f" until {one['expires_at']}" if one["expires_at"] else "")
                for one in publisher["keys"]
            ),
            "name free from": publisher["name_free_at"],
        }
    )


def show_failures(screen: Screen, failures: Sequence[Mapping[str, Any]]) -> None:
    """Where what could not be done, and why; nothing where there is nothing."""
    if failures:
        screen.table(
            ("region", "step", "why"), [(f["region"], f["step"], f["why"]) for f in failures]
        )
