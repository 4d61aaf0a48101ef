"""The emulator with what it leaves out of AWS put back.

MiniStack behaves like AWS nearly everywhere. Each shim, a function of one of these modules, restores one
behaviour that this project relies on, says which, and why we need it; nothing else about the emulator is
changed. They patch private names, so exactly one version is accepted. `tests/end_to_end/test_shims.py`
shows for each that it is needed.

This runs in the emulator's own environment and imports nothing of this project:

    .local/emulator/bin/python local/shims [--while-stdin-is-open] [--without NAME,NAME]

The first line of its stdin is the root user's access key id and secret, with a space between them. With
`--while-stdin-is-open` it ends with whoever holds the other end. With RECORD_CALLS=FILE in its environment it
appends what it asks IAM about to the file.
"""

from __future__ import annotations

import importlib.metadata
import sys

VERSION = "1.5.33"
_INSTALLED = importlib.metadata.version("ministack")
if _INSTALLED != VERSION:
    # Before anything of it is imported: another version may lack the very names.
    sys.exit(
        f"local/shims patches MiniStack {VERSION}, but {_INSTALLED} is installed."
        " Run `make setup`, or go through every shim before you change the version."
    )
