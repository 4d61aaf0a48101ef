"""`python -m commands.route FILE`: which topic takes an event, and why the others don't."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from eventing.catalogue import CatalogueError
from eventing.catalogue_check import load_catalogue
from eventing.event import read_event
from eventing.json_text import InvalidJson, parse
from eventing.problem import Refused
from eventing.routing import Router

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Reads a CloudEvent in its JSON format; exits with 1 when it is none, or no topic takes it."""
    parser = argparse.ArgumentParser(prog="python -m commands.route")
    parser.add_argument(
        "file", type=argparse.FileType("rb"), help="a CloudEvent in JSON; - for stdin"
    )
    parser.add_argument("--catalogue", type=Path, default=ROOT / "catalogue")
    arguments = parser.parse_args()
    try:
        router = Router(load_catalogue(arguments.catalogue))
        event = read_event(parse(arguments.file.read().decode()))
    except CatalogueError as error:
        sys.exit(f"faulty catalogue: {error}")
    except (InvalidJson, UnicodeDecodeError) as error:
        sys.exit(f"not JSON: {error}")
    except Refused as refused:
        faults = "".join(f"\n  {f.pointer} {f.detail}" for f in refused.problem.faults)
        sys.exit(f"no CloudEvent: {refused.problem.detail}{faults}")
    explanations = router.explain(event.type, event.value)
    for explanation in explanations:
        print(f"{explanation.topic}: {explanation.reason}")
    taken = [explanation.topic for explanation in explanations if explanation.takes]
    sys.exit(None if taken else f"no topic takes {event.type}")


if __name__ == "__main__":
    main()
