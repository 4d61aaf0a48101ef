"""The commands that documents show, run as they are written there.

A block of a document that is run has a name, in a comment above it: `<!-- shown: NAME -->`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from infrastructure.packaging import ROOT
from tests import aws_cli

# What people put in the place of the words in capitals that are the same everywhere.
_SAID = {
    "YOUR NAME": "ada",
    "WHY IT IS SAFE NOW": "the topic is back",
    "WHY IT IS NOT SAFE YET": "the topic is not back",
    "WHY NOBODY NEEDS THEM": "tests of theirs",
    "WHY IT IS A LETTER OF OURS": "a letter in an envelope",
}
_BLOCK = re.compile(r"<!-- shown: (\w+) -->\n```sh\n(.*?)```", re.DOTALL)


def commands(document: str) -> dict[str, str]:
    """The commands of a document (its path below the project), by their names."""
    blocks = _BLOCK.findall((ROOT / document).read_text(encoding="utf-8"))
    assert len(dict(blocks)) == len(blocks) > 0
    return dict(blocks)


def filled_in(command: str, **words: str) -> str:
    """The command with `words`, a name and a reason in the place of its words in capitals."""
    for word, value in {**_SAID, **words}.items():
        # Not in a longer word, such as REGION_LOST.
        literally = value.replace("\\", r"\\")
        command = re.sub(rf"(?<!\w){word}(?!\w)", literally, command)
    return command


def shell(command: str) -> list[str]:
    """The command for a shell that stops at the first error."""
    return ["bash", "-euo", "pipefail", "-c", command]


def terminal(environment: Mapping[str, str]) -> dict[str, str]:
    """A terminal's environment: no AWS account but the given one, and the project's programs."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    own = (str(ROOT / "local" / "bin"), aws_cli.folder(), str(Path(sys.executable).parent))
    path = os.pathsep.join((*own, os.environ["PATH"]))
    return {**mine, **environment, "PATH": path}


def run(
    command: str, environment: Mapping[str, str], *, folder: Path = ROOT, seconds: float = 60
) -> str:
    """What the command prints; fails with what it said when it fails or takes longer than `seconds`."""
    done = subprocess.run(
        shell(command),
        env=terminal(environment),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=seconds,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
