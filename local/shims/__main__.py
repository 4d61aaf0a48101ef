"""`python local/shims`: the modules of this folder are a package, which is found beside it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from shims.start import main  # noqa: E402

main()
