"""Commands that documents show, run as their readers run them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from local.cloud import ROOT

if TYPE_CHECKING:
    from local.deployment import Deployment

_BLOCK = re.compile(r"<!-- shown: (\w+) -->\n```sh\n(.*?)```", re.DOTALL)


def commands(document: str) -> dict[str, str]:
    """The blocks of a document that are marked `<!-- shown: name -->`, by name."""
    return dict(_BLOCK.findall((ROOT / document).read_text()))


def run(deployment: Deployment, command: str) -> str:
    """What the command prints, run by a shell that is set up as `make run` says."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    environment |= deployment.cloud.environment
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
