"""Programs of others that are asked by JSON on stdin, all at once."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from infrastructure.packaging import ROOT
from tests.workflows.asl import Json

INSTALLED = ROOT / ".local" / "second-opinion" / "node_modules"


def ask(script: str, asked: Sequence[Json]) -> list[Json]:
    """The answers of a script of this folder, in the order of what was asked."""
    answered = subprocess.run(
        ["node", str(Path(__file__).with_name(script))],
        env={**os.environ, "NODE_PATH": str(INSTALLED)},
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert answered.returncode == 0, answered.stderr
    answers: list[Json] = json.loads(answered.stdout)
    assert len(answers) == len(asked)
    return answers
