"""`python -m local.publishing off REGION`: a region of `make run` stops publishing; `on` ends that.

What it takes meanwhile waits in its stream, which keeps it for 24 hours.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3

from local.programs import LOCAL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def set_publishing(functions: Any, name: str, *, on: bool) -> None:
    """Let the publish function of this name read its stream, or not, as docs/regions.md does it.

    `functions` is a client of Lambda in the function's region.
    """
    functions.update_event_source_mapping(UUID=_mapping(functions, name)["UUID"], Enabled=on)


def is_publishing(functions: Any, name: str) -> bool:
    """True while the publish function of this name reads its stream."""
    return _mapping(functions, name)["State"] in ("Enabled", "Enabling", "Updating", "Creating")


def _mapping(functions: Any, name: str) -> Mapping[str, str]:
    (mapping,) = functions.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    return mapping  # type: ignore[no-any-return]


def main(arguments: Sequence[str] | None = None) -> int:
    """Do it to the run that is up."""
    parser = argparse.ArgumentParser(prog="python -m local.publishing", description=__doc__)
    parser.add_argument("state", choices=("on", "off"))
    parser.add_argument("region")
    parser.add_argument("--outputs", type=Path, default=LOCAL / "outputs.json", metavar="FILE")
    given = parser.parse_args(arguments)
    try:
        said = json.loads(given.outputs.read_text())
    except FileNotFoundError:
        print("`make run` is not up: start it first.", file=sys.stderr)
        return 1
    if given.region not in said["regions"]:
        there = ", ".join(said["regions"])
        print(f"There is no region {given.region!r} here: give one of {there}.", file=sys.stderr)
        return 1
    functions = boto3.Session(
        said["access_key_id"], said["secret_access_key"], region_name=given.region
    ).client("lambda", endpoint_url=said["endpoint_url"])
    (outputs,) = (
        outputs for name, outputs in said["stacks"].items() if name.endswith(f"-{given.region}")
    )
    set_publishing(functions, outputs["PublishFunction"], on=given.state == "on")
    print(
        f"{given.region} publishes again, from where it stopped."
        if given.state == "on"
        else f"{given.region} goes on accepting events and publishes none: they wait there."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
