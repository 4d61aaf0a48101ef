"""What `make run` says of itself while it is up."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from console.shell.failure import Misuse
from eventing.foreign_text import plain

# It writes this when all is ready, and removes it when it ends.
_OUTPUTS = Path(".local") / "outputs.json"


def laptop_outputs(folder: Path, region: str | None = None) -> Mapping[str, Any] | None:
    """What `make run` says of itself, in this folder or one above it; None when it is not up.

    With a region, what it says of that one. None as well when it has no such region, or has one alone: who
    names a region then means AWS.
    """
    said = _said(folder)
    if said is None or region is None:
        return said
    if not has_several_regions(said) or region not in said["regions"]:
        return None
    return in_region(said, region)


def in_region(laptop: Mapping[str, Any], region: str) -> Mapping[str, Any]:
    """What `make run` says of itself with another of its regions in the place of the primary one."""
    return {**laptop, "region": region, **laptop.get("regions", {}).get(region, {})}


def has_several_regions(laptop: Mapping[str, Any]) -> bool:
    """True when `make run` has deployed more than one."""
    return len(laptop.get("regions", ())) > 1


def _said(folder: Path) -> Mapping[str, Any] | None:
    for above in (folder, *folder.parents):
        try:
            content: Mapping[str, Any] = json.loads((above / _OUTPUTS).read_text("utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            raise Misuse(f"{plain(above / _OUTPUTS)} can't be read: {plain(error)}") from error
        return content
    return None
