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


def laptop_outputs(folder: Path) -> Mapping[str, Any] | None:
    """What `make run` says of itself, in this folder or one above it; None when it is not up."""
    for above in (folder, *folder.parents):
        try:
            content: Mapping[str, Any] = json.loads((above / _OUTPUTS).read_text("utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            raise Misuse(f"{plain(above / _OUTPUTS)} can't be read: {plain(error)}") from error
        return content
    return None
