"""`python -m local`: the whole system on this machine."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from eventing.catalogue import CatalogueError
from eventing.catalogue_check import load_catalogue
from local import demo
from local.cloud import LOCAL, ROOT, StepFailedError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType


def main(given: Sequence[str] | None = None) -> int:
    """Parse the arguments, run, and say plainly what went wrong."""
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    parser.add_argument(
        "--once",
        action="store_true",
        help="end when the sample events have arrived; with two regions, after one was lost and is back",
    )
    parser.add_argument(
        "--regions", type=_regions, default=1, metavar="1|2", help="how many regions to deploy"
    )
    parser.add_argument("--catalogue", type=Path, default=ROOT / "catalogue", metavar="FOLDER")
    parser.add_argument("--outputs", type=Path, default=LOCAL / "outputs.json", metavar="FILE")
    arguments = parser.parse_args(given)
    # Whatever arrives can be printed, whatever the terminal knows.
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    # SIGTERM ends it like Ctrl-C, which a shell may have told its background jobs to ignore.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        folder = arguments.catalogue.resolve()
        catalogue = load_catalogue(folder)
        return demo.run(
            catalogue,
            folder,
            outputs=arguments.outputs,
            once=arguments.once,
            regions=demo.REGIONS[: arguments.regions],
        )
    except (CatalogueError, StepFailedError) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped before it was ready", file=sys.stderr)
        return 130


def _regions(text: str) -> int:
    """How many; raises what argparse tells of."""
    if text not in ("1", "2"):
        raise argparse.ArgumentTypeError(
            f"{text} is not 1 or 2: two show all that several regions do, and each one more is as many "
            "functions and alarms again for this machine."
        )
    return int(text)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
