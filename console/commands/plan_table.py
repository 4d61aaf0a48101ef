"""A plan as a table."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from console.deployed.groups import summed
from console.shell.screen import Screen
from eventing.foreign_text import plain
from eventing.words import duration

# Characters; ten names of publishers fit in.
_WARNING = 1000


def show_plan(screen: Screen, summary: Mapping[str, Any]) -> None:
    """Show what would become of the letters that a plan has selected.

    `summary` is what `eventing.redrive.plan.make_plan` sums up.
    """
    screen.facts(
        {
            "letters": summary["letters"],
            "will go through": summary["will_go_through"],
            "will fail again": summed(summary["will_fail"]),
            "stored already": summary["already_stored"] or None,
            "go elsewhere": summed(summary["rerouted"]),
            "topics": summed(summary["topics"]),
            "subscriptions": ", ".join(f"{t} {n}" for t, n in summary["subscriptions"].items()),
            "nobody subscribed": ", ".join(
                t for t in summary["subscribers_needed"] if summary["subscriptions"][t] == 0
            ),
            "publishers": summed(summary["by_publisher"]),
            "of suspended publishers": summed(summary["withheld_by_publisher"]),
            "takes": duration(timedelta(seconds=summary["seconds"])),
            "costs": f"${summary['dollars']:.4f}",
            "first expires at": summary["first_expires_at"],
            "expire before it is done": summary["expire_before_it_is_done"] or None,
        }
    )
    show_warnings(screen, summary)


def show_warnings(screen: Screen, summary: Mapping[str, Any]) -> None:
    """Show what a plan leaves out, or could not find out; of a plan without any nothing."""
    for warning in summary.get("warnings", ()):
        screen.line(plain(warning, _WARNING), style="yellow")
